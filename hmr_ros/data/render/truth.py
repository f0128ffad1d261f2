"""What is true about a picture: who is where, and which joints can be seen."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.render.coverage import Coverage
from hmr_ros.data.render.draw_list import DrawList
from hmr_ros.data.render.rendered import NO_PART, NOBODY
from hmr_ros.data.scenes.things import Thing

_NOTHING, _SELF, _BORDER = (np.uint8(t) for t in (Thing.NOTHING, Thing.SELF, Thing.BORDER))


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
    visibility = np.empty(joints.shape[:2], np.uint8)
    occluder = np.empty(joints.shape[:2], np.uint8)
    _seen(
        joints,
        joints_2d,
        tuple(float(edge) for edge in window),
        coverage.joint_face.reshape(joints.shape[:2]),
        coverage.joint_depth.reshape(joints.shape[:2]),
        draw.faces,
        draw.mesh,
        draw.person,
        draw.kind,
        draw.part,
        draw.thickness,
        allowed,
        visibility,
        occluder,
    )
    return visibility, occluder


def boxes_and_shares(
    silhouettes: np.ndarray, person_id: np.ndarray, people: int
) -> tuple[np.ndarray, np.ndarray]:
    """``boxes`` [P, 4] and ``shown`` [P] float32 from who covers each pixel and who is in front."""
    return _boxes(silhouettes, person_id, people)


@reproducible
def _seen(
    joints, joints_2d, window, face, depth, faces, mesh, person, kinds, parts, thickness, allowed,
    visibility, occluder,
):  # fmt: skip
    left, top, right, bottom = window
    for p in range(joints.shape[0]):
        for j in range(joints.shape[1]):
            x, y, z = joints_2d[p, j, 0], joints_2d[p, j, 1], joints[p, j, 2]
            inside = x >= left and x <= right and y >= top and y <= bottom  # never NaN
            if not (inside and z > 0):
                visibility[p, j], occluder[p, j] = HIDDEN, _BORDER
                continue
            visibility[p, j], occluder[p, j] = VISIBLE, _NOTHING
            f = face[p, j]
            if f < 0:
                continue
            m, corner = mesh[f], faces[f, 0]
            if person[m] == p:
                flesh = allowed[j, parts[corner]] + thickness[corner]
                if depth[p, j] < z - flesh:
                    visibility[p, j], occluder[p, j] = SELF_OCCLUDED, _SELF
            elif depth[p, j] < z:
                visibility[p, j], occluder[p, j] = HIDDEN, kinds[m]


@reproducible
def _maps(centre, faces, mesh, kinds, people, parts, thing, person, part):
    height, width = thing.shape
    last, kind, who, limb = np.int32(-1), np.uint8(0), np.int32(NOBODY), np.uint8(NO_PART)
    for y in range(height):
        for x in range(width):
            f = centre[y, x]
            if f < 0:
                continue
            if f != last:  # neighbours mostly show the same face
                last, m = f, mesh[f]
                kind, who, limb = kinds[m], people[m], parts[faces[f, 0]]
            thing[y, x], person[y, x], part[y, x] = kind, who, limb


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
