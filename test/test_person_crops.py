"""Person crops: their rays, turned views, evidence, and people who were not found."""

import cv2
import numpy as np
import pytest

from hmr_ros.frontend.regions import crop_to_image
from hmr_ros.geometry.camera import Camera, guessed_camera
from hmr_ros.people import People
from hmr_ros.person_crops import CELLS, GRID, INPUTS, PersonCrops, crops_of

PINHOLE = Camera(640, 480, 420.0, 430.0, 310.0, 250.0)
BARREL = Camera(
    640, 480, 420.0, 425.0, 330.0, 235.0, (-0.28, 0.09, 0.001, -0.0005, 0.0), "plumb_bob"
)
FISHEYE = Camera(640, 480, 300.0, 300.0, 320.0, 240.0, (0.02, -0.01, 0.001, 0.0), "equidistant")
CAMERAS = {"pinhole": PINHOLE, "barrel": BARREL, "fisheye": FISHEYE}
# Middle x and y, side, angle: upright, leaning right, leaning left, head down, over the border.
REGIONS = np.array(
    [
        [320, 240, 200, 0.0],
        [150, 300, 260, 0.6],
        [500, 120, 140, -1.1],
        [400, 350, 90, 3.0],
        [30, 60, 220, 0.2],
    ]
)


def picture(seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8)
    return cv2.resize(small, (640, 480), interpolation=cv2.INTER_CUBIC)


def people_in(regions: np.ndarray, points: np.ndarray | None = None, seed: int = 0) -> People:
    """People whose crops are ``regions``; points [N, 33, 2] are drawn inside them if not given."""
    rng, n = np.random.default_rng(seed), len(regions)
    crops = crop_to_image(regions, 256)
    if points is None:
        inside = rng.uniform(20, 236, (n, 33, 2))
        points = inside @ crops[:, :, :2].transpose(0, 2, 1) + crops[:, None, :, 2]
    side = regions[:, 2:3] / 1.25
    return People(
        boxes=np.concatenate([regions[:, :2] - side / 2, side, side], 1).astype(np.float32),
        scores=np.ones(n, np.float32),
        keypoints=np.concatenate([points, np.full((n, 33, 1), 0.8)], 2).astype(np.float32),
        found=np.ones(n, bool),
        keypoint_set="blazepose33",
        source=np.full(n, "given"),
        heatmaps=rng.random((n, 64, 64, 39), np.float32),
        masks=rng.random((n, 256, 256), np.float32),
        crops=crops,
        world=rng.uniform(-1, 1, (n, 33, 3)).astype(np.float32),
        features=rng.uniform(0, 6, (n, 4, 4, 288)).astype(np.float32),
    )


def to_camera_rays(crops: PersonCrops, n: int, places: np.ndarray) -> np.ndarray:
    """Places [P, 2] over ``scale`` back to rays [P, 2] of the camera."""
    ahead = np.concatenate([places * crops.scale[n], np.ones_like(places[:, :1])], 1)
    turned = ahead.astype(np.float64) @ crops.view[n]
    return turned[:, :2] / turned[:, 2:]


@pytest.mark.parametrize("name", CAMERAS)
def test_keypoints_are_the_rays_of_the_camera_turned_and_scaled(name):
    camera, people = CAMERAS[name], people_in(REGIONS)
    crops = crops_of(picture(), people, camera)
    true = camera.rays(people.keypoints[..., :2].astype(np.float64))
    near = (np.abs(true) < 9).all(-1)
    assert near.mean() > 0.9
    for n in range(len(people)):
        back = to_camera_rays(crops, n, crops.keypoints[n, :, :2])
        rows = near[n] & (crops.keypoints[n, :, 2] > 0)
        np.testing.assert_allclose(back[rows], true[n, rows], atol=1e-5)


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("size", [256, 128])
def test_the_grid_of_rays_belongs_to_the_pixels_of_the_crop(name, size):
    camera, people = CAMERAS[name], people_in(REGIONS)
    crops = crops_of(picture(), people, camera, size)
    cell = size / GRID
    at = (np.arange(GRID) + 0.5) * cell - 0.5  # pixels of the crop as the network sees it
    for n in range(len(people)):
        for row, column in [(0, 0), (3, 12), (8, 8), (15, 2)]:
            inside = (np.array([at[column], at[row]]) + 0.5) * (256 / size) - 0.5
            pixel = people.crops[n, :, :2].astype(float) @ inside + people.crops[n, :, 2]
            true = camera.rays(pixel)
            back = to_camera_rays(crops, n, crops.rays[n, :, row, column][None])[0]
            if (np.abs(crops.rays[n, :, row, column]) < 3.9).all() and np.isfinite(true).all():
                np.testing.assert_allclose(back, true, atol=1e-5)


def test_points_in_space_project_to_where_the_crop_shows_them():
    points = np.random.default_rng(3).uniform([-0.4, -0.9, 3.0], [0.4, 0.9, 4.5], (33, 3))
    pixels = BARREL.project(points)[None]
    people = people_in(np.array([[*pixels[0].mean(0), 300, 0.5]]), pixels)
    crops = crops_of(picture(), people, BARREL)
    in_view = points @ crops.view[0].T
    flat = in_view[:, :2] / in_view[:, 2:] / crops.scale[0]
    np.testing.assert_allclose(crops.keypoints[0, :, :2], flat, atol=1e-5)


@pytest.mark.parametrize("name", CAMERAS)
def test_views_are_rotations_that_look_through_the_middle_with_the_crop_upright(name):
    crops = crops_of(picture(), people_in(REGIONS), CAMERAS[name])
    product = crops.view @ crops.view.transpose(0, 2, 1)
    np.testing.assert_allclose(product, np.tile(np.eye(3), (len(REGIONS), 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(crops.view), 1, atol=1e-6)
    middle = crops.rays[:, :, 7:9, 7:9].mean((2, 3))
    np.testing.assert_allclose(middle, 0, atol=0.02)
    along = crops.rays[:, :, 7:9, 8].mean(2) - crops.rays[:, :, 7:9, 7].mean(2)
    # One of 16 cells is an eighth of the half width, along x and not along y.
    np.testing.assert_allclose(along[:, 0], 1 / 8, rtol=0.15)
    np.testing.assert_allclose(along[:, 1], 0, atol=2e-3)


def test_on_the_axis_the_scale_is_the_half_width_over_the_focal_length():
    camera = Camera(640, 480, 400.0, 400.0, 320.0, 240.0)
    # The crop's middle, pixel 127.5 of 256, lies on the axis of the camera.
    half = 200 / 256 / 2
    crops = crops_of(picture(), people_in(np.array([[320 + half, 240 + half, 200, 0]])), camera)
    assert crops.scale[0] == pytest.approx(100 / 400, rel=1e-6)
    np.testing.assert_allclose(crops.view[0], np.eye(3), atol=1e-6)
    np.testing.assert_allclose(crops.rays[0, 0, 0], np.linspace(-15, 15, 16) / 16, atol=1e-6)
    half = half / 100
    np.testing.assert_allclose(crops.box[0], np.array([-0.8, -0.8, 0.8, 0.8]) + half, atol=1e-6)


def test_a_person_turned_with_the_camera_looks_the_same():
    camera = Camera(480, 480, 400.0, 400.0, 239.5, 239.5)
    image = np.ascontiguousarray(picture()[:, :480])
    points = np.random.default_rng(1).uniform(150, 330, (1, 33, 2))
    first = people_in(np.array([[240.0, 220, 180, 0.3]]), points)
    # A quarter turn clockwise: x' = 479 - y, y' = x.
    affine = np.array([[0, -1, 479], [1, 0, 0]], float)
    crops = affine[:, :2] @ first.crops.astype(float)
    crops[:, :, 2] += affine[:, 2]
    keypoints = first.keypoints.copy()
    keypoints[..., :2] = points @ affine[:, :2].T + affine[:, 2]
    second = first.replace(crops=crops.astype(np.float32), keypoints=keypoints)
    a = crops_of(image, first, camera)
    b = crops_of(np.ascontiguousarray(np.rot90(image, -1)), second, camera)
    np.testing.assert_allclose(a.keypoints, b.keypoints, atol=2e-5)
    np.testing.assert_allclose(a.rays, b.rays, atol=2e-5)
    assert np.abs(a.image.astype(int) - b.image).mean() < 1.0
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(b.view[0] @ turn, a.view[0], atol=1e-5)


def test_the_picture_is_rgb_black_outside_and_the_small_one_its_means():
    image = np.full((480, 640, 3), (10, 20, 30), np.uint8)  # blue, green, red
    people = people_in(np.array([[0.0, 240, 200, 0], [320, 240, 100, 0.4]]))
    large, small = (crops_of(image, people, PINHOLE, size) for size in (256, 128))
    assert large.image.shape == (2, 3, 256, 256) and small.image.shape == (2, 3, 128, 128)
    assert large.image[1, :, 128, 128].tolist() == [30, 20, 10]
    assert not large.image[0, :, :, :126].any() and large.image[0, 0, :, 130:].min() == 30
    varied = [crops_of(picture(), people, PINHOLE, size).image for size in (256, 128)]
    means = varied[0].reshape(2, 3, 128, 2, 128, 2).astype(float).mean((3, 5))
    assert np.abs(varied[1] - means).max() <= 0.51


def test_a_network_that_reads_no_picture_gets_a_black_one_and_all_the_rest():
    people = people_in(REGIONS)
    seen, unseen = (crops_of(picture(), people, PINHOLE, 128, pictured=p) for p in (True, False))
    assert seen.image.any() and not unseen.image.any() and unseen.image.shape == seen.image.shape
    for name in set(INPUTS) - {"image"}:
        np.testing.assert_array_equal(getattr(seen, name), getattr(unseen, name))


def test_maps_are_greatest_and_mean_of_their_cells():
    people = people_in(REGIONS[:2])
    crops = crops_of(picture(), people, PINHOLE)
    assert crops.heatmaps.shape == (2, 33, CELLS, CELLS) and crops.mask.shape == (2, 1, 32, 32)
    expected = 255 * people.heatmaps[1, 10:12, 20:22, 7].max()
    assert crops.heatmaps[1, 7, 5, 10] == round(float(expected))
    mean = 255 * people.masks[0, 40:48, 80:88].mean()
    assert crops.mask[0, 0, 5, 10] == pytest.approx(mean, abs=0.51)


def test_features_and_world_landmarks_are_the_landmark_networks_own():
    people = people_in(REGIONS[:2])
    crops = crops_of(picture(), people, PINHOLE)
    assert crops.features.shape == (2, 288, 4, 4) and crops.features.dtype == np.uint8
    # 6 is the most that ReLU6 lets through.
    np.testing.assert_allclose(
        6 / 255 * crops.features.transpose(0, 2, 3, 1), people.features, atol=6 / 255 / 2 + 1e-6
    )
    # Of the crop, so of the view: nothing is turned.
    np.testing.assert_array_equal(crops.world, people.world)
    wild = people.world.copy()
    wild[0, 3], wild[1, 4] = np.nan, 50
    far = crops_of(picture(), people.replace(world=wild), PINHOLE).world
    assert not far[0, 3].any() and (far[1, 4] == 3).all()


def test_what_was_seen_of_a_person_not_found_counts_but_for_the_keypoints():
    people = people_in(REGIONS)
    lost = people.replace(found=np.zeros(len(REGIONS), bool))
    seen, unsure = (crops_of(picture(), p, PINHOLE) for p in (people, lost))
    assert seen.keypoints.any() and not unsure.keypoints.any()
    for kind in ("image", "heatmaps", "mask", "features", "world", "rays", "view"):
        np.testing.assert_array_equal(getattr(seen, kind), getattr(unsure, kind))


@pytest.mark.parametrize(
    "region, counts",
    [
        ((340, 260, 300, 1.0), True),
        ((320 + 170, 240, 300, 0.0), False),  # the box's middle lies outside
        ((320 + 170, 240, 300, np.pi / 4), True),  # inside, as the square stands on its corner
        ((320, 240, 110, 0.0), False),  # a part of the box
        ((320, 240, 620, 0.0), False),  # a person far too large
        ((320, 240, 580, 0.5), True),
    ],
)
def test_a_look_elsewhere_does_not_count(region, counts):
    box = np.array([[320 - 50, 240 - 100, 100, 200]], np.float32)
    people = people_in(np.array([region])).replace(boxes=box, found=np.zeros(1, bool))
    crops = crops_of(picture(), people, PINHOLE)
    assert crops.features.any() == crops.world.any() == counts
    # The crop is the one that was looked at, or the upright square.
    upright = crops_of(picture(), people.replace(crops=None), PINHOLE)
    assert np.allclose(crops.view, upright.view, atol=1e-6) == (not counts)


def test_a_person_without_a_look_is_an_upright_square_without_evidence():
    people = people_in(REGIONS[[1, 2]]).replace(found=np.array([False, True]))
    nowhere = people.crops.copy()
    nowhere[0] = 0  # as of a box that nobody looked into
    people = people.replace(crops=nowhere)
    crops = crops_of(picture(), people, PINHOLE)
    for kind in ("heatmaps", "mask", "features", "keypoints", "world"):
        assert not getattr(crops, kind)[0].any() and getattr(crops, kind)[1].any()
    assert crops.image[0].any()
    x, y, width, _ = people.boxes[0]
    centre = PINHOLE.rays(np.array([x + width / 2, y + width / 2]))
    np.testing.assert_allclose(crops.view[0, 2, :2] / crops.view[0, 2, 2], centre, atol=1e-5)
    assert crops.box[0] == pytest.approx([-0.8, -0.8, 0.8, 0.8], abs=0.08)
    # A quarter more than the box: half of 1.25 sides.
    width_ray = 1.25 * width / 2 / np.sqrt(PINHOLE.fx * PINHOLE.fy)
    assert crops.scale[0] == pytest.approx(width_ray / (1 + centre @ centre) ** 0.75, rel=1e-4)


def test_without_crops_and_maps_keypoints_still_count():
    people = people_in(REGIONS[:3]).replace(
        crops=None, heatmaps=None, masks=None, world=None, features=None
    )
    crops = crops_of(picture(), people, PINHOLE)
    assert not (crops.heatmaps.any() or crops.features.any() or crops.world.any())
    assert crops.keypoints[..., 2].min() == np.float32(0.8)


def test_coco_keypoints_take_their_places():
    people = people_in(REGIONS[:1])
    coco = People(
        boxes=people.boxes,
        scores=people.scores,
        keypoints=people.keypoints[:, :17],
        found=people.found,
        keypoint_set="coco17",
        source=people.source,
    )
    crops = crops_of(picture(), coco, PINHOLE)
    assert np.flatnonzero(crops.keypoints[0, :, 2]).tolist() == [
        0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28
    ]  # fmt: skip


def test_missing_and_impossible_keypoints_have_no_confidence():
    people = people_in(REGIONS[:1])
    keypoints = people.keypoints.copy()
    keypoints[0, 0, 2], keypoints[0, 1], keypoints[0, 2, 0] = 0, np.nan, np.nan
    keypoints[0, 3, :2] = 1e5
    crops = crops_of(picture(), people.replace(keypoints=keypoints), PINHOLE)
    assert np.isfinite(crops.keypoints).all()
    assert not crops.keypoints[0, :4].any() and crops.keypoints[0, 4:, 2].all()


@pytest.mark.parametrize("name", CAMERAS)
def test_hopeless_boxes_still_give_numbers(name):
    boxes = np.array([[0, 0, 0, 0], [-900, -900, 50, 80], [5000, 100, 30, 900]], np.float32)
    people = people_in(REGIONS[:3]).replace(boxes=boxes, found=np.zeros(3, bool))
    crops = crops_of(picture(), people, CAMERAS[name])
    for field, values in crops.inputs().items():
        assert np.isfinite(values).all(), field
    assert (crops.scale > 0).all()
    np.testing.assert_allclose(np.linalg.det(crops.view), 1, atol=1e-5)


def test_inputs_are_float32_in_their_order_and_nobody_is_no_rows():
    people = people_in(REGIONS)
    inputs = crops_of(picture(), people, PINHOLE).inputs()
    assert tuple(inputs) == INPUTS and {v.dtype for v in inputs.values()} == {np.dtype(np.float32)}
    assert 0.9 < inputs["image"].max() <= 1 and inputs["heatmaps"].max() <= 1
    nobody = crops_of(picture(), people[[]], guessed_camera(640, 480), 128)
    assert len(nobody) == 0 and nobody.image.shape == (0, 3, 128, 128)


def test_wrong_sizes_and_keypoints_are_refused():
    people = people_in(REGIONS)
    with pytest.raises(ValueError, match="size is 100, expected a divisor of 256"):
        crops_of(picture(), people, PINHOLE, 100)
