"""Where the motion clips for training and evaluation are looked for."""

from __future__ import annotations

import os
from pathlib import Path


def default_motions() -> Path:
    """``motions.npz`` in $HMR_SHARED_DATA, else in ``shared/data`` beside the source tree."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("HMR_SHARED_DATA", beside)) / "motions.npz"
