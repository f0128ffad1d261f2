"""Cameras, crops, rotations, placement: closed-form geometry with no learned part."""
