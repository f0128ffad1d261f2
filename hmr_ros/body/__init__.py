"""SMPL-format bodies: files, kinematics, skinning, joint sets."""
