"""The mesh that garments are cut from: fewer faces, the same surface."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull, cKDTree

from hmr_ros.body.model import load_body_model
from hmr_ros.data.clothes.coarser import coarser
from hmr_ros.data.clothes.figure import figure


@pytest.fixture(scope="module")
def tailor():
    return figure(load_body_model())


def grid(count: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """A square of ``count`` x ``count`` vertices in the plane z = 0."""
    row, column = np.divmod(np.arange(count * count), count)
    place = np.stack([column * step, row * step, 0.0 * row], 1)
    a = np.flatnonzero((row < count - 1) & (column < count - 1))
    faces = np.concatenate(
        [np.stack([a, a + 1, a + count], 1), np.stack([a + 1, a + count + 1, a + count], 1)]
    )
    return place, faces.astype(np.int32)


def area(place, faces) -> np.ndarray:
    a, b, c = (place[faces[:, k]] for k in range(3))
    return 0.5 * np.cross(b - a, c - a)


def test_a_plane_needs_few_faces_and_keeps_its_border():
    place, faces = grid(21, 0.01)
    free = np.zeros(len(place), bool)
    rows, small = coarser(place[None], faces, free, np.full(len(place), 0.003), 0.08)
    border = (place[:, :2] % 0.2 < 1e-9).any(1) | (place[:, :2] > 0.2 - 1e-9).any(1)
    assert np.isin(np.flatnonzero(border), rows).all()
    assert len(small) < 0.35 * len(faces)
    covered = area(place[rows], small)
    assert (covered[:, 2] > 0).all(), "no face is turned over"
    np.testing.assert_allclose(covered[:, 2].sum(), 0.04, rtol=1e-12)


def test_what_bends_in_one_pose_stays():
    """A plane in the first pose and a sharp edge in the second: vertices on the edge stay on it."""
    place, faces = grid(21, 0.01)
    bent = place.copy()
    bent[:, 2] = np.abs(place[:, 0] - 0.1)
    free, error = np.zeros(len(place), bool), np.full(len(place), 0.002)
    rows, small = coarser(np.stack([place, bent]), faces, free, error, 0.08)
    a, b, c = (place[rows][small[:, k], 0] - 0.1 for k in range(3))
    lowest, highest = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    assert not ((lowest < -0.0101) & (highest > 0.0101)).any(), "a face lies across the edge"
    plane, _ = coarser(place[None], faces, free, error, 0.08)
    assert len(plane) <= len(rows) < len(place)


def test_a_ball_stays_within_the_error():
    """Fewer vertices, all old ones; faces sink below the ball by little more than the error."""
    turn = np.arange(2000) + 0.5
    polar, around = np.arccos(1 - turn / 1000), np.pi * (1 + 5**0.5) * turn
    points = 0.1 * np.stack(
        [np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], 1
    )
    hull = ConvexHull(points)
    faces = hull.simplices.copy()
    inward = (area(points, faces) * points[faces[:, 0]]).sum(1) < 0
    faces[inward] = faces[inward][:, ::-1]
    free = np.zeros(len(points), bool)
    rows, small = coarser(points[None], faces, free, np.full(len(points), 0.002), 0.08)
    assert len(small) < 0.3 * len(faces)
    assert len(rows) - 1.5 * len(small) + len(small) == 2, "Euler: still one closed ball"
    middle = points[rows][small].mean(1)
    assert np.linalg.norm(middle, axis=1).min() > 0.1 - 0.006


@pytest.mark.parametrize("name", ["legs", "upper"])
def test_cloth_follows_the_body_with_a_third_of_the_faces(tailor, name):
    zone = getattr(tailor, name)
    assert len(zone.cloth) < 0.4 * len(zone.faces)
    edges = zone.cloth[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() == 1, "each edge runs once in each direction"
    # Points all over the cloth against points all over the skin.
    share = np.random.default_rng(0).dirichlet([1, 1, 1], (40, 1))
    on_cloth = (share[..., None] * zone.place[zone.cloth]).sum(2).reshape(-1, 3)
    on_skin = (share[..., None] * zone.place[zone.faces]).sum(2).reshape(-1, 3)
    away, _ = cKDTree(on_skin).query(on_cloth)
    assert np.median(away) < 0.004 and np.quantile(away, 0.99) < 0.012


def test_the_same_cloth_again(tailor):
    again = figure.__wrapped__(tailor.body)
    np.testing.assert_array_equal(again.legs.cloth, tailor.legs.cloth)
    np.testing.assert_array_equal(again.upper.cloth, tailor.upper.cloth)
