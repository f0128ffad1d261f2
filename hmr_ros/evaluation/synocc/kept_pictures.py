"""What came out of some pictures as plain arrays, and back, without losing a bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.evaluation.synocc.answers import Answer, Truth
from hmr_ros.evaluation.synocc.kept import Kept
from hmr_ros.evaluation.synocc.study import Looked, joined

_UNASKED = -1  # alarms of a model that finds nobody by itself


def kept_pictures(kept: Kept, models: Sequence[str]) -> dict[int, Looked]:
    """All pictures that an earlier run of these models kept, by number; chunks that cannot be
    read are left out with a warning."""
    found = {}
    for name, arrays in kept.chunks():
        try:
            found |= {one.number: one for one in pictures_from(arrays, models)}
        except (KeyError, ValueError, IndexError, TypeError) as error:
            kept.warn(name, f"it is incomplete ({error})")
    return found


def keep_pictures(kept: Kept, found: Sequence[Looked], models: Sequence[str]) -> None:
    """Write one chunk. Chunks of one run share no picture, so the first one names it."""
    kept.write(f"pictures-{found[0].number:06d}", arrays_of(found, models))


def arrays_of(found: Sequence[Looked], models: Sequence[str]) -> dict[str, np.ndarray]:
    """K pictures as arrays: people of all pictures in a row; models by their place in ``models``.

    ``answers.<protocol>.<model>.asked`` [K] tells the pictures that it has rows for.
    """
    truth = concatenate([one.truth for one in found])
    arrays = {
        "numbers": np.array([one.number for one in found], np.int64),
        "people": np.array([len(one.truth) for one in found], np.int64),
        "digests": np.array([list(one.digest) for one in found], np.uint8),
        "alarms": np.array(
            [[one.alarms.get(name, _UNASKED) for name in models] for one in found], np.int64
        ),
    }
    arrays |= {f"truth.{f.name}": getattr(truth, f.name) for f in fields(Truth)}
    for protocol, name in dict.fromkeys(pair for one in found for pair in one.said):
        head = f"answers.{protocol}.{models.index(name)}."
        parts = [one.said.get((protocol, name)) for one in found]
        arrays[head + "asked"] = np.array([part is not None for part in parts])
        answer = joined([part for part in parts if part is not None])
        for f in fields(Answer):
            if getattr(answer, f.name) is not None:
                arrays[head + f.name] = getattr(answer, f.name)
    return arrays


def pictures_from(arrays: Mapping[str, np.ndarray], models: Sequence[str]) -> list[Looked]:
    """The pictures of ``arrays_of``. Raises KeyError, ValueError or IndexError for arrays that
    do not belong together."""
    people = arrays["people"]
    truths = _split(Truth(**{f.name: arrays[f"truth.{f.name}"] for f in fields(Truth)}), people)
    said: list[dict[tuple[str, str], Answer]] = [{} for _ in people]
    for head in [name.removesuffix("asked") for name in arrays if name.endswith(".asked")]:
        _, protocol, model, _ = head.split(".")
        given = {f.name: arrays.get(head + f.name) for f in fields(Answer)}
        asked = arrays[head + "asked"]
        parts = _split(Answer(**given), people[asked])
        for place, part in zip(np.flatnonzero(asked), parts, strict=True):
            said[place][protocol, models[int(model)]] = part
    found = []
    for k, number in enumerate(arrays["numbers"]):
        counts = zip(models, arrays["alarms"][k], strict=True)
        alarms = {name: int(count) for name, count in counts if count != _UNASKED}
        digest = arrays["digests"][k].tobytes()
        found.append(Looked(int(number), truths[k], said[k], alarms, digest))
    return found


def _split(batch, lengths: np.ndarray) -> list:
    if len(batch) != lengths.sum():
        raise ValueError(f"{len(batch)} rows for {lengths.sum()} people")
    ends = np.cumsum(lengths)
    return [batch[a:b] for a, b in zip(ends - lengths, ends, strict=True)]
