"""Distances and lines of sight between points and boxes, compiled."""

from __future__ import annotations

import numpy as np

from hmr_ros.compiled import reproducible


@reproducible
def box_distance(points, boxes, at, cosine, sine):
    """Least distance [N] from points [N, 3] to boxes [B, 2, 3] that are turned by a yaw and then
    moved by ``at`` [3]; 0 inside."""
    out = np.empty(len(points))
    for n in range(len(points)):
        dx, y, dz = points[n, 0] - at[0], points[n, 1] - at[1], points[n, 2] - at[2]
        x, z = cosine * dx - sine * dz, sine * dx + cosine * dz
        best = np.inf
        for b in range(len(boxes)):
            gx = max(boxes[b, 0, 0] - x, x - boxes[b, 1, 0], 0.0)
            gy = max(boxes[b, 0, 1] - y, y - boxes[b, 1, 1], 0.0)
            gz = max(boxes[b, 0, 2] - z, z - boxes[b, 1, 2], 0.0)
            best = min(best, gx * gx + gy * gy + gz * gz)
        out[n] = np.sqrt(best)
    return out


@reproducible
def box_between(points, boxes, at, cosine, sine, eye):
    """[N] bool: whether a box, placed as in ``box_distance``, is between ``eye`` and a point."""
    out = np.zeros(len(points), np.bool_)
    start, ray = np.empty(3), np.empty(3)
    dx, dz = eye[0] - at[0], eye[2] - at[2]
    start[0], start[1], start[2] = cosine * dx - sine * dz, eye[1] - at[1], sine * dx + cosine * dz
    for n in range(len(points)):
        dx, dz = points[n, 0] - at[0], points[n, 2] - at[2]
        ray[0] = cosine * dx - sine * dz - start[0]
        ray[1] = points[n, 1] - at[1] - start[1]
        ray[2] = sine * dx + cosine * dz - start[2]
        for b in range(len(boxes)):
            enter, leave = 0.0, 0.98
            for d in range(3):
                if abs(ray[d]) < 1e-9:
                    if not boxes[b, 0, d] <= start[d] <= boxes[b, 1, d]:
                        leave = -1.0
                    continue
                p, q = (boxes[b, 0, d] - start[d]) / ray[d], (boxes[b, 1, d] - start[d]) / ray[d]
                enter, leave = max(enter, min(p, q)), min(leave, max(p, q))
            if enter < leave:
                out[n] = True
                break
    return out


@reproducible
def point_gap(one, other):
    """Least distance between two sets of points [N, 3] and [M, 3]."""
    best = np.inf
    for n in range(len(one)):
        for m in range(len(other)):
            x, y, z = one[n, 0] - other[m, 0], one[n, 1] - other[m, 1], one[n, 2] - other[m, 2]
            best = min(best, x * x + y * y + z * z)
    return np.sqrt(best)


@reproducible
def points_between(joints, points, radius, eye):
    """[J] bool: joints [J, 3] whose line to ``eye`` passes a point [N, 3] within ``radius``."""
    out = np.zeros(len(joints), np.bool_)
    for j in range(len(joints)):
        rx, ry, rz = joints[j, 0] - eye[0], joints[j, 1] - eye[1], joints[j, 2] - eye[2]
        square = rx * rx + ry * ry + rz * rz
        for n in range(len(points)):
            x, y, z = points[n, 0] - eye[0], points[n, 1] - eye[1], points[n, 2] - eye[2]
            along = (x * rx + y * ry + z * rz) / square
            if 0.0 < along < 0.97:
                x, y, z = x - along * rx, y - along * ry, z - along * rz
                if x * x + y * y + z * z < radius * radius:
                    out[j] = True
                    break
    return out


@reproducible
def bearing_limits(points, eye):
    """Least and greatest elevation and azimuth of points [N, 3] seen from ``eye``, radians."""
    low, high, left, right = np.inf, -np.inf, np.inf, -np.inf
    for n in range(len(points)):
        x, y, z = points[n, 0] - eye[0], points[n, 1] - eye[1], points[n, 2] - eye[2]
        slope, aside = y / np.sqrt(x * x + z * z), np.arctan2(x, -z)
        low, high = min(low, slope), max(high, slope)
        left, right = min(left, aside), max(right, aside)
    return np.arctan(low), np.arctan(high), left, right


@reproducible
def footprints_meet(one, other):
    """Whether two convex quadrilaterals [4, 2] have a point in common (separating axes)."""
    for turn in range(2):
        quad = one if turn == 0 else other
        for k in range(2):
            x, y = quad[k + 1, 1] - quad[k, 1], quad[k, 0] - quad[k + 1, 0]
            a0, a1, b0, b1 = np.inf, -np.inf, np.inf, -np.inf
            for n in range(4):
                a, b = one[n, 0] * x + one[n, 1] * y, other[n, 0] * x + other[n, 1] * y
                a0, a1, b0, b1 = min(a0, a), max(a1, a), min(b0, b), max(b1, b)
            if a1 < b0 or b1 < a0:
                return False
    return True


@reproducible
def sides(points, rotation, position, left, right, top, bottom, spare):
    """[N] uint8: which planes of a view each point [N, 3] is beyond, by more than ``spare``: bits
    1 left, 2 right, 4 top, 8 bottom (slopes at z = 1), 16 behind the camera."""
    out = np.empty(len(points), np.uint8)
    for n in range(len(points)):
        out[n] = _side(points[n], rotation, position, left, right, top, bottom, spare)
    return out


@reproducible
def all_beyond(points, rotation, position, left, right, top, bottom, spare):
    """Whether all points are beyond one plane, see ``sides``; so are no points at all."""
    common = 31
    for n in range(len(points)):
        common &= _side(points[n], rotation, position, left, right, top, bottom, spare)
        if common == 0:
            return False
    return True


@reproducible
def _side(point, rotation, position, left, right, top, bottom, spare):
    a, b, c = point[0] - position[0], point[1] - position[1], point[2] - position[2]
    x = a * rotation[0, 0] + b * rotation[0, 1] + c * rotation[0, 2]
    y = a * rotation[1, 0] + b * rotation[1, 1] + c * rotation[1, 2]
    z = a * rotation[2, 0] + b * rotation[2, 1] + c * rotation[2, 2]
    code = 0
    if x < left * z - spare:
        code |= 1
    if x > right * z + spare:
        code |= 2
    if y < top * z - spare:
        code |= 4
    if y > bottom * z + spare:
        code |= 8
    if z < 0.02 - spare:
        code |= 16
    return code


@reproducible
def faces_inside(faces, code):
    """The faces [M, 3] of which no plane (bits of ``code`` [N]) has all corners beyond it."""
    out = np.empty_like(faces)
    count = 0
    for f in range(len(faces)):
        if code[faces[f, 0]] & code[faces[f, 1]] & code[faces[f, 2]] == 0:
            out[count] = faces[f]
            count += 1
    return out[:count].copy()
