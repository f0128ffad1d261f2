"""The plan of a scene before anybody is dressed or anything painted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import Motions
from hmr_ros.data.scenes.backdrops import Backdrop, noise_backdrop, photo_backdrop, sky_backdrop
from hmr_ros.data.scenes.cameras import bearings, framed, sample_camera
from hmr_ros.data.scenes.crowd import (
    beside,
    free,
    put,
    put_before_or_behind,
    put_in_view,
    seated,
)
from hmr_ros.data.scenes.cutouts import sample_cutout
from hmr_ros.data.scenes.figures import Figure, sample_figure
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.nearness import point_gap, points_between
from hmr_ros.data.scenes.outdoors import ground_props
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.placing import furniture_around, furniture_before, furniture_in_room
from hmr_ros.data.scenes.rooms import room_props, sample_room
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.sight import behind_person, beyond_border
from hmr_ros.data.scenes.solids import sample_solid
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.viewpoints import Viewpoint

_CLEAR = 0.35  # metres from the camera to anything
_MOST = 3  # occluders of a kind for a person
MOST_HIDDEN = 19  # joints of a person that is looked at: a picture of nobody teaches nothing


@dataclass(eq=False)
class Draft:
    """figures: the first ``looked_at`` of them are what the picture is of. placed: furniture.
    props: solids and cut-outs. surroundings: a room or open ground, else nothing. hidden: [24] bool
    for each of those looked at, an estimate of which joints something is before."""

    view: Viewpoint
    figures: list[Figure] = field(default_factory=list)
    looked_at: int = 0
    placed: list[tuple[Placed, Thing]] = field(default_factory=list)
    props: list[Prop] = field(default_factory=list)
    surroundings: list[Prop] = field(default_factory=list)
    backdrop: Backdrop | None = None
    hidden: list[np.ndarray] = field(default_factory=list)

    @property
    def pieces(self) -> list[Placed]:
        return [p for p, _ in self.placed]


def sample_draft(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    mix: Mix,
    photos: tuple[Path, ...],
    width: int,
    height: int,
    crops: int | None = None,
) -> Draft:
    """Who and what is where, and the camera.

    crops: how many of the people that are looked at have a picture of their own, the first ones:
    occluders are for them alone, and others join only where such a picture may show them. None:
    one picture of all.
    """
    camera = sample_camera(rng, mix, width, height)
    eye = np.array([0.0, rng.uniform(*mix.height), 0.0])
    furniture = mix.occluders.get(Thing.FURNITURE, 0.0) > 0
    truncated = rng.random() < mix.occluders.get(Thing.BORDER, 0.0)

    def figure() -> Figure:
        return sample_figure(rng, body, motions, mix.activities)

    distance = rng.uniform(*mix.distance)
    first = figure()
    # Who is cut off by the border is close.
    fill = (0.7, 1.8) if truncated else (0.0, 1.0)
    first = put_in_view(first, eye, camera, distance, fill)
    first, seat, kind = seated(rng, first, furniture)
    draft = Draft(framed(rng, mix, camera, eye, first.skin, truncated), [first], 1)
    if seat is not None:
        draft.placed.append((seat, kind))
    half = float(np.arctan(0.5 * width / camera.fx))
    ahead = _azimuth(draft.view)

    def somewhere() -> tuple[float, float]:
        return ahead + half * rng.uniform(-0.85, 0.85), rng.uniform(*mix.distance)

    apart = mix.occluders.get(Thing.PERSON, 0.0) == 0
    most = mix.people[1] if crops is None else crops
    for _ in range(int(rng.integers(mix.people[0], mix.people[1] + 1)) - 1):
        place, tries = somewhere(), 6
        if len(draft.figures) >= most:
            # What no crop would show need not be posed.
            if not any(_may_be_beside(f, eye, *place) for f in draft.figures[:most]):
                continue
            tries = 1
        one = figure()
        for n in range(tries):
            there = put(one, eye, *(place if n == 0 else somewhere()))
            there, seat, kind = seated(rng, there, furniture)
            if apart and not beside(there, draft.figures, eye):
                continue
            if _joined(draft, there, seat, kind, eye):
                break
    draft.looked_at = len(draft.figures)
    draft.hidden = [
        beyond_border(f, draft.view) | _behind_people(f, draft.figures, eye) for f in draft.figures
    ]
    for n in range(min(most, draft.looked_at)):
        _occlude(rng, draft, n, figure, mix, eye, photos)
    _surround(rng, draft, mix, eye, half, photos)
    return draft


def _azimuth(view: Viewpoint) -> float:
    """Where the camera looks, radians to the right of the world's -Z."""
    return float(np.arctan2(view.rotation[2, 0], -view.rotation[2, 2]))


def _may_be_beside(figure: Figure, eye: np.ndarray, azimuth: float, distance: float) -> bool:
    """Whether a crop around a figure may show somebody at a place as seen from ``eye``."""
    low, high, left, right = bearings(figure.skin, eye)
    around = 0.5 * (left + right) + np.array([-1.0, 1.0]) * 0.72 * max(high - low, right - left)
    spare = np.arctan(0.55 / distance)
    return bool(around[0] - spare < azimuth < around[1] + spare)


def _joined(draft: Draft, figure: Figure, seat: Placed | None, kind: Thing, eye) -> bool:
    """Adds a figure and its seat if there is room for both."""
    if not free(figure, draft.figures, draft.pieces, eye):
        return False
    if seat is not None:
        if seat.distance(eye[None])[0] < _CLEAR:
            return False
        if any(seat.overlaps(p) for p in draft.pieces):
            return False
        if any(seat.distance(f.bones).min() < 0.1 for f in draft.figures):
            return False
        draft.placed.append((seat, kind))
    draft.figures.append(figure)
    return True


def _behind_people(figure: Figure, figures: list[Figure], eye: np.ndarray) -> np.ndarray:
    hidden = np.zeros(24, bool)
    for other in figures:
        if other is not figure:
            hidden |= behind_person(figure, other, eye)
    return hidden


def _allowed(draft: Draft, hides) -> bool:
    """Whether something may come, ``hides(figure)`` [24] being what it would be before; if so its
    shade is kept in mind."""
    after = [h | hides(f) for h, f in zip(draft.hidden, draft.figures, strict=False)]
    for before, now in zip(draft.hidden, after, strict=True):
        if now.sum() > max(MOST_HIDDEN, before.sum()):
            return False
    draft.hidden = after
    return True


def _occlude(rng, draft: Draft, row: int, figure, mix: Mix, eye, photos) -> None:
    """What the mix puts before one person."""
    target = draft.figures[row]
    for kind in (Thing.PERSON, Thing.FURNITURE, Thing.SOLID, Thing.CUTOUT):
        chance = mix.occluders.get(kind, 0.0)
        for _ in range(_MOST):
            if rng.random() >= chance:
                break
            chance = mix.more
            if kind == Thing.PERSON:
                _add_person(rng, draft, target, figure(), mix, eye)
            elif kind == Thing.FURNITURE:
                for _ in range(2):
                    found = furniture_before(rng, target, eye, draft.pieces, draft.figures)
                    if found is None:
                        continue
                    if _allowed(draft, lambda f, found=found: found.hides(f.joints, eye)):
                        draft.placed.append((found, Thing.FURNITURE))
                        break
            else:
                _hang(rng, draft, target, kind, eye, photos)


def _add_person(rng, draft: Draft, target: Figure, one: Figure, mix: Mix, eye) -> None:
    for _ in range(4):
        other = put_before_or_behind(rng, one, target, eye, mix.before)
        if other is None:
            continue
        furniture = mix.occluders.get(Thing.FURNITURE, 0.0) > 0
        other, seat, what = seated(rng, other, furniture, beds=0.0)

        def hides(f, other=other, seat=seat):
            hidden = behind_person(f, other, eye)
            return hidden if seat is None else hidden | seat.hides(f.joints, eye)

        if _joined(draft, other, seat, what, eye):
            if _allowed(draft, hides):
                return
            draft.figures.pop()
            if seat is not None:
                draft.placed.pop()


def _hang(rng, draft: Draft, target: Figure, kind: Thing, eye, photos) -> None:
    """A solid or a cut-out between the camera and a point of the target's skin."""
    for _ in range(4):
        at = target.skin[rng.integers(len(target.skin))]
        share = rng.uniform(0.55, 0.9)
        distance = float(np.sqrt(((at - eye) ** 2).sum()))
        at = eye + share * (at - eye) + rng.normal(0, 0.08, 3)
        half = (0.06, min(0.3, 0.25 * share * distance))
        radius = share * min(rng.uniform(0.15, 0.5), 0.3 * distance)
        if half[1] < 0.08:
            continue
        if kind == Thing.SOLID:
            made, size = sample_solid(rng, at, half), 0.15
        else:
            made, size = sample_cutout(rng, at, eye, radius, photos), 0.8 * radius
        nearest = point_gap(made.vertices.astype(float), eye[None])
        if nearest < _CLEAR or made.vertices[:, 1].min() < 0:
            continue

        def hides(f, at=at, size=size):
            return points_between(f.joints, at[None], size, eye)

        if _allowed(draft, hides):
            draft.props.append(made)
            return


def _surround(rng, draft: Draft, mix: Mix, eye, half: float, photos) -> None:
    """A room, open ground, a photograph or noise."""
    camera = draft.view.camera
    roll = rng.random()
    furniture = mix.occluders.get(Thing.FURNITURE, 0.0) > 0
    skin = np.concatenate([f.skin[::4] for f in draft.figures])
    if roll < 0.8 * mix.rooms:
        corners = [p.corners for p in draft.pieces]
        hung = [p.vertices[::7] for p in draft.props]
        room = sample_room(rng, np.concatenate([eye[None], skin, *corners, *hung]))
        if furniture:
            found = furniture_in_room(
                rng, room, int(rng.integers(0, 5)), draft.pieces, draft.figures, eye
            )
            draft.placed += [(p, Thing.FURNITURE) for p in found]
        draft.surroundings = room_props(rng, room, eye, photos)
        draft.backdrop = sky_backdrop(rng, camera, _horizon(draft.view))
        return
    if furniture and roll >= 0.8 * mix.rooms:
        found = furniture_around(
            rng, int(rng.integers(0, 3)), half, (2.0, 8.0), eye, draft.pieces, draft.figures
        )
        draft.placed += [(p, Thing.FURNITURE) for p in found]
    if roll < mix.rooms:
        behind = -min([float(skin[:, 2].min()), -8.0, *(float(p.at[2]) for p in draft.pieces)])
        draft.surroundings = ground_props(rng, behind)
        draft.backdrop = sky_backdrop(rng, camera, _horizon(draft.view))
    elif photos and roll < mix.rooms + mix.photos:
        draft.backdrop = photo_backdrop(rng, camera, photos)
    else:
        draft.backdrop = noise_backdrop(rng, camera)


def _horizon(view: Viewpoint) -> float:
    """Row of the horizon in the middle of the image, pixels."""
    forward, down = view.rotation[2], view.rotation[1]
    flat = np.array([forward[0], 0.0, forward[2]])
    z, y = (forward * flat).sum(), (down * flat).sum()
    return float(view.camera.cy + view.camera.fy * y / max(z, 1e-3))
