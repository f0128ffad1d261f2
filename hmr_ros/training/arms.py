"""Trainings of FactorizedHMR's second stage that lack a part of it, to tell what the part is worth.

Each is what it changes in a recipe's section ``task``; all else is the whole method's.
"""

from __future__ import annotations

from collections.abc import Mapping

GEOMETRY = ("joints", "landmarks", "image", "projected", "agree", "bones")
NO_GEOMETRY = {"losses": dict.fromkeys(GEOMETRY, 0.0)}
# What adds to the changes of another arm comes after it.
ARMS = {
    "full": {},
    "untied": {"network": {"tied": False}},
    "composite": NO_GEOMETRY,
    "rotations": NO_GEOMETRY | {"network": {"positions": False}},
    "unfactorised": {"network": {"anchored": False}},
    "one-stage": {"network": {"anchored": False, "informed": False}},
    "true-turns": {"reach": False},
}


def agrees(settings: Mapping, changes: Mapping) -> bool:
    """Whether ``settings`` have all values of ``changes``."""
    return all(
        agrees(settings[key], value) if isinstance(value, Mapping) else settings[key] == value
        for key, value in changes.items()
    )
