"""The front end: which people are in an image, and where their 2D keypoints lie."""
