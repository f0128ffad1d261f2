"""A watched clip as plain arrays, and back, without losing a bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from hmr_ros.evaluation.identity_metrics import Frame
from hmr_ros.evaluation.synocc.kept import Kept
from hmr_ros.evaluation.synocc.watching import ClipTruth, Watched

Clip = tuple[ClipTruth, dict[str, Watched]]
_WATCHED = ("joints", "world", "quantile", "ids", "seconds")


def kept_clips(kept: Kept, models: Sequence[str]) -> dict[int, Clip]:
    """All clips that an earlier run of these models kept, by number; files that cannot be read
    are left out with a warning."""
    found = {}
    for name, arrays in kept.chunks():
        try:
            clip = clip_from(arrays, models)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            kept.warn(name, f"it is incomplete ({error})")
            continue
        found[clip[0].number] = clip
    return found


def keep_clip(kept: Kept, clip: Clip) -> None:
    """Write one clip."""
    kept.write(f"clip-{clip[0].number:03d}", arrays_of(clip))


def arrays_of(clip: Clip) -> dict[str, np.ndarray]:
    """A clip as arrays; models by their place in its second part. Frames of people and reports
    lie in a row, with their numbers a frame beside."""
    truth, said = clip
    arrays = {f"truth.{f.name}": np.asarray(getattr(truth, f.name)) for f in fields(ClipTruth)}
    for place, watched in enumerate(said.values()):
        head = f"said.{place}."
        arrays |= {head + name: getattr(watched, name) for name in _WATCHED}
        frames = watched.identities
        for name in ("true_ids", "ids"):
            arrays[f"{head}frames.{name}"] = _row([getattr(f, name) for f in frames], np.int64)
            counts = [len(getattr(f, name)) for f in frames]
            arrays[f"{head}frames.{name}.counts"] = np.array(counts, np.int64)
        arrays[f"{head}frames.distances"] = _row([f.distances for f in frames], np.float64)
    return arrays


def clip_from(arrays: Mapping[str, np.ndarray], models: Sequence[str]) -> Clip:
    """The clip of ``arrays_of``. Raises KeyError or ValueError for arrays that do not belong
    together."""
    known = {f.name: arrays[f"truth.{f.name}"] for f in fields(ClipTruth)}
    plain = {name: value.item() for name, value in known.items() if value.ndim == 0}
    truth = ClipTruth(**{**known, **plain})
    said = {}
    for place, name in enumerate(models):
        head = f"said.{place}."
        people, reports = (arrays[f"{head}frames.{n}.counts"] for n in ("true_ids", "ids"))
        names = _split(arrays[f"{head}frames.true_ids"], people)
        ids = _split(arrays[f"{head}frames.ids"], reports)
        distances = _split(arrays[f"{head}frames.distances"], people * reports)
        frames = [
            Frame(n, i, d.reshape(len(n), len(i)))
            for n, i, d in zip(names, ids, distances, strict=True)
        ]
        found = {n: arrays[head + n] for n in _WATCHED}
        said[name] = Watched(identities=frames, **found)
    return truth, said


def _row(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *(np.ravel(part) for part in parts)])


def _split(row: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    if len(row) != counts.sum():
        raise ValueError(f"{len(row)} values for {counts.sum()}")
    return np.split(row, np.cumsum(counts)[:-1])
