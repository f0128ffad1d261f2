"""Surfaces of capsules as triangles."""

from __future__ import annotations

import numpy as np

from hmr_ros.occupancy import Capsules

AROUND, RINGS = 10, 3  # faces around a capsule, and rings of each of its two caps


def triangles(found: Capsules) -> np.ndarray:
    """Corners [K, F, 3, 3] float64 of the surfaces of capsules, seen from outside."""
    directions, at_end, faces = _unit_capsule()
    along = found.end - found.start
    length = np.linalg.norm(along, axis=1, keepdims=True)
    z = np.where(length > 1e-9, along / np.maximum(length, 1e-9), [0.0, 0.0, 1.0])
    # Any direction across: from the axis that the capsule is least along.
    least = np.eye(3)[np.abs(z).argmin(1)]
    x = np.cross(least, z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    frame = np.stack([x, np.cross(z, x), z], 1)  # rows: the capsule's axes
    place = np.where(at_end[:, None], found.end[:, None], found.start[:, None])
    radius = np.where(at_end, found.end_radius[:, None], found.start_radius[:, None])
    vertices = place + radius[..., None] * (directions @ frame)
    return vertices[:, faces]


def _unit_capsule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions [V, 3] from the end that each vertex belongs to, whether that is the far one [V],
    and faces [F, 3], counter-clockwise seen from outside."""
    height = np.linspace(-np.pi / 2, 0, RINGS + 1)
    height = np.concatenate([height, -height[::-1]])
    turn = 2 * np.pi * np.arange(AROUND) / AROUND
    ring = np.stack([np.cos(turn), np.sin(turn)], -1)
    directions = np.concatenate(
        [np.concatenate([np.cos(h) * ring, np.full((AROUND, 1), np.sin(h))], 1) for h in height]
    )
    at_end = np.repeat(np.arange(len(height)) > RINGS, AROUND)
    faces = []
    for row in range(len(height) - 1):
        for n in range(AROUND):
            a, b = row * AROUND + n, row * AROUND + (n + 1) % AROUND
            if row > 0:  # at the poles a ring is one point
                faces.append([a, b, b + AROUND])
            if row < len(height) - 2:
                faces.append([a, b + AROUND, a + AROUND])
    return directions, at_end, np.array(faces)
