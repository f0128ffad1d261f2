"""Find clips of val and test that are in train as well, perhaps placed or turned differently."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.clips import Motions

# Two frames are the same if their joints differ by less than this, root mean square in radians.
# Float16 storage and resampling change less; two takes of one walk differ by five times as much.
_SAME = 0.02
_PROBES = 5


def duplicates(motions: Motions) -> list[tuple[int, int]]:
    """Pairs (clip of val or test, train clip) with the same poses but for the root.

    A clip is a duplicate if ``_PROBES`` frames spread over it are all found in one train clip, in
    order and as far apart (within two frames): a part of a longer clip is found as well.
    """
    held_out = [c for c, split in enumerate(motions.splits) if split != "train"]
    train = [c for c, split in enumerate(motions.splits) if split == "train"]
    if not held_out or not train:
        return []
    probes = [_spread(*_ends(motions, c)) for c in held_out]
    asked = _features(motions, np.concatenate(probes)).reshape(len(held_out), _PROBES, -1)
    found: dict[int, int] = {}
    # One train clip at a time: the distances to a large collection do not fit into memory.
    for clip in train:
        start, stop = _ends(motions, clip)
        known = _features(motions, np.arange(start, stop))
        first = _same(asked[:, 0], known)
        for n in np.flatnonzero(first.any(1)):
            if held_out[n] not in found and _in_step(_same(asked[n], known), probes[n]):
                found[held_out[n]] = clip
    return sorted(found.items())


def _same(asked: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[A, K] whether two frames are the same."""
    distance = (asked**2).sum(1)[:, None] + (known**2).sum(1) - 2 * asked @ known.T
    return distance < asked.shape[1] / 3 * _SAME**2


def _in_step(same: np.ndarray, frames: np.ndarray) -> bool:
    """Whether some frame equals the first probe and each other one is found as far behind it.

    same: [_PROBES, K], of the frames of one clip."""
    for first in np.flatnonzero(same[0]):
        places = first + frames - frames[0]
        if all(same[n, max(p - 2, 0) : p + 3].any() for n, p in enumerate(places)):
            return True
    return False


def _ends(motions: Motions, clip: int) -> tuple[int, int]:
    rows = motions.frames(clip)
    return rows.start, rows.stop


def _spread(start: int, stop: int) -> np.ndarray:
    share = (np.arange(_PROBES) + 0.5) / _PROBES
    return start + (share * (stop - start)).astype(int)


def _features(motions: Motions, rows: np.ndarray) -> np.ndarray:
    """[N, 63] axis-angle of all joints but pelvis and hands. (A rotation near a half turn may be
    written in two ways; limbs do not turn that far.)"""
    return motions.poses[rows, 1:22].reshape(len(rows), -1).astype(np.float32)
