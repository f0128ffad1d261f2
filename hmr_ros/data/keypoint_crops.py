"""Square pictures of one person with COCO's keypoints, by number: what a 2D network learns from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.data.backgrounds import background_photos
from hmr_ros.data.motions import load_motions
from hmr_ros.data.photo_split import photos_of
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.sampling import sample_crop


@dataclass(frozen=True)
class KeypointCrop:
    """Picture ``index`` of a mix: image [size, size, 3] uint8 BGR and keypoints [17, 2] pixels.

    Poses of the clips of ``split``; backgrounds of the folder ``photos`` that are for training.
    A pure function of its fields and the index, and cheap to send to a worker process.
    """

    mix: Mix
    motions: Path
    split: str
    photos: Path | None
    size: int
    seed: int

    def __call__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        body, motions, photos = _loaded(self.motions, self.split, self.photos)
        rng = np.random.default_rng([self.seed, index])
        picture = render(sample_crop(rng, body, motions, self.mix, photos, self.size), body)
        pose = picture.rotations[:1], picture.betas[:1], picture.transl[:1]
        return picture.image, picture.camera.project(keypoints(body, *pose, "coco17")[0])


@cache
def _loaded(motions: Path, split: str, photos: Path | None):
    """What a process reads once."""
    return (
        load_body_model(),
        load_motions(motions).split(split),
        photos_of(background_photos(photos), "train"),
    )
