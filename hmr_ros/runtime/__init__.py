"""Inference without torch: weight files, sessions, and the estimators built on them."""
