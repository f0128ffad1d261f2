"""Carry the motion of a BVH skeleton over to SMPL's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hmr_ros.body.model import load_body_model
from hmr_ros.data.bvh import Bvh, forward, read_bvh
from hmr_ros.data.clips import MotionError, Motions
from hmr_ros.data.cmu_skeleton import smpl_sources
from hmr_ros.data.recordings import one_clip
from hmr_ros.geometry.rotations import axis_angle_from_matrix

# Metres a unit of files that are about: metres, centimetres, millimetres, inches, and CMU's ASF
# unit (1 / 0.45 inch).
_UNITS = (1.0, 0.01, 0.001, 0.0254, 0.0254 / 0.45)
_LEG = 0.82  # metres from hip to ankle of an adult
# The child that tells the direction of a limb's bone.
_LIMBS = {1: 4, 2: 5, 4: 7, 5: 8, 7: 10, 8: 11, 16: 18, 17: 19, 18: 20, 19: 21, 20: 22, 21: 23}


def read_bvh_motion(path: Path, fps: float | None = None, scale: float | None = None) -> Motions:
    """One clip of the split ``train``, named as the file; the world's Y is up in the file as here.

    fps: rate to resample to, None for the file's. scale: metres a unit of the file; None for the
    known unit that makes the legs as long as an adult's. ``trans`` is where the skeleton's pelvis
    is. Raises MotionError: not BVH, or a skeleton whose joints' names are unknown.
    """
    bvh = read_bvh(path)
    try:
        sources = smpl_sources(bvh.names, bvh.parents)
    except ValueError as error:
        raise MotionError(f"motion file {path}: HIERARCHY: {error}") from error
    scale = _guessed_scale(path, bvh, sources) if scale is None else scale
    body = load_body_model()
    rotations = retargeted(bvh, sources, body.joint_template, body.parents)
    trans = bvh.positions[:, sources[0]] * scale
    if bvh.parents[sources[0]] >= 0:
        trans = forward(bvh)[0][:, sources[0]] * scale
    poses = axis_angle_from_matrix(rotations)
    return one_clip(path.stem, poses, trans, 1 / bvh.seconds, fps)


def retargeted(
    bvh: Bvh, sources: dict[int, int], rest: np.ndarray, parents: np.ndarray
) -> np.ndarray:
    """Local rotations [T, 24, 3, 3] of SMPL's skeleton that moves as ``bvh`` does.

    sources: SMPL joint -> joint of ``bvh``. rest: [24, 3] SMPL's rest joints. Trunk and head turn
    from rest as those of the source; the bones of the limbs point where the source's do, whatever
    its rest pose, and are twisted as they are. A joint without a source does not bend.
    """
    own, unposed = _rest_places(bvh)
    facing = _trunk_frame(own, sources) @ _trunk_frame(rest, {j: j for j in range(24)}).T
    _, turns = forward(bvh)
    # What the source's rest pose is to SMPL's: the turn between equal postures.
    globals_ = np.empty((len(turns), 24, 3, 3))
    for joint in range(24):
        parent = parents[joint]
        if joint not in sources:
            globals_[:, joint] = globals_[:, parent]
            continue
        align = facing
        child = _LIMBS.get(joint)
        if child is not None:
            wanted = unposed(sources[joint], sources.get(child))
            if wanted is not None:
                align = _shortest(facing @ (rest[child] - rest[joint]), wanted) @ facing
        globals_[:, joint] = turns[:, sources[joint]] @ align
    local = globals_.copy()
    for joint in range(1, 24):
        above = np.swapaxes(globals_[:, parents[joint]], -1, -2)
        local[:, joint] = above @ globals_[:, joint]
    return local


def _rest_places(bvh: Bvh):
    """Places [J, 3] of the unposed joints, and a function for the bone from one to another (or,
    without another, to its only end)."""
    places = bvh.offsets.copy()
    for j, p in enumerate(bvh.parents):
        if p >= 0:
            places[j] = places[p] + bvh.offsets[j]

    def bone(joint: int, child: int | None) -> np.ndarray | None:
        way = bvh.tips.get(joint) if child is None else places[child] - places[joint]
        return None if way is None or np.linalg.norm(way) < 1e-9 else way

    return places, bone


def _trunk_frame(places: np.ndarray, sources: dict[int, int]) -> np.ndarray:
    """[3, 3], columns: to the left, up and ahead of a skeleton at rest."""
    left = places[sources[1]] - places[sources[2]]
    shoulders = places[sources[16]] + places[sources[17]]
    up = shoulders / 2 - (places[sources[1]] + places[sources[2]]) / 2
    left = left / np.linalg.norm(left)
    # Spines lean; the axis nearest to theirs is up.
    axis = np.zeros(3)
    axis[np.abs(up).argmax()] = np.sign(up[np.abs(up).argmax()])
    up = axis - (axis @ left) * left
    up /= np.linalg.norm(up)
    return np.array([left, up, np.cross(left, up)]).T


def _shortest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation [3, 3] that turns direction a into direction b."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    cosine = a @ b
    if cosine < -1 + 1e-9:
        side = np.cross(a, np.eye(3)[np.abs(a).argmin()])
        side /= np.linalg.norm(side)
        return 2 * np.outer(side, side) - np.eye(3)
    v = np.cross(a, b)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + cosine)


def _guessed_scale(path: Path, bvh: Bvh, sources: dict[int, int]) -> float:
    places, _ = _rest_places(bvh)
    leg = sum(np.linalg.norm(places[sources[b]] - places[sources[a]]) for a, b in ((1, 4), (4, 7)))
    if leg <= 0:
        raise MotionError(f"motion file {path}: OFFSET: the left leg has no length")
    unit = min(_UNITS, key=lambda u: abs(np.log(u * leg / _LEG)))
    if not 0.55 < unit * leg / _LEG < 1.6:
        raise MotionError(
            f"motion file {path}: OFFSET: legs of {leg:.4g} units fit no known unit; read it with "
            "read_bvh_motion(path, scale=metres_per_unit)"
        )
    return unit
