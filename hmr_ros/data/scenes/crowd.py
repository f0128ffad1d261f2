"""Who stands, sits or lies where: the people that are looked at, and those before or behind."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.cameras import bearings
from hmr_ros.data.scenes.figures import Figure
from hmr_ros.data.scenes.pieces import Placed
from hmr_ros.data.scenes.seats import bed_for, ledge, seat_for
from hmr_ros.data.scenes.things import Thing
from hmr_ros.geometry.camera import Camera

NEAREST = 0.9  # metres from the camera to the middle of a person


def put(figure: Figure, eye: np.ndarray, azimuth: float, distance: float) -> Figure:
    """The figure (pelvis over the origin) at a place as the camera at ``eye`` [3] sees it."""
    to = [eye[0] + distance * np.sin(azimuth), 0.0, eye[2] - distance * np.cos(azimuth)]
    return figure.moved(rounded(to))


def put_in_view(
    figure: Figure,
    eye: np.ndarray,
    camera: Camera,
    distance: float,
    fill: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """At ``distance`` metres straight ahead, or nearer or farther, so that its size in the image
    is within ``fill``, in units of what just fits."""
    half_v = np.arctan(0.5 * camera.height / camera.fy)
    half_h = np.arctan(0.5 * camera.width / camera.fx)
    for _ in range(4):
        one = put(figure, eye, 0.0, distance)
        low, high, left, right = bearings(one.skin, eye)
        tight = max((high - low) / (1.8 * half_v), (right - left) / (1.75 * half_h))
        if fill[0] <= tight <= fill[1]:
            break
        distance *= 1.02 * tight / fill[1] if tight > fill[1] else 0.98 * tight / fill[0]
        distance = max(distance, NEAREST)
    return one


def free(figure: Figure, figures: list[Figure], placed: list[Placed], eye: np.ndarray) -> bool:
    """Whether a figure is clear of the camera, of all people and of all furniture."""
    away = figure.bones - eye
    if (away**2).sum(1).min() < 0.5**2:
        return False
    if any(figure.near(other) for other in figures):
        return False
    return all(p.distance(figure.bones).min() > 0.1 for p in placed)


def beside(figure: Figure, figures: list[Figure], eye: np.ndarray) -> bool:
    """Whether a figure covers no other as seen from ``eye``."""
    _, _, left, right = bearings(figure.skin, eye)
    for other in figures:
        _, _, a, b = bearings(other.skin, eye)
        if left < b + 0.02 and a < right + 0.02:
            return False
    return True


def put_before_or_behind(
    rng: np.random.Generator, figure: Figure, target: Figure, eye: np.ndarray, before: float
) -> Figure | None:
    """The figure where it hides a part of the target, or (else than with the chance ``before``)
    is partly hidden by it; None if there is no room."""
    away = target.joints[0] - eye
    distance, azimuth = float(np.hypot(away[0], away[2])), float(np.arctan2(away[0], -away[2]))
    aside = rng.uniform(0.08, 0.5) * (1 if rng.random() < 0.5 else -1)
    if rng.random() < before:
        ahead = max(rng.uniform(0.4, 0.9) * distance, min(NEAREST, distance - 0.45))
        if ahead < 0.6 or distance - ahead < 0.35:
            return None
    else:
        ahead = distance + rng.uniform(0.4, 1.8)
    # ``aside`` metres at the target's distance.
    return put(figure, eye, azimuth + np.arctan(aside / distance), ahead)


def seated(
    rng: np.random.Generator, figure: Figure, furniture: bool, beds: float = 0.35
) -> tuple[Figure, Placed | None, Thing]:
    """The figure with what it sits or lies on, if anything, and the kind of that.

    furniture: whether there may be any; else people sit on plain blocks of the room. beds: chance
    of one under a lying figure.
    """
    seat = None
    if figure.activity == "sit":
        seat = seat_for(rng, figure)
    elif figure.activity == "lie" and rng.random() < beds:
        figure, seat = bed_for(rng, figure)
    if seat is not None and not furniture:
        return figure, ledge(seat), Thing.ROOM
    return figure, seat, Thing.FURNITURE
