"""Which photographs training may show behind people, and which are kept for evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

TEST_SHARE = 0.25
PARTS = ("train", "test")


def photo_part(name: str) -> str:
    """``train`` or ``test``, by the file's name alone: the same on any machine and for any folder.

    A hash of the name (SHA-256) decides, so a photo that joins the folder moves no other.
    """
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return "test" if first < TEST_SHARE * 2**32 else "train"


def photos_of(photos: Iterable[Path], part: str) -> tuple[Path, ...]:
    """Those of ``photos`` that belong to one of ``PARTS``, in the same order."""
    if part not in PARTS:
        raise ValueError(f"part {part!r} is unknown; known: {', '.join(PARTS)}")
    return tuple(photo for photo in photos if photo_part(Path(photo).name) == part)
