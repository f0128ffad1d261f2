"""Training and evaluation data: motions, cameras, rendered scenes, keypoint noise."""
