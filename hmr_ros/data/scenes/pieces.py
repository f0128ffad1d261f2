"""A piece of furniture: its mesh, and the boxes that stand for it when things are placed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.scenes.nearness import box_between, box_distance, footprints_meet
from hmr_ros.data.scenes.paint import MATERIALS, painted
from hmr_ros.data.scenes.scene import Prop
from hmr_ros.data.scenes.shapes import boxes, drums
from hmr_ros.data.scenes.things import Thing


@dataclass(frozen=True, eq=False)
class Piece:
    """In a frame of its own: the floor's middle under it, Y up, its front towards +Z; metres.

    vertices [V, 3], faces [F, 3], material [V] (row of ``materials``, names of ``MATERIALS``).
    solid: [B, 2, 3] lowest and highest corners of the boxes that it fills. two_sided: holds
    sheets. seat: height of what people sit or lie on, or None.
    """

    vertices: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    materials: tuple[str, ...]
    solid: np.ndarray
    name: str
    two_sided: bool = False
    seat: float | None = None

    @cached_property
    def size(self) -> np.ndarray:
        """[2, 3] lowest and highest corner."""
        return np.stack([self.solid[:, 0].min(0), self.solid[:, 1].max(0)])

    def with_seat(self, height: float) -> Piece:
        """The piece made taller or lower, so that its seat is at ``height`` metres."""
        stretch = np.array([1.0, height / self.seat, 1.0])
        return replace(
            self, vertices=self.vertices * stretch, solid=self.solid * stretch, seat=height
        )


@dataclass(frozen=True, eq=False)
class Placed:
    """A piece with a yaw (radians) at a point [3] of the world."""

    piece: Piece
    at: np.ndarray
    yaw: float

    @cached_property
    def turn(self) -> tuple[float, float]:
        """Cosine and sine of the yaw."""
        return math.cos(self.yaw), math.sin(self.yaw)

    @cached_property
    def reach(self) -> float:
        """Metres from ``at`` to its farthest corner along the floor."""
        return float(np.hypot(*np.abs(self.piece.size).max(0)[::2]))

    def distance(self, points: np.ndarray) -> np.ndarray:
        """[N] metres from the points [N, 3] to the nearest box; 0 inside."""
        return box_distance(points, self.piece.solid, self.at, *self.turn)

    def hides(self, points: np.ndarray, eye: np.ndarray) -> np.ndarray:
        """[N] bool: whether a box is between ``eye`` [3] and each point [N, 3]."""
        return box_between(points, self.piece.solid, self.at, *self.turn, eye)

    @cached_property
    def corners(self) -> np.ndarray:
        """[4, 3] of its bounds on the floor, in the world."""
        (x0, _, z0), (x1, _, z1) = self.piece.size
        flat = np.array([[x0, 0, z0], [x1, 0, z0], [x1, 0, z1], [x0, 0, z1]])
        return turned_by(flat, *self.turn) + self.at

    def bounds(self) -> np.ndarray:
        """[8, 3] of the box around it, in the world."""
        floor = self.corners
        return np.concatenate([floor, floor + [0.0, float(self.piece.size[1, 1]), 0.0]])

    def overlaps(self, other: Placed) -> bool:
        """Whether their bounds on the floor do."""
        return footprints_meet(self.corners[:, ::2], other.corners[:, ::2])

    def prop(self, rng: np.random.Generator, kind: Thing = Thing.FURNITURE) -> Prop:
        """As a thing of a scene."""
        piece = self.piece
        vertices = turned_by(piece.vertices, *self.turn) + self.at
        materials = [MATERIALS[name](rng) for name in piece.materials]
        seed = int(rng.integers(1 << 30))
        surface = painted(piece.vertices, piece.material, materials, seed)
        return Prop(
            vertices.astype(np.float32), piece.faces, surface, kind, two_sided=piece.two_sided
        )


@dataclass
class Assembly:
    """Parts of a piece as they are put together; ``done`` makes the piece."""

    materials: tuple[str, ...]
    square: list = field(default_factory=list)
    round: list = field(default_factory=list)
    sheets: list = field(default_factory=list)

    def box(self, x0, x1, y0, y1, z0, z1, material: int = 0) -> Assembly:
        self.square.append(((x0, y0, z0), (x1, y1, z1), material))
        return self

    def drum(self, x, z, radius, y0, y1, material: int = 0) -> Assembly:
        self.round.append(((x - radius, y0, z - radius), (x + radius, y1, z + radius), material))
        return self

    def legs(self, width, depth, top, thick, material: int = 0, inset: float = 0.0) -> Assembly:
        """Four posts under a rectangle about the middle."""
        for sx in (-1, 1):
            for sz in (-1, 1):
                x, z = sx * (width / 2 - inset - thick / 2), sz * (depth / 2 - inset - thick / 2)
                h = thick / 2
                self.box(x - h, x + h, 0, top, z - h, z + h, material)
        return self

    def sheet(self, vertices, faces, material: int) -> Assembly:
        self.sheets.append((vertices, faces, material))
        return self

    def done(self, name: str, seat: float | None = None) -> Piece:
        vertices, faces, material, first = [], [], [], 0
        for parts, copies in ((self.square, boxes), (self.round, drums)):
            if not parts:
                continue
            v, f = copies(np.array([p[:2] for p in parts]))
            vertices.append(v)
            faces.append(f + first)
            material.append(np.repeat([p[2] for p in parts], len(v) // len(parts)))
            first += len(v)
        for v, f, m in self.sheets:
            vertices.append(v)
            faces.append(f + first)
            material.append(np.full(len(v), m))
            first += len(v)
        solid = np.array([p[:2] for p in self.square + self.round])
        return Piece(
            np.concatenate(vertices),
            np.concatenate(faces).astype(np.int32),
            np.concatenate(material),
            self.materials,
            solid,
            name,
            bool(self.sheets),
            seat,
        )


@reproducible
def turned_by(points, cosine, sine):
    """[N, 3] turned by a yaw about the world's Y, rounded as ``rounded`` does."""
    out, scale = np.empty((len(points), 3)), 2.0**28
    for n in range(len(points)):
        x, z = points[n, 0], points[n, 2]
        out[n, 0] = np.rint((cosine * x + sine * z) * scale) / scale
        out[n, 1] = np.rint(points[n, 1] * scale) / scale
        out[n, 2] = np.rint((cosine * z - sine * x) * scale) / scale
    return out
