"""Whole scenes and crops of them, drawn at random from a mix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.carried import sample_carried
from hmr_ros.data.clothes.outfit import sample_outfit, sole_thickness
from hmr_ros.data.motions import Motions
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.cameras import sample_finish, sample_light
from hmr_ros.data.scenes.crops import crop_camera, crop_window, person_box
from hmr_ros.data.scenes.culling import rooms_in_view, stands_in_view, view_limits
from hmr_ros.data.scenes.drafts import Draft, sample_draft
from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.nearness import point_gap
from hmr_ros.data.scenes.placing import CLEAR
from hmr_ros.data.scenes.scene import Finish, Person, Scene
from hmr_ros.data.scenes.things import Thing
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
    return _dressed(rng, draft, draft.view, body, mix, photos)


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
    while True:
        draft = sample_draft(rng, body, motions, mix, photos, 640, 480, every=False)
        full = draft.view
        box = person_box(rng, full.camera, full.to_camera(draft.figures[0].skin), mix.crop)
        if box is not None:
            break
    view = replace(full, camera=crop_camera(full.camera, box, size))
    window = crop_window(full.camera, box, size) if mix.window else None
    scene = _dressed(rng, draft, view, body, mix, photos)
    finish = scene.finish
    if mix.finish and mix.faults:
        coarse = max(0.0, size / box[2] - 1)
        finish = replace(finish, blur=float(rounded(np.hypot(finish.blur, min(0.4 * coarse, 1.5)))))
    return replace(scene, window=window, finish=finish)


def _dressed(
    rng: np.random.Generator,
    draft: Draft,
    view: Viewpoint,
    body: BodyModel,
    mix: Mix,
    photos: tuple[Path, ...],
) -> Scene:
    """The draft as a scene: with clothes, colours and light; without what cannot be seen."""
    limits = view_limits(view)
    figures = [
        f for n, f in enumerate(draft.figures) if n == 0 or stands_in_view(f.skin, view, limits)
    ]
    people = [_person(rng, f, body, mix) for f in figures]
    props = [
        placed.prop(rng, kind)
        for placed, kind in draft.placed
        if stands_in_view(placed.bounds(), view, limits)
    ]
    props += [
        p for p in draft.props if not len(p.vertices) or stands_in_view(p.vertices, view, limits)
    ]
    props += _carried(rng, people, body, mix, view.position)
    room = rooms_in_view(draft.surroundings, view, limits)
    return Scene(
        view=view,
        people=tuple(people),
        props=(*props, *room),
        light=sample_light(rng, mix.shadows),
        background=draft.backdrop.drawn(view.camera),
        catcher=mix.shadows and not draft.surroundings,
        finish=sample_finish(rng, mix.faults) if mix.finish else Finish(),
    )


def _carried(
    rng: np.random.Generator, people: list[Person], body: BodyModel, mix: Mix, eye
) -> list:
    """What some of them hold in their hands, unless it is right before the camera at ``eye``."""
    chance = mix.occluders.get(Thing.CARRIED, 0.0)
    made = [sample_carried(rng, p, body) for p in people if rng.random() < chance]
    return [
        m for m in made if m is not None and point_gap(m.vertices.astype(float), eye[None]) > CLEAR
    ]


def _person(rng: np.random.Generator, figure: Figure, body: BodyModel, mix: Mix) -> Person:
    outfit = sample_outfit(rng, body, clothes=mix.clothes)
    # Who stands stands on the soles of shoes.
    lift = sole_thickness(outfit) if figure.on_feet else 0.0
    return Person(
        rotations=figure.rotations.astype(np.float32),
        betas=figure.betas,
        transl=(figure.transl + [0.0, lift, 0.0]).astype(np.float32),
        outfit=outfit,
        activity=figure.activity,
    )
