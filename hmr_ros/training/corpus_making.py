"""Drawing the people of a corpus: rendered, looked at by the front end, with their truth."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hmr_ros.crop_views import FARTHEST
from hmr_ros.data.ingredients import load_ingredients
from hmr_ros.data.render.render import render
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.mixes import HEAVY, REALISTIC
from hmr_ros.data.scenes.sampling import sample_scene
from hmr_ros.data.stream import rendered_stream
from hmr_ros.people import People
from hmr_ros.person_crops import PersonCrops, crops_of
from hmr_ros.training.corpus import (
    PICTURES_A_SHARD,
    SHARDS,
    VERSION,
    Truth,
    open_shard,
    packed,
    write_shard,
)

# Whole views of a robot, not crops: the front end looks around a person, and what it takes for the
# person's region often reaches further than a crop would.
WIDTH, HEIGHT = 640, 480
MIXES = (REALISTIC, HEAVY)
# People count who are as long in the picture, and of whom this share shows (as in SynOcc).
LEAST_BOX = 80.0
LEAST_SHOWN = 0.1
# Each side of a given box is off by this share of the box's width or height: nobody's detector is
# exact (as in SynOcc).
BOX_NOISE = 0.04

# Image [H, W, 3] uint8 BGR and boxes [N, 4] to the front end's ``People`` with maps.
Look = Callable[[np.ndarray, np.ndarray], People]


@dataclass(frozen=True)
class Drawing:
    """What people are drawn from; ``look`` is the front end (picklable if there are workers).

    motions, split, photos: see ``load_ingredients``. size: side of the stored pictures. mixes: of
    scenes, in turns. quick: a front end that looks less often, for all but every
    ``thorough_every``-th picture of a mix: most of the time of drawing goes into second looks.
    """

    look: Look
    motions: Path
    split: str
    photos: Path | None = None
    seed: int = 0
    size: int = 256
    mixes: tuple[Mix, ...] = MIXES
    quick: Look | None = None
    thorough_every: int = 1

    def __call__(self, index: int) -> np.ndarray:
        """The people of picture ``index`` as records; depends on nothing else."""
        drawn = load_ingredients(self.motions, self.split, self.photos)
        rng = np.random.default_rng([self.seed, index])
        mix = self.mixes[index % len(self.mixes)]
        scene = sample_scene(rng, drawn.body, drawn.motions, mix, drawn.photos, WIDTH, HEIGHT)
        picture = render(scene, drawn.body)
        rows = counted(picture)
        people = self._look(index)(picture.image, given(picture.boxes[rows], rng))
        crops = crops_of(picture.image, people, picture.camera, self.size)
        return packed(crops, truth_of(picture, rows, crops))

    def _look(self, index: int) -> Look:
        if self.quick is None or index // len(self.mixes) % self.thorough_every == 0:
            return self.look
        return self.quick

    def manifest(self) -> dict:
        """What must agree for two pictures to be of one corpus."""
        return {
            "version": VERSION,
            "size": self.size,
            "pictures_a_shard": PICTURES_A_SHARD,
            "seed": self.seed,
            "split": self.split,
            "motions": self.motions.name,
            "photos": self.photos.name if self.photos else None,
            "mixes": [described(mix) for mix in self.mixes],
            "thorough_every": self.thorough_every if self.quick else 1,
        }


def draw_people(drawing: Drawing, folder: Path, count: int, workers: int = 0) -> Iterator[int]:
    """Draw shards until ``folder`` holds ``count`` people; yields how many it holds.

    Shards that lie there are kept; the folder must be new or of the same ``drawing``, else
    CorpusError. Raises what ``rendered_stream`` raises.
    """
    SHARDS.begin(folder, drawing.manifest())
    shard = SHARDS.count(folder)
    done = sum(len(open_shard(SHARDS.path(folder, n), drawing.size)) for n in range(shard))
    yield done
    if done >= count:
        return
    stream = rendered_stream(drawing, itertools.count(shard * PICTURES_A_SHARD), workers)
    with contextlib.closing(stream):
        while done < count:
            people = []
            for made in itertools.islice(stream, PICTURES_A_SHARD):
                people.append(made)
                done += len(made)
                yield done
            write_shard(folder, shard, np.concatenate(people))
            shard += 1


def counted(picture: RenderedImage) -> np.ndarray:
    """Rows of the people who are large and seen enough, and wholly before the camera."""
    large = picture.boxes[:, 2:].max(1, initial=0) >= LEAST_BOX
    ahead = (picture.joints[..., 2] > 0.2).all(1)
    return np.flatnonzero(large & ahead & (picture.shown >= LEAST_SHOWN))


def given(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Boxes [N, 4] with every side a little off, inside the picture."""
    noise = np.clip(rng.normal(0, BOX_NOISE, (len(boxes), 4)), -2.5 * BOX_NOISE, 2.5 * BOX_NOISE)
    low = boxes[:, :2] + noise[:, :2] * boxes[:, 2:]
    high = boxes[:, :2] + (1 + noise[:, 2:]) * boxes[:, 2:]
    border = np.array([WIDTH, HEIGHT]) - 0.5
    low, high = np.clip(low, -0.5, border), np.clip(high, -0.5, border)
    return np.concatenate([low, high - low], 1).astype(np.float32)


def truth_of(picture: RenderedImage, rows: np.ndarray, crops: PersonCrops) -> Truth:
    """The truth of people ``rows`` of a picture, in the view frames of their ``crops``."""
    view = crops.view.astype(np.float64)
    joints = picture.joints[rows] @ view.transpose(0, 2, 1)
    rotations = picture.rotations[rows].astype(np.float64)
    rotations[:, 0] = view @ rotations[:, 0]
    flat = joints[..., :2] / np.maximum(joints[..., 2:], 0.1) / crops.scale[:, None, None]
    return Truth(
        rotations=rotations.astype(np.float32),
        betas=picture.betas[rows].astype(np.float32),
        pelvis=joints[:, 0].astype(np.float32),
        joints=(joints - joints[:, :1]).astype(np.float32),
        visibility=picture.visibility[rows].astype(np.uint8),
        occluder=picture.occluder[rows].astype(np.uint8),
        joints_2d=np.clip(flat, -FARTHEST, FARTHEST).astype(np.float32),
    )


def described(mix: Mix) -> dict:
    """A mix as it stands in a manifest."""
    values = asdict(mix)
    values["occluders"] = {kind.name: chance for kind, chance in mix.occluders.items()}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
