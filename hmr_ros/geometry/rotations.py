"""Rotation formats in numpy: matrix [..., 3, 3], quaternion xyzw, axis-angle."""

from __future__ import annotations

import numpy as np


def matrix_from_axis_angle(rotation: np.ndarray) -> np.ndarray:
    """Axis-angle [..., 3] in radians to matrices [..., 3, 3] (Rodrigues)."""
    rotation = np.asarray(rotation)
    dtype = np.result_type(rotation, np.float32) if rotation.dtype.kind == "f" else np.float64
    vector = rotation.astype(np.float64)
    square = (vector * vector).sum(-1)[..., None, None]
    angle = np.sqrt(square)
    small = angle < 1e-4
    safe = np.where(small, 1, angle)
    # Taylor near zero: the closed forms lose all digits there.
    sine = np.where(small, 1 - square / 6, np.sin(safe) / safe)
    cosine = np.where(small, 0.5 - square / 24, (1 - np.cos(safe)) / safe**2)
    return (np.eye(3) + sine * skew(vector) + cosine * _skew_square(vector)).astype(dtype)


def axis_angle_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Matrices [..., 3, 3] to axis-angle [..., 3], angle in [0, pi]."""
    quaternion = quaternion_from_matrix(matrix)
    vector, w = quaternion[..., :3], quaternion[..., 3:]
    flip = np.where(w < 0, -1, 1)
    vector, w = vector * flip, w * flip
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, w)
    return np.where(length > 1e-8, angle / np.where(length > 1e-8, length, 1), 2) * vector


def skew(vector: np.ndarray) -> np.ndarray:
    """[..., 3] to the matrices [..., 3, 3] with skew(v) @ u = cross(v, u)."""
    x, y, z = np.moveaxis(vector, -1, 0)
    zero = np.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return np.stack(rows, -1).reshape(*vector.shape[:-1], 3, 3)


def _skew_square(vector: np.ndarray) -> np.ndarray:
    """skew(v) @ skew(v) = v v^T - |v|^2 I, without a matrix product: the same bits everywhere."""
    square = (vector * vector).sum(-1)[..., None, None]
    return vector[..., :, None] * vector[..., None, :] - square * np.eye(3, dtype=vector.dtype)


def quaternion_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """Matrices [..., 3, 3] to unit quaternions [..., 4] in ROS order x, y, z, w.

    The largest of the four possible pivots is used for each matrix, so no division by a small
    number occurs at any angle.
    """
    m = np.asarray(matrix)
    # Row i of 4 q q^T is q_i times the quaternion.
    products = np.empty((*m.shape[:-2], 4, 4), np.result_type(m, np.float32))
    products[..., :3, :3] = m + np.swapaxes(m, -1, -2)
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        products[..., i, i] += 1 - trace
        products[..., i, 3] = products[..., 3, i] = m[..., k, j] - m[..., j, k]
    products[..., 3, 3] = 1 + trace
    pivot = np.argmax(np.diagonal(products, axis1=-2, axis2=-1), -1)
    best = np.take_along_axis(products, pivot[..., None, None], -2)[..., 0, :]
    return best / np.linalg.norm(best, axis=-1, keepdims=True)


def matrix_from_quaternion(quaternion: np.ndarray) -> np.ndarray:
    """Quaternions [..., 4] in ROS order x, y, z, w (any length) to matrices [..., 3, 3]."""
    q = quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True)
    v, w = q[..., :3], q[..., 3][..., None, None]
    return np.eye(3, dtype=q.dtype) + 2 * (w * skew(v) + _skew_square(v))


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The rotation closest to each matrix [..., 3, 3] in the Frobenius norm (SVD)."""
    u, _, vt = np.linalg.svd(matrix)
    sign = np.linalg.det(u @ vt)
    u = u.copy()
    u[..., :, 2] *= sign[..., None]
    return u @ vt


def slerp(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rotations [..., 3, 3] on the way from a (share 0) to b (1); share broadcasts to [...]."""
    step = axis_angle_from_matrix(np.swapaxes(a, -1, -2) @ b)
    return a @ matrix_from_axis_angle(step * np.asarray(share)[..., None])


def geodesic_angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle [...] in radians between rotations a and b [..., 3, 3]."""
    return np.linalg.norm(axis_angle_from_matrix(np.swapaxes(a, -1, -2) @ b), axis=-1)
