"""The rasteriser against closed-form geometry."""

import numpy as np
import pytest

from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rasterize import EMPTY, NEAR, empty_buffers, rasterize, vertex_normals

CAMERA = Camera(160, 120, fx=150.0, fy=140.0, cx=80.3, cy=58.6)


def drawn(vertices, faces, camera=CAMERA, **options):
    depth, face_id = empty_buffers(camera)
    rasterize(np.float32(vertices), np.int32(faces), camera, depth, face_id, **options)
    return depth, face_id


def pixel_rays(camera):
    x, y = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    return camera.rays(np.stack([x, y], -1).astype(np.float64))


def sphere(centre, radius, rings=200):
    polar = np.linspace(0, np.pi, rings)
    around = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    p, a = np.meshgrid(polar, around, indexing="ij")
    points = np.stack([np.sin(p) * np.cos(a), np.cos(p), np.sin(p) * np.sin(a)], -1)
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(2 * rings), indexing="ij")
    k = (j + 1) % (2 * rings)
    row = 2 * rings
    quads = [np.stack(q, -1) for q in ((i * row + j, i * row + k, (i + 1) * row + j),)]
    quads += [np.stack((i * row + k, (i + 1) * row + k, (i + 1) * row + j), -1)]
    faces = np.concatenate(quads).reshape(-1, 3)
    return points.reshape(-1, 3) * radius + centre, faces


def test_depth_of_a_tilted_plane_is_that_of_the_ray_through_each_pixel_centre():
    normal, distance = np.array([0.3, -0.5, -1.0]), -4.0
    rays = np.concatenate([pixel_rays(CAMERA), np.ones((120, 160, 1))], -1)
    expected = distance / (rays @ normal)
    corners = np.array([[-20, -20], [180, -20], [180, 140], [-20, 140]], float)
    ends = np.concatenate([CAMERA.rays(corners), np.ones((4, 1))], 1)
    vertices = ends * (distance / (ends @ normal))[:, None]
    depth, face_id = drawn(vertices, [[0, 2, 1], [0, 3, 2]])
    assert np.ptp(expected) > 1
    assert np.abs(depth / expected - 1).max() < 1e-6
    assert set(np.unique(face_id)) == {0, 1}


def test_each_pixel_centre_inside_the_triangle_is_filled_and_no_other():
    corners = np.array([[20.25, 10.5], [120.75, 30.25], [60.5, 100.75]])
    vertices = np.concatenate([CAMERA.rays(corners), np.ones((3, 1))], 1) * [[2.0], [3.0], [5.0]]
    _, face_id = drawn(vertices, [[0, 1, 2]])
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    inside = np.ones((120, 160), bool)
    for p, q in zip(corners, np.roll(corners, -1, 0), strict=True):
        inside &= (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) >= 0
    assert ((face_id != EMPTY) == inside).all()


def test_a_vertex_at_integer_coordinates_lands_on_that_pixel():
    """The centre of the top left pixel is (0, 0), as in Camera."""
    at = np.array([[40.0, 50.0]])
    tiny = at + [[-0.1, -0.1], [0.2, -0.1], [-0.1, 0.2]]
    _, face_id = drawn(np.concatenate([CAMERA.rays(tiny), np.ones((3, 1))], 1), [[0, 1, 2]])
    assert np.argwhere(face_id != EMPTY).tolist() == [[50, 40]]


def test_silhouette_and_front_of_a_sphere():
    camera = Camera(401, 401, fx=400.0, fy=400.0, cx=200.0, cy=200.0)
    distance, radius = 3.0, 0.8
    depth, face_id = drawn(*sphere([0, 0, distance], radius), camera)
    outline = camera.fx * radius / np.sqrt(distance**2 - radius**2)
    area = (face_id != EMPTY).sum()
    assert abs(np.sqrt(area / np.pi) - outline) < 0.25
    assert abs(depth[200, 200] - (distance - radius)) < 1e-3
    flat = pixel_rays(camera)[200, 260]
    along = np.array([*flat, 1.0])
    b, c = along[2] * distance, distance**2 - radius**2
    expected = (b - np.sqrt(b * b - (along @ along) * c)) / (along @ along)
    assert abs(depth[200, 260] - expected) < 1e-3


def test_the_nearer_of_two_meshes_stays_whatever_the_order():
    far = np.float32([[-1, -1, 4], [1, -1, 4], [0, 1, 4]])
    near = far * [0.5, 0.5, 0.5]
    for first, second in ((far, near), (near, far)):
        depth, face_id = empty_buffers(CAMERA)
        for mesh, number in ((first, 10), (second, 20)):
            rasterize(mesh, np.array([[0, 1, 2]]), CAMERA, depth, face_id, offset=number)
        assert abs(depth[58, 80] - 2) < 1e-5
        assert face_id[58, 80] == (20 if second is near else 10)


def test_culling_leaves_the_same_picture_of_a_closed_mesh():
    vertices, faces = sphere([0.2, 0.1, 3], 0.7, 60)
    whole, _ = drawn(vertices, faces)
    for turned in (faces, faces[:, ::-1]):
        culled, _ = drawn(vertices, turned, cull=True)
        outward = (vertex_normals(vertices, turned) * (vertices - [0.2, 0.1, 3])).sum(1).mean() > 0
        if outward:
            assert (culled == whole).mean() > 0.999
        else:
            seen = np.isfinite(culled)
            assert (culled[seen] > whole[seen]).mean() > 0.99


def test_a_floor_that_passes_under_the_camera_is_cut_at_the_near_plane():
    """Vertices behind the camera must neither vanish with the face nor wrap around."""
    floor = np.float32([[-50, 1.2, -20], [50, 1.2, -20], [50, 1.2, 60], [-50, 1.2, 60]])
    depth, face_id = drawn(floor, [[0, 1, 2], [0, 2, 3]])
    below = pixel_rays(CAMERA)[..., 1]
    hit = below > 1.2 / 60
    assert ((face_id != EMPTY) == hit)[:, 1:-1].all()
    assert np.abs(depth[hit] * below[hit] / 1.2 - 1).max() < 1e-5
    _, behind = drawn(floor * [1, 1, 0] - [0, 0, 1], [[0, 1, 2]])
    assert (behind == EMPTY).all()
    assert NEAR < 0.1


def test_extreme_coordinates_do_not_overflow():
    vertices = np.float32([[-1e8, -1e8, 0.05], [1e8, 0, 0.05], [0, 1e8, 0.05]])
    depth, _ = drawn(vertices, [[0, 1, 2]])
    assert np.isclose(depth, 0.05).any()


def test_distorted_lens_puts_vertices_where_the_camera_projects_them():
    bent = Camera(160, 120, 150.0, 150.0, 80.0, 60.0, (-0.3, 0.1, 0.001, 0.0), "plumb_bob")
    points = np.array([[-0.6, -0.5, 2.0], [0.7, 0.4, 2.0], [0.5, -0.5, 1.5]])
    for point in points:
        vertices, faces = sphere(point, 0.03, 16)
        depth, face_id = drawn(vertices, faces, bent)
        seen = np.argwhere(face_id != EMPTY).mean(0)[::-1]
        assert np.abs(seen - bent.project(point)).max() < 0.3
        assert abs(depth.min() - (point[2] - 0.03)) < 2e-3


def test_normals_of_a_sphere_point_outward():
    vertices, faces = sphere([1, 2, 3], 0.5, 40)
    outward = (vertices - [1, 2, 3]) / 0.5
    sign = np.sign((vertex_normals(vertices, faces) * outward).sum(1).mean())
    assert np.abs(sign * vertex_normals(vertices, faces) - outward).max() < 0.08


def test_vertices_that_are_not_finite_draw_nothing():
    for bad in (np.nan, np.inf, -np.inf):
        vertices = np.float32([[0, 0, 2], [1, 0, 2], [0, 1, 2]])
        for axis in range(3):
            broken = vertices.copy()
            broken[1, axis] = bad
            depth, _ = drawn(broken, [[0, 1, 2]])
            assert not np.isnan(depth).any()
    broken[:] = np.nan
    assert (drawn(broken, [[0, 1, 2]])[1] == EMPTY).all()


def test_buffers_of_the_wrong_size_or_type_are_refused():
    depth, face_id = empty_buffers(CAMERA)
    triangle = np.float32([[0, 0, 1], [1, 0, 1], [0, 1, 1]])
    with pytest.raises(ValueError, match="depth"):
        rasterize(triangle, np.array([[0, 1, 2]]), CAMERA, depth[:-1], face_id)
    with pytest.raises(ValueError, match="face_id"):
        rasterize(triangle, np.array([[0, 1, 2]]), CAMERA, depth, face_id.astype(np.int64))
