"""SynOcc still: 2,000 pictures of 640x480 at three levels of occlusion, drawn on demand.

Poses come from the ``test`` clips, backgrounds from photographs that training never shows (see
``hmr_ros.data.photo_split``) or from procedural rooms. A picture depends on its number alone, so
the first N pictures are the same whether 60 or 2,000 are asked for, in any order and process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import Motions
from hmr_ros.data.photo_split import photos_of
from hmr_ros.data.render.render import render
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.scenes.mixes import HEAVY, LIGHT, REALISTIC
from hmr_ros.data.scenes.sampling import sample_scene
from hmr_ros.data.scenes.scene import Scene
from hmr_ros.data.stream import rendered_stream
from hmr_ros.evaluation.synocc.answers import Truth

# Raise it whenever the pictures, the people counted or the protocol change: figures are
# comparable within one version only.
VERSION = 2
SEED = 20261121
IMAGES = 2000
WIDTH, HEIGHT = 640, 480
# Picture n is of level n modulo 3, and each level a mix of scenes.
MIXES = {"light": LIGHT, "medium": REALISTIC, "heavy": HEAVY}
LEVELS = tuple(MIXES)

# A person is counted whose box is this long and of whom this share shows.
LEAST_BOX = 80.0
LEAST_SHOWN = 0.1
# The box that models are given is the true one with each side moved by this share of the box's
# width or height (standard deviation): nobody's detector is exact.
BOX_NOISE = 0.04


@dataclass(frozen=True, eq=False)
class Still:
    """Where the pictures are drawn from: for the benchmark, motions of the split ``test`` and
    unseen photographs. seen: whether training may show the photographs."""

    body: BodyModel
    motions: Motions
    photos: tuple[Path, ...] = ()
    seen: bool = False

    @property
    def backgrounds(self) -> str:
        """In words, for the figures: other backgrounds, other pictures."""
        words = backgrounds_in_words(self.photos)
        return words.replace("unseen ", "") if self.seen else words

    def scene(self, number: int) -> Scene:
        """Scene ``number``."""
        rng = np.random.default_rng([SEED, number])
        mix = MIXES[level_of(number)]
        return sample_scene(rng, self.body, self.motions, mix, self.photos, WIDTH, HEIGHT)

    def picture(self, number: int) -> RenderedImage:
        """Picture ``number`` with everything that is true about it."""
        return render(self.scene(number), self.body)


def backgrounds_in_words(photos: Sequence[Path]) -> str:
    """How many photographs, and the start of a hash of their names."""
    if not photos:
        return "procedural"
    names = hashlib.sha256("\n".join(p.name for p in photos).encode()).hexdigest()
    return f"{len(photos)} unseen photographs ({names[:8]}) and procedural"


def still_source(body: BodyModel, motions: Motions, photos: Iterable[Path] = ()) -> Still:
    """The benchmark from all motions and all photographs: takes the unseen ones of both."""
    return Still(body, motions.split("test"), photos_of(photos, "test"))


def calibration_source(body: BodyModel, motions: Motions, photos: Iterable[Path] = ()) -> Still:
    """Pictures like those of the benchmark, for calibration and to choose settings by: clips of the
    split ``val`` and the photographs that training may show. Numbers from ``IMAGES`` up are scenes
    of their own."""
    return Still(body, motions.split("val"), photos_of(photos, "train"), seen=True)


def level_of(number: int) -> str:
    return LEVELS[number % len(LEVELS)]


def numbers(images: int = IMAGES, level: str | None = None, first: int = 0) -> list[int]:
    """So many ``images`` from ``first`` on, those of one level if it is named.

    Raises ValueError for a level or a number that there is not.
    """
    if not 1 <= images <= IMAGES:
        raise ValueError(f"--images {images}: expected 1 to {IMAGES}")
    if level is not None and level not in LEVELS:
        raise ValueError(f"--level {level!r}: expected one of {', '.join(LEVELS)}")
    return [n for n in range(first, first + images) if level in (None, level_of(n))]


def pictures(
    still: Still, chosen: Sequence[int], workers: int = 0
) -> Iterator[tuple[int, RenderedImage]]:
    """(number, picture) in order, drawn by ``workers`` processes beside this one; without the
    maps (depth, thing, person_id, part_id are empty), which nothing here reads."""
    yield from zip(chosen, rendered_stream(partial(_drawn, still), chosen, workers), strict=True)


def _drawn(still: Still, number: int) -> RenderedImage:
    return without_maps(still.picture(number))


def without_maps(picture: RenderedImage) -> RenderedImage:
    """The picture with empty maps: they are most of its bytes, and no figure needs them."""
    maps = ("depth", "thing", "person_id", "part_id")
    return replace(picture, **{name: getattr(picture, name)[:0] for name in maps})


def counted_people(picture: RenderedImage) -> np.ndarray:
    """Rows of the people whom the figures are about: large enough, not all hidden, all in front
    of the camera, and with at least one limb joint's worth of body in the picture."""
    large = picture.boxes[:, 2:].max(1, initial=0) >= LEAST_BOX
    ahead = (picture.joints[..., 2] > 0.2).all(1)
    return np.flatnonzero(large & ahead & (picture.shown >= LEAST_SHOWN))


def truth_of(number: int, picture: RenderedImage) -> Truth:
    """The counted people of a picture."""
    rows = counted_people(picture)
    camera = picture.camera
    boxes = picture.boxes[rows].astype(np.float32)
    return Truth(
        image=np.full(len(rows), number, np.int64),
        person=rows.astype(np.int64),
        level=np.full(len(rows), level_of(number)),
        joints=picture.joints[rows],
        joints_2d=picture.joints_2d[rows],
        visibility=picture.visibility[rows],
        occluder=picture.occluder[rows],
        rotations=picture.rotations[rows],
        betas=picture.betas[rows],
        boxes=boxes,
        given=jittered(
            boxes, np.random.default_rng([SEED, number, 1]), camera.width, camera.height
        ),
        shown=picture.shown[rows],
        intrinsics=np.tile(
            np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32), (len(rows), 1)
        ),
    )


def jittered(boxes: np.ndarray, rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Boxes [N, 4] with every side moved by ``BOX_NOISE``, kept inside the picture."""
    boxes = np.asarray(boxes, float)
    noise = np.clip(rng.normal(0, BOX_NOISE, (len(boxes), 4)), -2.5 * BOX_NOISE, 2.5 * BOX_NOISE)
    low = boxes[:, :2] + noise[:, :2] * boxes[:, 2:]
    high = boxes[:, :2] + boxes[:, 2:] + noise[:, 2:] * boxes[:, 2:]
    border = np.array([width, height]) - 0.5
    low, high = np.clip(low, -0.5, border), np.clip(high, -0.5, border)
    return np.concatenate([low, high - low], 1).astype(np.float32)
