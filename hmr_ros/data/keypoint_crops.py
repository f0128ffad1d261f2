"""Square pictures of one person with COCO's keypoints, by number: what a 2D network learns from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.body.keypoints import keypoints
from hmr_ros.data.ingredients import load_ingredients
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.sampling import sample_crop


@dataclass(frozen=True)
class KeypointCrop:
    """Picture ``index`` of a mix: image [size, size, 3] uint8 BGR and keypoints [17, 2] pixels.

    Poses of the clips of ``split``; backgrounds of the folder ``photos``, those for training or for
    evaluation as the split is.
    A pure function of its fields and the index, and cheap to send to a worker process.
    """

    mix: Mix
    motions: Path
    split: str
    photos: Path | None
    size: int
    seed: int

    def __call__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        has = load_ingredients(self.motions, self.split, self.photos)
        body, rng = has.body, np.random.default_rng([self.seed, index])
        picture = render(sample_crop(rng, body, has.motions, self.mix, has.photos, self.size), body)
        pose = picture.rotations[:1], picture.betas[:1], picture.transl[:1]
        return picture.image, picture.camera.project(keypoints(body, *pose, "coco17")[0])
