"""Training: losses, recipes, the resumable loop."""
