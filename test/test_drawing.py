"""Overlays, colours and GLB files against what must be in them."""

import colorsys
import itertools

import numpy as np
import pytest
from made_bodies import CAMERA, somebody

from hmr_ros.batch import concatenate
from hmr_ros.bodies import no_bodies
from hmr_ros.body.model import load_body_model
from hmr_ros.body.skinning import vertices
from hmr_ros.drawing.colours import bgr_of, colour_of
from hmr_ros.drawing.glb import Mesh, write_glb
from hmr_ros.drawing.overlay import draw_tracks
from hmr_ros.drawing.silhouettes import paint_bodies
from hmr_ros.drawing.skeletons import draw_skeleton
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rasterize import empty_buffers, rasterize
from hmr_ros.tracks import Tracks, TrackState

HEIGHT, WIDTH = CAMERA.height, CAMERA.width


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture
def image():
    return np.random.default_rng(3).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


def tracked(bodies, states=None, ids=None):
    n = len(bodies)
    return Tracks(
        bodies=bodies,
        ids=np.arange(1, n + 1) if ids is None else np.array(ids),
        states=np.full(n, TrackState.TRACKED, np.uint8) if states is None else np.array(states),
        ages_s=np.zeros(n, np.float32),
        stamp=0.0,
    )


def mesh_of(body, bodies):
    rotations = bodies.rotations
    return vertices(body, rotations, bodies.betas, bodies.transl)


def silhouette(body, bodies, camera=CAMERA):
    depth, face_id = empty_buffers(camera)
    for mesh in mesh_of(body, bodies):
        rasterize(mesh, body.faces, camera, depth, face_id)
    return face_id >= 0


def changed(before, after):
    return (before != after).any(-1)


def test_paint_changes_exactly_the_silhouettes(body, image):
    bodies = concatenate([somebody(body, -0.6, 4.0), somebody(body, 0.7, 5.0, 2.0)])
    painted = image.copy()
    colours = np.array([[255, 0, 0], [0, 255, 0]])
    paint_bodies(painted, mesh_of(body, bodies), body.faces, CAMERA, colours, np.full(2, 0.7))
    inside = silhouette(body, bodies)
    assert not changed(image, painted)[~inside].any()
    assert changed(image, painted)[inside].mean() > 0.98


def test_overlay_leaves_the_rest_of_the_image_and_the_input_alone(body, image):
    before = image.copy()
    tracks = tracked(somebody(body, 0.0, 5.0))
    picture = draw_tracks(image, tracks, body, CAMERA)
    assert (image == before).all()
    rows, columns = np.nonzero(changed(image, picture))
    x, y = np.nonzero(silhouette(body, tracks.bodies))[::-1]
    # Beside the mesh only the label above the head and the rim of a dot may differ.
    assert columns.min() >= x.min() - 6 and columns.max() <= x.max() + 6
    assert rows.max() <= y.max() + 6 and rows.min() >= y.min() - 40


def test_nearer_body_hides_the_farther_in_either_order(body):
    near, far = somebody(body, 0.0, 3.0), somebody(body, 0.15, 6.0)
    meshes = mesh_of(body, concatenate([near, far]))
    both = silhouette(body, near) & silhouette(body, far)
    assert both.sum() > 1000
    red, green = [0, 0, 255], [0, 255, 0]
    for order, colours in (([0, 1], [red, green]), ([1, 0], [green, red])):
        canvas = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        opaque = np.ones(2)
        paint_bodies(canvas, meshes[order], body.faces, CAMERA, np.array(colours), opaque)
        assert (canvas[both][:, 2] > 0).all()
        assert (canvas[both][:, 1] == 0).all()


def test_no_tracks_give_an_equal_image(body, image):
    picture = draw_tracks(image, tracked(no_bodies()), body, CAMERA)
    assert (picture == image).all()
    assert picture is not image


def test_a_coasting_person_is_a_ghost(body):
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    bodies = somebody(body, 0.0, 4.0)
    solid = draw_tracks(image, tracked(bodies), body, CAMERA)
    ghost = draw_tracks(image, tracked(bodies, [TrackState.COASTING]), body, CAMERA)
    inside = silhouette(body, bodies)
    strength = [np.abs(p[inside].astype(int) - 128).mean() for p in (solid, ghost)]
    assert strength[1] < 0.6 * strength[0]


def test_hidden_joints_are_hollow():
    """The middle of a dot is filled for a seen joint and untouched for a hidden one."""
    joints = np.array([[40.0, 40.0], [40.0, 140.0]])
    for seen in (1.0, 0.0):
        canvas = np.zeros((200, 100, 3), np.uint8)
        visibility = np.array([seen, 1.0])
        draw_skeleton(canvas, joints, visibility, np.array([-1, -1]), (0, 0, 255), 400)
        assert (canvas[40, 40] == (250 if seen else 0)).all()
        assert (canvas[140, 40] == 250).all()
        assert canvas[36, 36:45].any() or canvas[35, 36:45].any()


def test_people_behind_or_around_the_camera_do_no_harm(body, image):
    behind = somebody(body, 0.0, -2.0)
    behind = behind.replace(joints_2d=np.full_like(behind.joints_2d, np.nan))
    assert (draw_tracks(image, tracked(behind), body, CAMERA) == image).all()
    inside = somebody(body, 0.0, 0.1)
    huge = inside.replace(joints_2d=np.full_like(inside.joints_2d, 1e9))
    assert draw_tracks(image, tracked(huge), body, CAMERA).shape == image.shape


def test_distorted_image_gets_the_mesh_where_the_lens_puts_it(body):
    bent = Camera(640, 480, 400.0, 400.0, 320.0, 240.0, (-0.25, 0.05, 0, 0), "plumb_bob")
    canvas = np.zeros((480, 640, 3), np.uint8)
    bodies = somebody(body, 1.2, 3.0)
    picture = np.array(canvas)
    paint_bodies(picture, mesh_of(body, bodies), body.faces, bent, np.full((1, 3), 255), np.ones(1))
    pixels = bent.project(mesh_of(body, bodies)[0])
    rows, columns = np.nonzero(changed(canvas, picture))
    assert abs(columns.max() - pixels[:, 0].max()) < 1.5
    assert abs(rows.max() - min(479, pixels[:, 1].max())) < 1.5


def test_colours_are_stable_and_tell_neighbours_apart():
    assert colour_of(7) == colour_of(7)
    assert bgr_of(7) == tuple(round(255 * c) for c in reversed(colour_of(7)))
    rgb = np.array([colour_of(i) for i in range(1, 200)])
    assert rgb.min() >= 0 and rgb.max() <= 1
    for i in range(len(rgb) - 6):
        for a, b in itertools.combinations(rgb[i : i + 6], 2):
            assert np.abs(a - b).max() > 0.12
    assert all(colorsys.rgb_to_hsv(*c)[2] > 0.7 for c in rgb)


def test_glb_read_back_holds_the_same_meshes(body, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    posed = mesh_of(body, concatenate([somebody(body, -0.5, 4.0), somebody(body, 0.5, 5.0)]))
    path = tmp_path / "people.glb"
    write_glb(path, [Mesh(f"body_{i}", v, body.faces, colour_of(i)) for i, v in enumerate(posed)])
    scene = trimesh.load(path, process=False)
    assert set(scene.geometry) == {"body_0", "body_1"}
    for i, expected in enumerate(posed):
        mesh = scene.geometry[f"body_{i}"]
        assert mesh.vertices.shape == expected.shape
        assert np.abs(mesh.vertices - expected).max() < 1e-6
        assert (mesh.faces == body.faces).all()
        written = mesh.visual.material.baseColorFactor[:3] / 255
        assert np.abs(written - colour_of(i)).max() < 0.01


def test_glb_stands_upright_for_viewers(body, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    bodies = somebody(body, 0.0, 4.0)
    path = tmp_path / "one.glb"
    write_glb(path, [Mesh("one", mesh_of(body, bodies)[0], body.faces, (1, 0, 0))])
    scene = trimesh.load(path, process=False)
    transform, _ = scene.graph["one"]
    upright = mesh_of(body, bodies)[0] @ transform[:3, :3].T
    top = upright[:, 1].argmax()
    assert body.joint_names[body.part_id[top]] == "head"


def test_glb_needs_a_mesh_and_numbers_equal_names(body, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    with pytest.raises(ValueError, match="no mesh"):
        write_glb(tmp_path / "none.glb", [])
    path = tmp_path / "twice.glb"
    write_glb(path, [Mesh("body", body.v_template, body.faces, (1, 0, 0))] * 2)
    assert set(trimesh.load(path, process=False).geometry) == {"body", "body_2"}


def test_room_for_uncertainty_is_drawn_around_the_body(body):
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    bodies = somebody(body, 0.0, 4.0)
    sure = bodies.replace(
        joint_cov=np.zeros_like(bodies.joint_cov), transl_cov=np.zeros_like(bodies.transl_cov)
    )
    cov = sure.joint_cov.copy()
    cov[0, [20, 22]] = 0.01 * np.eye(3)  # the left wrist and hand
    plain = draw_tracks(image, tracked(sure), body, CAMERA)
    room = draw_tracks(image, tracked(sure.replace(joint_cov=cov)), body, CAMERA, 0.9)
    tinted = (room.any(2) & ~plain.any(2)).nonzero()
    wrist = sure.joints_2d[0, 20]
    off = np.hypot(tinted[1] - wrist[0], tinted[0] - wrist[1])
    # 0.25 m of room and a hand's thickness, 4 m away with a focal length of 600 pixels.
    near = off < 600 * (0.25 + 0.2) / 4
    assert near.sum() > 1000
    assert off[near].max() > 600 * 0.25 / 4
    assert (~near).mean() < 0.6  # elsewhere only the capsules' own corners stand out
