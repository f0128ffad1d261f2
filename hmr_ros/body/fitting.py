"""Gauss-Newton steps of ``hmr_ros.refinement``, compiled: one person after the other.

In numpy the same sums are some fifty calls on small arrays a step, each of which costs more than
its arithmetic.
"""

from __future__ import annotations

import numpy as np

from hmr_ros.body.kinematics import chain
from hmr_ros.compiled import compiled

NEAREST_M = 0.05  # keypoints nearer to the camera's plane than this are projected as if there
LEAST_DISTANCE_M = 0.1  # of a body


@compiled
def fit(
    rotations,
    transl,
    rest,
    parents,
    anchors,
    share,
    rays,
    weights,
    outlier,
    information,
    steps,
    max_turn,
):
    """Turn and move N bodies onto their keypoints, in place; all arrays float64.

    rotations: [N, 24, 3, 3] local ones and transl: [N, 3] metres, changed. rest: [N, 24, 3] joints
    at rest. parents: [24]. anchors: [N, K, 24, 3] and share: [K, 24], what each bone carries of
    each keypoint at rest (``hmr_ros.body.keypoints.bone_parts``). rays: [N, K, 2] where the
    keypoints are seen, x and y at z = 1, and weights: [N, K] their inverse variances there.
    outlier: [N] residual of the robust weight. information: [N, 75] inverse variances of 24 turns
    about the camera's axes and of the translation around where both began. max_turn: radians of
    one joint in one step.
    """
    count, points = rotations.shape[1], rays.shape[1]
    size = 3 * count + 3
    joints, world = np.empty((1, count, 3)), np.empty((1, count, 3, 3))
    jacobian, normal = np.empty((2, size)), np.empty((size, size))
    right, moved = np.empty(size), np.empty(size)
    carried, carries = np.empty((count, 3)), np.empty(count)
    for n in range(len(rotations)):
        for i in range(size):
            moved[i] = 0
        for _ in range(steps):
            one = rotations[n : n + 1]
            chain(one, rest[n : n + 1], parents, joints, world)
            for i in range(size):
                for j in range(i):
                    normal[i, j] = 0
                normal[i, i] = information[n, i]
                right[i] = -information[n, i] * moved[i]
            for k in range(points):
                if weights[n, k] == 0:
                    continue
                _carried(
                    anchors[n, k], share[k], rest[n], joints[0], world[0], parents, carried, carries
                )
                x, y = carried[0, 0] + transl[n, 0], carried[0, 1] + transl[n, 1]
                inverse = 1 / max(carried[0, 2] + transl[n, 2], NEAREST_M)
                x, y = x * inverse, y * inverse
                _rows(joints[0], carried, carries, x, y, inverse, jacobian)
                off_x, off_y = rays[n, k, 0] - x, rays[n, k, 1] - y
                robust = 1 / (1 + (off_x**2 + off_y**2) / outlier[n] ** 2)
                pull = weights[n, k] * robust**2
                _add(jacobian[0], pull, off_x, normal, right)
                _add(jacobian[1], pull, off_y, normal, right)
            _solve(normal, right)
            largest = 0.0
            for i in range(size - 3):
                largest = max(largest, abs(right[i]))
            shorter = min(1.0, max_turn / max(largest, 1e-9))
            for i in range(size):
                right[i] *= shorter
                moved[i] += right[i]
            _turn(one[0], world[0], parents, right)
            for a in range(3):
                transl[n, a] += right[size - 3 + a]
            transl[n, 2] = max(transl[n, 2], LEAST_DISTANCE_M)


@compiled
def _carried(anchors, share, rest, joints, world, parents, carried, carries):
    """What each joint and all that hangs on it carry of one keypoint: sums of places [24, 3] and
    shares [24]; those of joint 0 are the keypoint's place without ``transl`` and 1."""
    for b in range(len(parents)):
        carries[b] = share[b]
        for a in range(3):
            place = share[b] * joints[b, a]
            if share[b] != 0:
                for c in range(3):
                    place += world[b, a, c] * (anchors[b, c] - share[b] * rest[b, c])
            carried[b, a] = place
    for b in range(len(parents) - 1, 0, -1):
        p = parents[b]
        carries[p] += carries[b]
        for a in range(3):
            carried[p, a] += carried[b, a]


@compiled
def _rows(joints, carried, carries, x, y, inverse, jacobian):
    """How the keypoint's x and y on the image plane change: [2, 75].

    A turn w of joint j moves the keypoint by w x lever, lever = what hangs on j seen from j.
    """
    count = len(joints)
    for j in range(count):
        lx = carried[j, 0] - carries[j] * joints[j, 0]
        ly = carried[j, 1] - carries[j] * joints[j, 1]
        lz = carried[j, 2] - carries[j] * joints[j, 2]
        jacobian[0, 3 * j] = -ly * x * inverse
        jacobian[0, 3 * j + 1] = (lz + lx * x) * inverse
        jacobian[0, 3 * j + 2] = -ly * inverse
        jacobian[1, 3 * j] = (-ly * y - lz) * inverse
        jacobian[1, 3 * j + 1] = lx * y * inverse
        jacobian[1, 3 * j + 2] = lx * inverse
    last = 3 * count
    jacobian[0, last], jacobian[0, last + 1], jacobian[0, last + 2] = inverse, 0, -x * inverse
    jacobian[1, last], jacobian[1, last + 1], jacobian[1, last + 2] = 0, inverse, -y * inverse


@compiled
def _add(row, pull, off, normal, right):
    """One measurement to the lower half of the normal equations."""
    for i in range(len(row)):
        weighted = pull * row[i]
        if weighted == 0:
            continue
        right[i] += weighted * off
        for j in range(i + 1):
            normal[i, j] += weighted * row[j]


@compiled
def _solve(normal, right):
    """``right`` becomes the solution by Cholesky's factors; the lower half of ``normal`` counts
    and is used up. The prior keeps it positive definite.

    ``np.linalg.solve`` in numba is LAPACK's elimination of the whole matrix, on memory of its own:
    at 75 unknowns that takes longer than these loops over one half."""
    size = len(right)
    for i in range(size):
        for j in range(i + 1):
            total = normal[i, j]
            for k in range(j):
                total -= normal[i, k] * normal[j, k]
            normal[i, j] = np.sqrt(total) if i == j else total / normal[j, j]
    for i in range(size):
        total = right[i]
        for k in range(i):
            total -= normal[i, k] * right[k]
        right[i] = total / normal[i, i]
    for i in range(size - 1, -1, -1):
        right[i] /= normal[i, i]
        for k in range(i):
            right[k] -= normal[i, k] * right[i]


@compiled
def _turn(rotations, world, parents, turns):
    """Local rotations [24, 3, 3], in place, after each joint's subtree turned about the camera's
    axes by the axis-angles ``turns`` [>= 72]; world: rotations before."""
    turn, before = np.empty((3, 3)), np.empty((3, 3))
    for j in range(len(parents)):
        x, y, z = turns[3 * j], turns[3 * j + 1], turns[3 * j + 2]
        p = parents[j]
        if p >= 0:  # in the parent's own axes
            x, y, z = (
                world[p, 0, 0] * x + world[p, 1, 0] * y + world[p, 2, 0] * z,
                world[p, 0, 1] * x + world[p, 1, 1] * y + world[p, 2, 1] * z,
                world[p, 0, 2] * x + world[p, 1, 2] * y + world[p, 2, 2] * z,
            )
        _rodrigues(x, y, z, turn)
        for a in range(3):
            for b in range(3):
                before[a, b] = rotations[j, a, b]
        for a in range(3):
            for b in range(3):
                total = 0.0
                for c in range(3):
                    total += turn[a, c] * before[c, b]
                rotations[j, a, b] = total


@compiled
def _rodrigues(x, y, z, out):
    square = x * x + y * y + z * z
    angle = np.sqrt(square)
    # Taylor near zero: the closed forms lose all digits there.
    sine = 1 - square / 6 if angle < 1e-4 else np.sin(angle) / angle
    cosine = 0.5 - square / 24 if angle < 1e-4 else (1 - np.cos(angle)) / square
    out[0, 0], out[1, 1], out[2, 2] = (
        1 - cosine * (y * y + z * z),
        1 - cosine * (x * x + z * z),
        1 - cosine * (x * x + y * y),
    )
    out[0, 1], out[1, 0] = cosine * x * y - sine * z, cosine * x * y + sine * z
    out[0, 2], out[2, 0] = cosine * x * z + sine * y, cosine * x * z - sine * y
    out[1, 2], out[2, 1] = cosine * y * z - sine * x, cosine * y * z + sine * x
