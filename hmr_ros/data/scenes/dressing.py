"""From drafts to scenes: clothes, colours and light for what the pictures show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.carried import sample_carried
from hmr_ros.data.clothes.outfit import sample_outfit, sole_thickness
from hmr_ros.data.scenes.cameras import sample_light
from hmr_ros.data.scenes.culling import rooms_in_view, stands_in_view, view_limits
from hmr_ros.data.scenes.drafts import Draft
from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.nearness import point_gap
from hmr_ros.data.scenes.placing import CLEAR
from hmr_ros.data.scenes.scene import Finish, Person, Prop, Scene
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.viewpoints import Viewpoint


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture of a draft: around figure ``row``, which is always part of it, seen from ``view``.

    finish, window: as of ``Scene``."""

    row: int
    view: Viewpoint
    finish: Finish
    window: tuple[float, float, float, float] | None


def dressed(
    rng: np.random.Generator, draft: Draft, shots: list[Shot], body: BodyModel, mix: Mix
) -> list[Scene]:
    """A scene for each shot, its own person first, without what it cannot show.

    The viewpoints of the shots differ in their camera alone. Who or what is in several scenes is
    the same object in each.
    """
    views = [shot.view for shot in shots]
    limits = [view_limits(view) for view in views]

    def seen(points: np.ndarray) -> list[bool]:
        return [stands_in_view(points, view, at) for view, at in zip(views, limits, strict=True)]

    people: list[tuple[Person, list[bool]]] = []
    rows: dict[int, Person] = {}
    for row, figure in enumerate(draft.figures):
        where = [w or shot.row == row for w, shot in zip(seen(figure.skin), shots, strict=True)]
        if any(where):
            rows[row] = _person(rng, figure, body, mix)
            people.append((rows[row], where))
    props: list[tuple[Prop, list[bool]]] = []
    for placed, kind in draft.placed:
        where = seen(placed.bounds())
        if any(where):
            props.append((placed.prop(rng, kind), where))
    props += [(p, seen(p.vertices)) for p in draft.props]
    chance = mix.occluders.get(Thing.CARRIED, 0.0)
    for person, where in people:
        if rng.random() < chance:
            made = sample_carried(rng, person, body)
            # Unless it is right before the camera.
            if made is not None and _gap(made, draft.view.position) > CLEAR:
                props.append((made, where))
    room = rooms_in_view(draft.surroundings, draft.view, limits)
    light = sample_light(rng, mix.shadows)
    return [
        Scene(
            view=shot.view,
            people=(
                rows[shot.row],
                *(p for p, where in people if where[n] and p is not rows[shot.row]),
            ),
            props=(*(p for p, where in props if where[n]), *room),
            light=light,
            background=draft.backdrop.drawn(shot.view.camera),
            catcher=mix.shadows and not draft.surroundings,
            finish=shot.finish,
            window=shot.window,
        )
        for n, shot in enumerate(shots)
    ]


def _gap(prop: Prop, eye: np.ndarray) -> float:
    return point_gap(prop.vertices.astype(float), eye[None])


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
