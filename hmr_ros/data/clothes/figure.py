"""What tailoring needs to know about a body, computed once for each body model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import reproducible
from hmr_ros.data.clothes.cloth_mesh import ERROR, FINE_ERROR, cloth_faces
from hmr_ros.data.clothes.sections import Outlines, outlines
from hmr_ros.data.rounding import rounded

FOLDS = 10  # precomputed fields of folds, mixed anew for each garment
_AIR = 0.012  # metres under a garment
_LEGS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11)
_TRUNK = (0, 1, 2, 3, 6, 9, 12, 13, 14)
_UPPER = (*_TRUNK, 15, 16, 17, 18, 19, 20, 21)


@dataclass(frozen=True, eq=False)
class Zone:
    """A piece of the body's mesh that garments are cut from; N vertices, template frame, float64.

    ids:     [N] vertices of the body. faces: [M, 3] rows of this zone.
    cloth:   [m, 3] int32 rows of this zone: the same surface with fewer faces, for garments.
    place:   [N, 3] template positions. x: [N] distance from the middle plane.
    outward: [N, 3] unit normals, smoothed, so that shells along them do not cross themselves.
    fill:    [N] metres along ``outward`` that bridge navel, cleft and the like.
    away:    [N, 3] unit vectors from the axis of trunk, leg or arm.
    hang:    [N] metres along ``away`` to where cloth hangs that lies on what is above.
    bones:   [N, 4] int32 and weights [N, 4] float32, smoothed skinning weights.
    folds:   [N, FOLDS] fields of about -1..1, long along the limb and short across.
    """

    ids: np.ndarray
    faces: np.ndarray
    cloth: np.ndarray
    place: np.ndarray
    x: np.ndarray
    outward: np.ndarray
    fill: np.ndarray
    away: np.ndarray
    hang: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    folds: np.ndarray
    part: np.ndarray


@dataclass(frozen=True, eq=False)
class Figure:
    """A body model as a tailor sees it; lengths in metres in the template's frame.

    joint: name -> [3]. size: height of the body over 1.7 m. crotch: height of the fork of the legs.
    armpit: height. trunk: outlines of trunk and both legs together around the vertical axis
    (angle 0 is the left side, 90 degrees the front), and the vertex nearest to each place.
    bones, weights: [V, 4] smoothed skinning of all vertices. legs, upper, hands, head: zones.
    """

    body: BodyModel
    joint: dict[str, np.ndarray]
    size: float
    crotch: float
    armpit: float
    top: float
    floor: float
    place: np.ndarray
    normals: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    trunk: Outlines
    trunk_anchor: np.ndarray
    legs: Zone
    upper: Zone
    hands: Zone
    head: Zone

    def behind(self, angle: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Vertices of the body that lie under a place around the trunk: nearest in the table."""
        rows, columns = self.trunk_anchor.shape
        row = np.interp(y, self.trunk.along, np.arange(rows)).round().astype(np.int64)
        column = np.round(angle * (columns / (2 * np.pi))).astype(np.int64) % columns
        return self.trunk_anchor[row, column]


@lru_cache(maxsize=4)
def figure(body: BodyModel) -> Figure:
    """The figure of a body model; kept, as it takes about a second."""
    place = body.v_template.astype(np.float64)
    joint = dict(zip(body.joint_names, body.joint_template, strict=True))
    faces = body.faces
    edges = edges_of(faces)
    start, neighbour = _neighbours(edges, len(place))
    normals = _unit(_face_sum(place, faces))
    outward = normals
    for _ in range(12):
        outward = _unit(_averaged(outward, start, neighbour))
    smooth = place
    for _ in range(12):
        smooth = _averaged(smooth, start, neighbour)
    fill = np.maximum(((smooth - place) * outward).sum(1), 0)
    weights = body.weights.astype(np.float64)
    for _ in range(6):
        weights = _averaged(weights, start, neighbour)
    trunk_part = np.isin(body.part_id, _TRUNK)
    middle = trunk_part & (np.abs(place[:, 0]) < 0.012) & (body.part_id != 12)
    crotch = float(place[middle, 1].min())
    armpit = _armpit(place, body.part_id, joint)
    top, floor = float(place[:, 1].max()), float(place[:, 1].min())
    size = (top - floor) / 1.7

    below = np.isin(body.part_id, (*_LEGS, *_TRUNK))
    rows = np.arange(joint["left_ankle"][1], armpit, 0.02)
    depth = 0.5 * (joint["pelvis"][2] + joint["spine3"][2])
    centres = np.tile([0.0, depth], (len(rows), 1))
    trunk = outlines(place[:, [1, 0, 2]], _within(edges, below), rows, centres, 64)
    hanging = trunk.hanging()
    leg_away, leg_hang = _leg_hang(place, joint, edges, body.part_id, crotch)
    arm_away, arm_hang = _arm_hang(place, joint, edges, body.part_id)
    angle = np.arctan2(place[:, 2] - depth, place[:, 0])
    trunk_away = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], 1)
    radius = np.hypot(place[:, 0], place[:, 2] - depth)
    fade = ramp(armpit + 0.05 * size, armpit - 0.03 * size, place[:, 1])
    trunk_hang = np.maximum(hanging.at(place[:, 1], angle) - radius, 0) * fade
    shoulder = joint["left_shoulder"][0]
    on_arm = ramp(shoulder, shoulder + 0.06 * size, np.abs(place[:, 0]))
    on_leg = ramp(crotch, crotch - 0.08 * size, place[:, 1])
    folds = _fold_fields(place, angle, joint)
    bones, values = strongest(weights)

    # Collars are curved, and insteps leave the legs: there cloth is as fine as it can be.
    curved = (place[:, 1] > joint["neck"][1] - 0.09 * size) & (np.abs(place[:, 0]) < 0.11 * size)
    curved |= place[:, 1] < joint["left_ankle"][1] + 0.04 * size
    error = np.where(curved, FINE_ERROR, ERROR)

    def zone(parts, away, hang, error=None, bare=()):
        """error: [V] of its cloth, or None for all faces. bare: parts where no garment goes."""
        keep = np.isin(body.part_id, parts)
        ids = np.flatnonzero(keep)
        local = np.full(len(place), -1)
        local[ids] = np.arange(len(ids))
        inside = faces[keep[faces].all(1)]
        cloth = local[inside[~np.isin(body.part_id[inside], bare).all(1)]].astype(np.int32)
        if error is not None:
            hung = outward[ids] * (fill[ids, None] + _AIR) + away[ids] * hang[ids, None]
            hung += place[ids]
            cloth = cloth_faces(body, place[ids], hung, bones[ids], values[ids], cloth, error[ids])
        return Zone(
            ids=ids.astype(np.int32),
            faces=local[inside].astype(np.int32),
            cloth=cloth,
            place=place[ids],
            x=np.abs(place[ids, 0]),
            outward=outward[ids],
            fill=fill[ids],
            away=away[ids],
            hang=hang[ids],
            bones=bones[ids],
            weights=values[ids],
            folds=folds[ids],
            part=body.part_id[ids],
        )

    upper_away = _unit(on_arm[:, None] * arm_away + (1 - on_arm[:, None]) * trunk_away + 1e-9)
    legs_away = _unit(on_leg[:, None] * leg_away + (1 - on_leg[:, None]) * trunk_away + 1e-9)
    zero, small = np.zeros(len(place)), np.full(len(place), FINE_ERROR)
    legs_hang, upper_hang = on_leg * leg_hang, on_arm * arm_hang + (1 - on_arm) * trunk_hang
    return Figure(
        body=body,
        joint=joint,
        size=size,
        crotch=crotch,
        armpit=armpit,
        top=top,
        floor=floor,
        place=place,
        normals=normals,
        bones=bones,
        weights=values,
        trunk=trunk,
        trunk_anchor=nearest_vertices(trunk, place, np.flatnonzero(below), (1, 0, 2)),
        legs=zone(_LEGS, legs_away, legs_hang, error, bare=(10, 11)),
        upper=zone(_UPPER, upper_away, upper_hang, error, bare=(15,)),
        hands=zone((20, 21, 22, 23), upper_away, zero, small),
        head=zone((12, 15), upper_away, zero),
    )


def strongest(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The four largest of the weights [N, 24] and whose they are.

    Returns bones [N, 4] int32 and weights [N, 4] float32, sum 1.
    """
    bones = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    values = np.take_along_axis(weights, bones, axis=1)
    return bones.astype(np.int32), (values / values.sum(1, keepdims=True)).astype(np.float32)


def nearest_vertices(
    table: Outlines, place: np.ndarray, among: np.ndarray, axes: tuple[int, int, int]
) -> np.ndarray:
    """[R, C] int32: of the vertices ``among``, the nearest to each place of a table's outlines.

    axes: which coordinate runs along the axis, and which two span the sections.
    """
    angle = np.arange(table.radii.shape[1]) * (2 * np.pi / table.radii.shape[1])
    points = place[among][:, axes]
    out = np.empty(table.radii.shape, np.int32)
    for row, along in enumerate(table.along):
        near = np.flatnonzero(np.abs(points[:, 0] - along) < 0.08)
        near = near if len(near) else np.arange(len(points))
        u = table.centres[row, 0] + table.radii[row] * np.cos(angle)
        v = table.centres[row, 1] + table.radii[row] * np.sin(angle)
        distance = (
            (points[near, 0] - along) ** 2
            + (points[near, 1] - u[:, None]) ** 2
            + (points[near, 2] - v[:, None]) ** 2
        )
        out[row] = among[near[rounded(distance).argmin(1)]]
    return out


def ramp(zero: float, one: float, value: np.ndarray) -> np.ndarray:
    """0 up to ``zero``, 1 from ``one`` on, smooth between; ``zero`` may be the greater."""
    t = np.clip((value - zero) / (one - zero), 0, 1)
    return t * t * (3 - 2 * t)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.sqrt((vectors * vectors).sum(-1, keepdims=True))
    return vectors / np.maximum(length, 1e-12)


def edges_of(faces: np.ndarray) -> np.ndarray:
    """[E, 2] the two ends of each edge once, the lower first, in order."""
    start, end = faces.astype(np.int64).ravel(), faces[:, [1, 2, 0]].astype(np.int64).ravel()
    count = int(start.max(initial=0)) + 1
    one_number = np.unique(np.minimum(start, end) * count + np.maximum(start, end))
    return np.stack([one_number // count, one_number % count], axis=1)


def _within(edges: np.ndarray, keep: np.ndarray) -> np.ndarray:
    return edges[keep[edges].all(1)]


def _neighbours(edges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    return np.searchsorted(both[:, 0], np.arange(count + 1)), both[:, 1]


@reproducible
def _averaged(values, start, neighbour):
    """Half of each vertex's value and half of its neighbours' mean."""
    out = values.copy()
    for v in range(len(values)):
        count = start[v + 1] - start[v]
        for d in range(values.shape[1]):
            total = 0.0
            for k in range(start[v], start[v + 1]):
                total += values[neighbour[k], d]
            if count > 0:
                out[v, d] = 0.5 * values[v, d] + 0.5 * total / count
    return out


@reproducible
def _face_sum(place, faces):
    """Sum of the area normals of the faces around each vertex."""
    out = np.zeros_like(place)
    for f in range(len(faces)):
        a, b, c = place[faces[f, 0]], place[faces[f, 1]], place[faces[f, 2]]
        u, w = b - a, c - a
        for k in range(3):
            out[faces[f, k], 0] += u[1] * w[2] - u[2] * w[1]
            out[faces[f, k], 1] += u[2] * w[0] - u[0] * w[2]
            out[faces[f, k], 2] += u[0] * w[1] - u[1] * w[0]
    return out


def _armpit(place, part, joint) -> float:
    """Height of the lowest point of the arm where it leaves the trunk."""
    shoulder = joint["left_shoulder"][0]
    arm = np.isin(part, (16, 17)) & (np.abs(np.abs(place[:, 0]) - shoulder) < 0.04)
    return float(place[arm, 1].min()) if arm.any() else float(joint["left_shoulder"][1] - 0.1)


def _leg_hang(place, joint, edges, part, crotch):
    """Unit vectors away from the legs' axes, and how far cloth hangs that lies on the thighs."""
    away, hang = np.zeros_like(place), np.zeros(len(place))
    for side, parts in (("left", (1, 4, 7, 10)), ("right", (2, 5, 8, 11))):
        chain = np.stack([joint[f"{side}_{n}"] for n in ("ankle", "knee", "hip")])
        rows = np.arange(chain[0, 1] - 0.03, crotch - 0.02, 0.02)
        centres = np.stack([np.interp(rows, chain[:, 1], chain[:, k]) for k in (0, 2)], 1)
        leg = _within(edges, np.isin(part, parts))
        table = outlines(place[:, [1, 0, 2]], leg, rows, centres, 32).hanging()
        near = place[:, 0] * np.sign(chain[2, 0]) > 0
        centre = table.centre(place[near, 1])
        flat = place[near][:, [0, 2]] - centre
        angle = np.arctan2(flat[:, 1], flat[:, 0])
        away[near] = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], 1)
        radius = np.hypot(flat[:, 0], flat[:, 1])
        hang[near] = np.maximum(table.at(place[near, 1], angle) - radius, 0)
    return away, hang


def _arm_hang(place, joint, edges, part):
    """As ``_leg_hang``, from the upper arms to the hands."""
    away, hang = np.zeros_like(place), np.zeros(len(place))
    for side, parts in (("left", (13, 16, 18, 20)), ("right", (14, 17, 19, 21))):
        chain = np.stack([joint[f"{side}_{n}"] for n in ("shoulder", "elbow", "wrist")])
        sign = np.sign(chain[0, 0])
        mirrored = place * [sign, 1, 1]
        chain = chain * [sign, 1, 1]
        rows = np.arange(chain[0, 0] + 0.06, chain[2, 0] + 0.02, 0.02)
        centres = np.stack([np.interp(rows, chain[:, 0], chain[:, k]) for k in (1, 2)], 1)
        arm = _within(edges, np.isin(part, parts))
        table = outlines(mirrored, arm, rows, centres, 32).hanging(downwards=False)
        near = mirrored[:, 0] > 0
        flat = mirrored[near, 1:] - table.centre(mirrored[near, 0])
        angle = np.arctan2(flat[:, 1], flat[:, 0])
        away[near] = np.stack([0 * angle, np.cos(angle), np.sin(angle)], 1)
        radius = np.hypot(flat[:, 0], flat[:, 1])
        hang[near] = np.maximum(table.at(mirrored[near, 0], angle) - radius, 0)
    return away, hang


def _fold_fields(place, angle, joint) -> np.ndarray:
    """Waves with a fixed seed: around trunk and legs, and wrinkles across the bends."""
    rng = np.random.default_rng(77)
    fields = np.empty((len(place), FOLDS))
    for k in range(FOLDS):
        across, up = rng.uniform(18, 45, 2), rng.uniform(3, 12)
        if k % 3 == 2:
            across, up = across * 0.4, rng.uniform(35, 60)
        phase = rng.uniform(0, 2 * np.pi, 3)
        wave = across[0] * place[:, 0] + 3 * np.sin(9 * place[:, 1] + phase[0])
        fields[:, k] = np.sin(
            wave + across[1] * place[:, 2] + up * place[:, 1] + phase[1]
        ) * np.cos(0.6 * up * place[:, 1] + 14 * place[:, 2] + phase[2])
    return fields
