"""Pictures from anywhere but a topic: image, folder, video, rosbag2, webcam, panned photograph."""
