"""Keypoints, heat-maps and masks as the real front end would give them on rendered people."""
