"""Stretches of frames, and which joints stay hidden for long."""

from __future__ import annotations

import numpy as np

LASTING_S = 1.0  # that a joint stays hidden to count as lastingly hidden


def runs(chosen: np.ndarray) -> list[slice]:
    """Stretches of frames [T] bool that follow each other."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def lasting(hidden: np.ndarray, times: np.ndarray) -> np.ndarray:
    """[T, J] bool: hidden [T, J] in a run of frames that lasts ``LASTING_S`` or more. times [T]."""
    found = np.zeros_like(hidden, bool)
    for joint, column in enumerate(hidden.T):
        for run in runs(column):
            if times[run.stop - 1] - times[run.start] >= LASTING_S:
                found[run, joint] = True
    return found
