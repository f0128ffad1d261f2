"""Stretches of frames, and which joints stay hidden for long."""

from __future__ import annotations

import numpy as np

LASTING_S = 1.0  # that a joint stays hidden to count as lastingly hidden

def lasting(hidden: np.ndarray, times: np.ndarray, seconds: float) -> np.ndarray:
    """[T, J] bool: hidden [T, J] in a row of frames that lasts ``seconds`` or more; times: [T]."""
    found = np.zeros_like(hidden, bool)
    for joint, column in enumerate(hidden.T):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(int), [0]])))
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            if times[end - 1] - times[first] >= seconds:
                found[first:end, joint] = True
    return found
