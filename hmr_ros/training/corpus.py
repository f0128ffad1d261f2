"""Rendered people on disk, as the real front end saw them, with their truth.

A corpus is a folder of shards ``shard-00000.npy``, each with the people of ``PICTURES_A_SHARD``
pictures: a structured array, one record a person, memory-mapped when read. Beside them
``manifest.json`` says what they were drawn from. Numbers are stored in the types of ``PersonCrops``
and ``Truth``: the picture and the maps are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from hmr_ros.batch import EqualLength
from hmr_ros.data.drawn_folder import Pieces
from hmr_ros.person_crops import CELLS, FEATURES, GRID, LANDMARKS, PersonCrops
from hmr_ros.whole_file import whole_file

VERSION = 2
PICTURES_A_SHARD = 100


class CorpusError(ValueError):
    """A folder of rendered people that cannot be used; the text says why and what to do."""


SHARDS = Pieces(
    name="shard-{n:05d}.npy",
    what="people",
    drawn_by="hmr train corpus --out {folder} --people N",
    says=("size",),
    version=VERSION,
    error=CorpusError,
)


@dataclass(frozen=True)
class Truth(EqualLength):
    """The truth of N people, in the view frame of their ``PersonCrops``.

    rotations:  [N, 24, 3, 3] float32; joint 0 from the body to the view frame, others local.
    betas:      [N, 10] float32.
    pelvis:     [N, 3] float32 metres.
    joints:     [N, 24, 3] float32 metres, relative to the pelvis.
    visibility: [N, 24] uint8, values of ``hmr_ros.data.joint_visibility``.
    occluder:   [N, 24] uint8, the ``Thing`` that hides the joint.
    joints_2d:  [N, 24, 2] float32, ray coordinates over ``scale``; far out (4) behind the view.
    """

    rotations: np.ndarray
    betas: np.ndarray
    pelvis: np.ndarray
    joints: np.ndarray
    visibility: np.ndarray
    occluder: np.ndarray
    joints_2d: np.ndarray


def record(size: int) -> np.dtype:
    """What a person is on disk; ``size`` is the side of the picture."""
    return np.dtype(
        [
            ("image", "u1", (3, size, size)),
            ("heatmaps", "u1", (LANDMARKS, CELLS, CELLS)),
            ("mask", "u1", (1, CELLS, CELLS)),
            ("features", "u1", FEATURES),
            ("keypoints", "<f4", (LANDMARKS, 3)),
            ("world", "<f4", (LANDMARKS, 3)),
            ("rays", "<f4", (2, GRID, GRID)),
            ("scale", "<f4"),
            ("box", "<f4", (4,)),
            ("view", "<f4", (3, 3)),
            ("rotations", "<f4", (24, 3, 3)),
            ("betas", "<f4", (10,)),
            ("pelvis", "<f4", (3,)),
            ("joints", "<f4", (24, 3)),
            ("visibility", "u1", (24,)),
            ("occluder", "u1", (24,)),
            ("joints_2d", "<f4", (24, 2)),
        ]
    )


class Corpus:
    """The people of a folder, numbered from 0. Safe to read from several threads.

    ``manifest`` is the dictionary of ``manifest.json``; ``size`` the side of the pictures. Only the
    shards that lie there in an unbroken row from the first count, so a corpus can be read while
    it grows; ``len`` stays what it was when it was opened.

    Raises CorpusError for a folder that is missing, empty, damaged or of another version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = SHARDS.manifest(self.folder)
        self.size = int(self.manifest["size"])
        count = SHARDS.count(self.folder)
        self._shards = [open_shard(SHARDS.path(self.folder, n), self.size) for n in range(count)]
        self._ends = np.cumsum([len(s) for s in self._shards])
        if not len(self):
            raise CorpusError(
                f"{self.folder} holds nobody yet: "
                f"`hmr train corpus --out {self.folder} --people N` draws people"
            )

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def rows(self, indices: np.ndarray) -> tuple[PersonCrops, Truth]:
        """People by number, in the order asked for; a number may come twice.

        Raises IndexError for a number that is not there.
        """
        indices = np.asarray(indices, np.int64)
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"{self.folder} holds the people 0 to {len(self) - 1}")
        people = np.empty(len(indices), record(self.size))
        shards = np.searchsorted(self._ends, indices, side="right")
        for number in np.unique(shards):
            shard = self._shards[number]
            here = np.flatnonzero(shards == number)
            # In the order on disk, which is faster where it is not in memory yet.
            here = here[np.argsort(indices[here], kind="stable")]
            people[here] = shard[indices[here] - (self._ends[number] - len(shard))]
        return unpacked(people)


def opened(folder: str | Path, side: int) -> Corpus:
    """The corpus in ``folder`` for a network that takes pictures of ``side`` pixels.

    Raises CorpusError as ``Corpus``, and for pictures of another size.
    """
    corpus = Corpus(folder)
    if corpus.size != side:
        raise CorpusError(
            f"{folder} holds pictures of {corpus.size} pixels, the network takes {side}: draw "
            f"people with --size {side}, or name another recipe or other weights"
        )
    return corpus


def open_shard(path: Path, size: int) -> np.ndarray:
    """The records [N] of a shard, mapped. Raises CorpusError."""
    try:
        people = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CorpusError(f"{path} is damaged: delete it and draw it anew ({error})") from error
    if people.dtype != record(size):
        raise CorpusError(
            f"{path} holds no people with pictures of {size} pixels: delete it and draw it anew"
        )
    return people


def packed(crops: PersonCrops, truth: Truth) -> np.ndarray:
    """[N] records of N people."""
    people = np.empty(len(crops), record(crops.image.shape[-1]))
    for part in (crops, truth):
        for field in fields(part):
            people[field.name] = getattr(part, field.name)
    return people


def unpacked(people: np.ndarray) -> tuple[PersonCrops, Truth]:
    """The reverse of ``packed``; arrays of their own."""
    return tuple(
        kind(**{f.name: np.ascontiguousarray(people[f.name]) for f in fields(kind)})
        for kind in (PersonCrops, Truth)
    )


def write_shard(folder: Path, shard: int, people: np.ndarray) -> None:
    """A reader sees the whole shard or none."""
    path = SHARDS.path(folder, shard)
    with whole_file(path) as partial, open(partial, "wb") as file:
        np.save(file, people, allow_pickle=False)
