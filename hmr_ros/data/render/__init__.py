"""Scenes into pictures with their truth."""
