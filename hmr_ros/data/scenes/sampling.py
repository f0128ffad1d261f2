"""Whole scenes and crops of them, drawn at random from a mix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import Motions
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.cameras import sample_finish
from hmr_ros.data.scenes.crops import crop_camera, crop_window, person_box
from hmr_ros.data.scenes.drafts import MOST_HIDDEN, Draft, sample_draft
from hmr_ros.data.scenes.dressing import Shot, dressed
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.scene import Finish, Scene
from hmr_ros.data.viewpoints import Viewpoint


def sample_scene(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    mix: Mix,
    photos: tuple[Path, ...] = (),
    width: int = 640,
    height: int = 480,
) -> Scene:
    """People before a robot's camera; at most ``mix.people`` of them, the first, are meant to be
    looked at, and others stand before or behind them.

    photos: for backgrounds, cut-outs and pictures on walls (see ``background_photos``). The same
    ``rng`` state gives the same scene. Raises ValueError for a photo that cannot be read.
    """
    draft = sample_draft(rng, body, motions, mix, photos, width, height)
    finish = sample_finish(rng, mix.faults) if mix.finish else Finish()
    return dressed(rng, draft, [Shot(0, draft.view, finish, None)], body, mix)[0]


def sample_crop(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    mix: Mix,
    photos: tuple[Path, ...] = (),
    size: int = 256,
) -> Scene:
    """A square picture of ``size`` pixels around one person of a robot's view of 640 x 480.

    That person is the first of ``people``. Nothing that is outside the crop is part of the scene,
    but its camera is the robot's, so it sees the person under the same angle.
    """
    return sample_crops(rng, body, motions, mix, photos, size, 1)[0]


def sample_crops(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    mix: Mix,
    photos: tuple[Path, ...] = (),
    size: int = 256,
    most: int = 2,
) -> list[Scene]:
    """As ``sample_crop``, around each of up to ``most`` of the people that one robot's view is of.

    There are fewer where fewer people are meant to be looked at, or can be seen. The scenes share
    the viewpoint's place and direction, the light, and ``Person`` and ``Prop`` objects: what one
    has posed can be drawn in the other. Each has a finish of its own.
    """
    while True:
        draft = sample_draft(rng, body, motions, mix, photos, 640, 480, most)
        shots = []
        for row in range(min(most, draft.looked_at)):
            if row == 0 or draft.hidden[row].sum() <= MOST_HIDDEN:
                shot = _shot(rng, draft, row, mix, size)
                if shot is not None:
                    shots.append(shot)
        if shots and shots[0].row == 0:
            return dressed(rng, draft, shots, body, mix)


def _shot(rng: np.random.Generator, draft: Draft, row: int, mix: Mix, size: int) -> Shot | None:
    """A crop around figure ``row``; None if hardly anything of it is in view."""
    full = draft.view
    box = person_box(rng, full.camera, full.to_camera(draft.figures[row].skin), mix.crop)
    if box is None:
        return None
    finish = sample_finish(rng, mix.faults) if mix.finish else Finish()
    if mix.finish and mix.faults:
        coarse = max(0.0, size / box[2] - 1)
        finish = replace(finish, blur=float(rounded(np.hypot(finish.blur, min(0.4 * coarse, 1.5)))))
    return Shot(
        row,
        Viewpoint(crop_camera(full.camera, box, size), full.rotation, full.position),
        finish,
        crop_window(full.camera, box, size) if mix.window else None,
    )
