"""People of a scene as meshes in the camera's frame, the same bits on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.compiled import reproducible
from hmr_ros.data.scenes.scene import Person, Shell
from hmr_ros.data.viewpoints import Viewpoint

_BLOCK = 512  # coordinates that are shaped together, so that their sums stay in the cache
_NO_BLOCKS = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 3, 9), np.float32))


@dataclass(frozen=True, eq=False)
class PosedPerson:
    """A person's skeleton in the optical frame of a camera, metres.

    rotations: [24, 3, 3] float32, local, joint 0 to the camera. transl: [3] float32, as SMPL's.
    joints: [24, 3] float32. shaped: [V, 3] float32, T-posed body of this shape, own frame.
    bones: [24, 3, 4] float64; a shaped vertex v moves with bone j to ``bones[j] @ (v, 1)``.
    """

    person: Person
    rotations: np.ndarray
    transl: np.ndarray
    joints: np.ndarray
    shaped: np.ndarray
    bones: np.ndarray


def posed_person(person: Person, body: BodyModel, view: Viewpoint) -> PosedPerson:
    """Shape and skeleton; the surface is skinned from it by the functions below.

    Sums run in float64 and are rounded to float32 last.
    """
    rotations = np.empty((24, 3, 3), np.float32)
    transl = np.empty(3, np.float32)
    joints = np.empty((24, 3), np.float32)
    bones = np.empty((24, 3, 4))
    betas = np.ascontiguousarray(person.betas, np.float64)
    _pose(
        np.ascontiguousarray(person.rotations, np.float64),
        np.ascontiguousarray(person.transl, np.float64),
        betas,
        body.joint_template,
        body.joint_shapedirs,
        body.parents,
        np.ascontiguousarray(view.rotation, np.float64),
        np.ascontiguousarray(view.position, np.float64),
        rotations,
        transl,
        joints,
        bones,
    )
    shaped = np.empty(body.v_template.shape, np.float32)
    _shape(body.v_template, _directions(body), betas, shaped)
    return PosedPerson(person, rotations, transl, joints, shaped, bones)


def skin_body(posed: PosedPerson, body: BodyModel, vertex_ids: np.ndarray) -> np.ndarray:
    """Vertices ``vertex_ids`` [M] int32 of the bare body, pose offsets included: [M, 3] float32."""
    blocks = body.pose_blocks
    out = np.empty((len(vertex_ids), 3), np.float32)
    _skin(
        vertex_ids,
        posed.shaped,
        *(_NO_BLOCKS if blocks is None else (blocks.start, blocks.joint, blocks.offset)),
        np.ascontiguousarray(posed.person.rotations, np.float64),
        body.weight_index,
        body.weight_value,
        posed.bones,
        out,
    )
    return out


def skin_shell(posed: PosedPerson, shell: Shell) -> np.ndarray:
    """[N, 3] float32 vertices of a garment: rest place and skinning weights of its own."""
    out = np.empty((len(shell.anchor), 3), np.float32)
    _skin_shell(
        posed.shaped, shell.anchor, shell.offset, shell.bones, shell.weights, posed.bones, out
    )
    return out


def posed_vertices(person: Person, body: BodyModel, view: Viewpoint) -> np.ndarray:
    """[V, 3] float32 metres: the whole bare body of a scene's person in the optical frame."""
    everything = np.arange(len(body.v_template), dtype=np.int32)
    return skin_body(posed_person(person, body, view), body, everything)


@reproducible
def _pose(
    local, transl_world, betas, joint_template, joint_shapedirs, parents, turn, position,
    rotations, transl, joints, bones,
):  # fmt: skip
    count = len(parents)
    rest = np.empty((count, 3))
    for j in range(count):
        for a in range(3):
            rest[j, a] = joint_template[j, a]
            for k in range(len(betas)):
                rest[j, a] += joint_shapedirs[j, a, k] * betas[k]
    turned = np.empty((count, 3, 3))  # of each joint, to the camera
    place = np.empty((count, 3))
    for a in range(3):
        total = 0.0
        for b in range(3):
            total += turn[a, b] * (rest[0, b] + transl_world[b] - position[b])
            entry = 0.0
            for c in range(3):
                entry += turn[a, c] * local[0, c, b]
            turned[0, a, b] = entry
            rotations[0, a, b] = entry
        place[0, a] = total
        transl[a] = total - rest[0, a]
    for j in range(1, count):
        p = parents[j]
        for a in range(3):
            total = place[p, a]
            for b in range(3):
                total += turned[p, a, b] * (rest[j, b] - rest[p, b])
                entry = 0.0
                for c in range(3):
                    entry += turned[p, a, c] * local[j, c, b]
                turned[j, a, b] = entry
                rotations[j, a, b] = local[j, a, b]
            place[j, a] = total
    for j in range(count):
        for a in range(3):
            joints[j, a] = place[j, a]
            offset = place[j, a]
            for b in range(3):
                bones[j, a, b] = turned[j, a, b]
                offset -= turned[j, a, b] * rest[j, b]
            bones[j, a, 3] = offset


@lru_cache(maxsize=4)
def _directions(body: BodyModel) -> np.ndarray:
    """[B, 3 V]: what each of the betas adds to all coordinates, side by side in memory."""
    return np.ascontiguousarray(body.shapedirs.reshape(-1, body.shapedirs.shape[-1]).T)


@reproducible
def _shape(template, directions, betas, out):
    """Template and directions times betas, summed in that order, several coordinates at a time."""
    before, after = template.reshape(-1), out.reshape(-1)
    sums = np.empty(_BLOCK)
    for first in range(0, len(before), _BLOCK):
        some = slice(first, min(first + _BLOCK, len(before)))
        start, total = before[some], sums[: some.stop - first]
        for n in range(len(total)):
            total[n] = start[n]
        for k in range(len(betas)):
            beta, along = betas[k], directions[k, some]
            for n in range(len(total)):
                total[n] += along[n] * beta
        result = after[some]
        for n in range(len(total)):
            result[n] = total[n]


@reproducible
def _skin(
    ids, shaped, block_start, block_joint, block_offset, local, weight_index, weight_value, bones,
    out,
):  # fmt: skip
    rest = np.empty(3)
    turned = np.empty((len(local), 9))  # from the T-pose
    for j in range(len(local)):
        for k in range(9):
            turned[j, k] = local[j, k // 3, k % 3] - (1.0 if k % 4 == 0 else 0.0)
    for m in range(len(ids)):
        v = np.uintp(ids[m])
        for a in range(3):
            rest[a] = shaped[v, a]
        if len(block_start) > 0:
            for b in range(block_start[v], block_start[v + np.uintp(1)]):
                i, j = np.uintp(b), np.uintp(block_joint[b])
                for a in range(3):
                    total = 0.0
                    for k in range(9):
                        total += block_offset[i, a, k] * turned[j, k]
                    rest[a] += total
        _blend(rest, weight_index, weight_value, v, bones, out, np.uintp(m))


@reproducible
def _skin_shell(shaped, anchor, offset, bone, weight, bones, out):
    rest = np.empty(3)
    for m in range(len(anchor)):
        for a in range(3):
            rest[a] = np.float64(shaped[anchor[m], a]) + offset[m, a]
        _blend(rest, bone, weight, np.uintp(m), bones, out, np.uintp(m))


@reproducible
def _blend(rest, index, value, row, bones, out, m):
    """Row ``m`` of ``out``: a rest place moved by the bones of row ``row`` of ``index``."""
    x, y, z = rest[0], rest[1], rest[2]
    right, down, ahead, weights = 0.0, 0.0, 0.0, 0.0
    for k in range(index.shape[1]):
        w = np.float64(value[row, k])
        if w == 0:
            continue
        j = np.uintp(index[row, k])
        right += w * (bones[j, 0, 0] * x + bones[j, 0, 1] * y + bones[j, 0, 2] * z + bones[j, 0, 3])
        down += w * (bones[j, 1, 0] * x + bones[j, 1, 1] * y + bones[j, 1, 2] * z + bones[j, 1, 3])
        ahead += w * (bones[j, 2, 0] * x + bones[j, 2, 1] * y + bones[j, 2, 2] * z + bones[j, 2, 3])
        weights += w
    # Rounded weights do not sum to one exactly, and the camera may be far away.
    out[m, 0] = right / weights
    out[m, 1] = down / weights
    out[m, 2] = ahead / weights
