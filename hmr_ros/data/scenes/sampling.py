"""Whole scenes and crops of them, drawn at random from a mix."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.data.motions import Motions
from hmr_ros.data.scenes.backdrops import noise_backdrop, photo_backdrop, sky_backdrop
from hmr_ros.data.scenes.cameras import framed, sample_camera, sample_finish, sample_light
from hmr_ros.data.scenes.crops import crop_of, person_box
from hmr_ros.data.scenes.dressing import sample_outfit
from hmr_ros.data.scenes.figures import Figure, sample_figure
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.placing import furniture_before
from hmr_ros.data.scenes.rooms import sample_room
from hmr_ros.data.scenes.scene import Finish, Person, Prop, Scene
from hmr_ros.data.scenes.solids import sample_solid
from hmr_ros.data.scenes.things import Thing


def sample_scene(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    mix: Mix,
    photos: tuple[Path, ...] = (),
    width: int = 640,
    height: int = 480,
) -> Scene:
    """People before a robot's camera; the first ``mix.people`` of them are meant to be looked at.

    The same ``rng`` state gives the same scene.
    """
    camera = sample_camera(rng, mix, width, height)
    eye = np.array([0.0, rng.uniform(*mix.height), 0.0])
    figures: list[Figure] = []
    for n in range(int(rng.integers(mix.people[0], mix.people[1] + 1))):
        for _ in range(5):
            one = sample_figure(rng, body, motions, mix.activities)
            d = rng.uniform(*mix.distance)
            aside = 0.0 if n == 0 else rng.uniform(-0.8, 0.8) * np.arctan(0.5 * width / camera.fx)
            one = one.moved([d * np.sin(aside), 0, -d * np.cos(aside)])
            if not any(one.near(other) for other in figures):
                figures.append(one)
                break
    truncated = rng.random() < mix.occluders.get(Thing.BORDER, 0.0)
    view = framed(rng, mix, camera, eye, figures[0].skin, truncated)
    props: list[Prop] = []
    placed: list[Placed] = []
    for kind in (Thing.FURNITURE, Thing.SOLID):
        chance = mix.occluders.get(kind, 0.0)
        while rng.random() < chance and len(props) < 12:
            chance = mix.more
            target = figures[rng.integers(len(figures))]
            if kind == Thing.FURNITURE:
                piece = furniture_before(rng, target, eye, placed, figures)
                if piece is not None:
                    placed.append(piece)
                    props.append(piece.prop(rng))
            else:
                at = target.skin[rng.integers(len(target.skin))]
                at = eye + rng.uniform(0.5, 0.9) * (at - eye) + rng.normal(0, 0.1, 3)
                if np.linalg.norm(at - eye) > 0.75:
                    props.append(sample_solid(rng, at))
    room = rng.random() < mix.rooms
    if room:
        props += sample_room(rng, view, figures, placed)
        backdrop = sky_backdrop(rng, camera, 0.5 * height)
    elif photos and rng.random() < mix.photos / max(1 - mix.rooms, 1e-9):
        backdrop = photo_backdrop(rng, camera, photos)
    else:
        backdrop = noise_backdrop(rng, camera)
    people = tuple(
        Person(
            rotations=f.rotations.astype(np.float32),
            betas=f.betas,
            transl=f.transl.astype(np.float32),
            outfit=sample_outfit(rng, body, mix.clothes),
            activity=f.activity,
        )
        for f in figures
    )
    return Scene(
        view=view,
        people=people,
        props=tuple(props),
        light=sample_light(rng, mix.shadows),
        background=backdrop.drawn(camera),
        catcher=not room and mix.shadows,
        finish=sample_finish(rng) if mix.finish else Finish(),
    )


def sample_crop(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    mix: Mix,
    photos: tuple[Path, ...] = (),
    size: int = 256,
) -> Scene:
    """A square picture around one person of a robot's view, who is the first of ``people``."""
    while True:
        scene = sample_scene(rng, body, motions, mix, photos)
        person = scene.people[0]
        mesh = vertices(
            body, person.rotations[None].astype(float), person.betas[None].astype(float)
        )[0]
        points = scene.view.to_camera(mesh[::5] + person.transl)
        box = person_box(rng, scene.view.camera, points, (1.1, 1.4))
        if box is not None:
            return crop_of(scene, box, size)
