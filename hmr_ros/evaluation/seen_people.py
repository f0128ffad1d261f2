"""People of SynOcc's pictures as the networks see them, kept on disk: what exports are judged on.

A picture is drawn and looked at by the front end once; another run, also one after an interruption,
reads what was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from hmr_ros.batch import EqualLength, concatenate
from hmr_ros.evaluation.synocc import still as benchmark
from hmr_ros.evaluation.synocc.kept import Kept
from hmr_ros.people import People
from hmr_ros.person_crops import PersonCrops, crops_of
from hmr_ros.runtime.lifter import network_inputs

VERSION = 1
PICTURES_A_CHUNK = 10


@dataclass(frozen=True)
class SeenPeople(EqualLength):
    """N people. keypoints [N, 33, 3], box [N, 4] and image [N, 4]: what the lifter takes
    (``hmr_ros.runtime.lifter.network_inputs``). joints: [N, 24, 3] float32, the truth in the
    camera frame, metres. number: [N] of the picture."""

    keypoints: np.ndarray
    box: np.ndarray
    image: np.ndarray
    joints: np.ndarray
    number: np.ndarray


def seen_people(
    still: benchmark.Still,
    look: Callable[[np.ndarray, np.ndarray], People],
    size: int,
    count: int,
    kept: Kept,
) -> Iterator[tuple[PersonCrops, SeenPeople]]:
    """Chunks of the first ``count`` people of ``still``, boxes given; the last is cut.

    look: the front end. size: side of the crops. kept: the chunks of runs that would find the same
    (``hmr_ros.evaluation.synocc.identity``). Raises ValueError if all pictures together hold fewer.
    """
    known = dict(kept.chunks())
    missing = count
    for first in range(0, benchmark.IMAGES, PICTURES_A_CHUNK):
        name = f"pictures-{first:06d}"
        if name not in known:
            found = _looked(still, look, size, first)
            if found is None:
                continue
            known[name] = _arrays(*found)
            kept.write(name, known[name])
        crops, people = _of(known.pop(name))
        rows = np.arange(min(missing, len(people)))
        yield crops[rows], people[rows]
        missing -= len(rows)
        if missing == 0:
            return
    raise ValueError(f"--people {count}: all pictures together hold {count - missing}")


def _looked(still, look, size: int, first: int) -> tuple[PersonCrops, SeenPeople] | None:
    """The people of ``PICTURES_A_CHUNK`` pictures, None if there are none."""
    parts = []
    for number in range(first, first + PICTURES_A_CHUNK):
        picture = still.picture(number)
        truth = benchmark.truth_of(number, picture)
        if not len(truth):
            continue
        people = look(picture.image, truth.given)
        lifter = network_inputs(people, picture.camera)
        seen = SeenPeople(**lifter, joints=truth.joints, number=truth.image)
        parts.append((crops_of(picture.image, people, picture.camera, size), seen))
    if not parts:
        return None
    crops, seen = (concatenate(list(side)) for side in zip(*parts, strict=True))
    return crops, seen


def _arrays(crops: PersonCrops, people: SeenPeople) -> dict[str, np.ndarray]:
    arrays = {f"crops.{f.name}": getattr(crops, f.name) for f in fields(PersonCrops)}
    return arrays | {f"people.{f.name}": getattr(people, f.name) for f in fields(SeenPeople)}


def _of(arrays: dict[str, np.ndarray]) -> tuple[PersonCrops, SeenPeople]:
    return (
        PersonCrops(**{f.name: arrays[f"crops.{f.name}"] for f in fields(PersonCrops)}),
        SeenPeople(**{f.name: arrays[f"people.{f.name}"] for f in fields(SeenPeople)}),
    )
