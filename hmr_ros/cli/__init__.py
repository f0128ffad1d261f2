"""The command ``hmr``."""
