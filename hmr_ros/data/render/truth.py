"""What is true about a picture: who is where, and which joints can be seen."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.render.coverage import Coverage
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.rendered import NO_PART, NOBODY
from hmr_ros.data.scenes.things import Thing


def maps(draw: DrawList, coverage: Coverage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``thing`` uint8, ``person_id`` int32 and ``part_id`` uint8 of the pixel centres, [H, W]."""
    shape = coverage.depth.shape
    thing = np.zeros(shape, np.uint8)
    person = np.full(shape, NOBODY, np.int32)
    part = np.full(shape, NO_PART, np.uint8)
    _maps(
        coverage.centre,
        draw.faces,
        draw.mesh,
        draw.kind,
        draw.person,
        draw.part,
        thing,
        person,
        part,
    )
    return thing, person, part


def seen_joints(
    draw: DrawList,
    coverage: Coverage,
    joints: np.ndarray,
    joints_2d: np.ndarray,
    allowed: np.ndarray,
    window: tuple[float, float, float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """``visibility`` and ``occluder`` [P, 24] uint8 of joints probed by ``coverage``.

    A joint is seen unless the first face on the ray to it lies before it: any face of another
    person or thing, or one of its own person (skin or garment) by more than ``allowed``
    [24, 24] metres (of this joint and the face's part) and the garment's thickness.
    """
    left, top, right, bottom = window
    x, y = joints_2d[..., 0], joints_2d[..., 1]
    with np.errstate(invalid="ignore"):
        inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom) & (joints[..., 2] > 0)
    face = coverage.joint_face.reshape(joints.shape[:2])
    depth = coverage.joint_depth.reshape(joints.shape[:2])
    if len(draw.faces) == 0:
        shape = joints.shape[:2]
        return np.zeros(shape, np.uint8), np.full(shape, Thing.BORDER, np.uint8)
    corner = draw.faces[np.maximum(face, 0), 0]
    mesh = draw.mesh[np.maximum(face, 0)]
    own = draw.person[mesh] == np.arange(len(joints))[:, None]
    part = np.where(own, draw.part[corner], 0)
    flesh = allowed[np.arange(joints.shape[1]), part] + draw.thickness[corner]
    before = (face >= 0) & (depth < joints[..., 2] - np.where(own, flesh, 0))
    visibility = np.where(before, np.where(own, SELF_OCCLUDED, HIDDEN), VISIBLE)
    occluder = np.where(before, np.where(own, Thing.SELF, draw.kind[mesh]), Thing.NOTHING)
    visibility = np.where(inside, visibility, HIDDEN).astype(np.uint8)
    return visibility, np.where(inside, occluder, Thing.BORDER).astype(np.uint8)


def boxes_and_shares(
    silhouettes: np.ndarray, person_id: np.ndarray, people: int
) -> tuple[np.ndarray, np.ndarray]:
    """``boxes`` [P, 4] and ``shown`` [P] float32 from who covers each pixel and who is in front."""
    return _boxes(silhouettes, person_id, people)


@reproducible
def _maps(centre, faces, mesh, kinds, people, parts, thing, person, part):
    height, width = thing.shape
    for y in range(height):
        for x in range(width):
            f = centre[y, x]
            if f >= 0:
                m = mesh[f]
                thing[y, x] = kinds[m]
                person[y, x] = people[m]
                part[y, x] = parts[faces[f, 0]]


@reproducible
def _boxes(silhouettes, person_id, people):
    height, width = silhouettes.shape
    left, right = np.full(people, width), np.full(people, -1)
    top, bottom = np.full(people, height), np.full(people, -1)
    total, seen = np.zeros(people, np.int64), np.zeros(people, np.int64)
    for y in range(height):
        for x in range(width):
            bits = silhouettes[y, x]
            if bits == 0:
                continue
            for n in range(people):
                if bits >> n & 1:
                    left[n], right[n] = min(left[n], x), max(right[n], x)
                    top[n], bottom[n] = min(top[n], y), max(bottom[n], y)
                    total[n] += 1
                    seen[n] += person_id[y, x] == n
    boxes, shown = np.zeros((people, 4), np.float32), np.zeros(people, np.float32)
    for n in range(people):
        if total[n] > 0:
            # A pixel covers half a unit to either side of its centre.
            boxes[n, 0], boxes[n, 1] = left[n] - 0.5, top[n] - 0.5
            boxes[n, 2], boxes[n, 3] = right[n] - left[n] + 1, bottom[n] - top[n] + 1
            shown[n] = seen[n] / total[n]
    return boxes, shown
