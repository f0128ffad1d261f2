"""A scene as data: people, things, light and a camera, all in one world frame.

World: metres, Y up, the floor at y = 0. Everything is plain arrays, so that a scene can be drawn
on the CPU and on a GPU alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.surfaces import Surface
from hmr_ros.data.viewpoints import Viewpoint


@dataclass(frozen=True, eq=False)
class Shell:
    """A garment, hair or a shoe: a mesh of N vertices that hangs on the body it is worn by.

    A rest vertex is the shaped body's vertex ``anchor`` plus ``offset`` (metres, T-pose frame of
    the body model); it is skinned with weights of its own, so a skirt need not follow the legs.

    anchor: [N] int32. offset: [N, 3] float32. bones: [N, 4] int32 and weights: [N, 4] float32, sum
    1. faces: [M, 3] int32, counter-clockwise seen from outside. part: [N] uint8 SMPL part that a
    vertex belongs to. inner: the first so many faces are drawn from inside as well, as one can look
    in there (a hem). name: "trousers", ...
    """

    anchor: np.ndarray
    offset: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    surface: Surface
    inner: int
    name: str


@dataclass(frozen=True, eq=False)
class Outfit:
    """How a person looks. skin: paint of the bare body. bare: [F] bool, faces of the body that are
    drawn; those well under a shell are not, so that nothing pokes through."""

    skin: Surface
    bare: np.ndarray
    shells: tuple[Shell, ...] = ()


@dataclass(frozen=True, eq=False)
class Person:
    """rotations [24, 3, 3] local, joint 0 to the world; betas [10]; transl [3] metres in the
    world, as SMPL's; all float32. activity: what the pose is of ("walk", "sit", ...)."""

    rotations: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    outfit: Outfit
    activity: str = ""


@dataclass(frozen=True, eq=False)
class Prop:
    """Anything but a person: vertices [V, 3] float32 world metres, faces [F, 3] int32 outward.

    two_sided: drawn from behind as well (a sheet); else faces seen from behind are left out.
    casts: whether it throws a shadow.
    """

    vertices: np.ndarray
    faces: np.ndarray
    surface: Surface
    kind: Thing
    two_sided: bool = False
    casts: bool = True


@dataclass(frozen=True, eq=False)
class Light:
    """towards: [3] unit vector to the lamp, world frame. ambient, colour: [3] BGR strengths.
    shadow: 0 (none) to 1 (the lamp is gone in the shade). softness: metres of the blurred edge."""

    towards: np.ndarray
    ambient: np.ndarray
    colour: np.ndarray
    shadow: float = 0.0
    softness: float = 0.03


@dataclass(frozen=True)
class Finish:
    """What camera and transport do to the light, in this order.

    blur: standard deviation, pixels. motion: (x, y) pixels of smear. gamma: exponent.
    gain: exposure. rolling: (amplitude, rows a period, phase) of brightness bands from lamps that
    flicker under a rolling shutter. noise: standard deviation in grey levels of 255.
    jpeg: quality 1..100, 0 for none. seed: of the noise.
    """

    blur: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    gamma: float = 1.0
    gain: float = 1.0
    rolling: tuple[float, float, float] = (0.0, 1.0, 0.0)
    noise: float = 0.0
    jpeg: int = 0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a picture is made of.

    view: the camera (possibly with a distorted lens) and where it is.
    background: [H, W, 3] uint8 BGR in the camera's size, seen where no mesh is.
    catcher: the floor is not drawn but takes shadows (a photograph as background).
    window: (left, top, right, bottom) in pixels of the camera: the part of the picture that the
    real sensor covers, when the camera is a crop that reaches over its border; else None. These are
    outer edges, so a pixel is covered if its centre lies within. Outside of it the picture is
    black and joints are behind the ``BORDER``.
    """

    view: Viewpoint
    people: tuple[Person, ...]
    props: tuple[Prop, ...]
    light: Light
    background: np.ndarray
    catcher: bool = False
    finish: Finish = Finish()
    window: tuple[float, float, float, float] | None = None
