"""Simulated keypoints as person crops: the same geometry as the crops of real pictures."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.crop_views import SIDE, views  # noqa: E402
from hmr_ros.data import lifting  # noqa: E402
from hmr_ros.geometry.camera import Camera  # noqa: E402
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.training.keypoint_people import LOST, crops, keypoint_people  # noqa: E402
from hmr_ros.training.losses import place_of, target  # noqa: E402
from hmr_ros.training.recipe import Recipe, read_recipe, shipped  # noqa: E402


@pytest.fixture(scope="module")
def samples():
    rng = torch.Generator().manual_seed(5)
    poses = 0.2 * torch.randn(200, 24, 3, generator=rng)
    return lifting.crop_samples(poses, skeleton_of(load_body_model()), rng)


@pytest.fixture(scope="module")
def people(samples):
    return keypoint_people(samples, torch.Generator().manual_seed(6))


def test_a_crop_is_the_view_that_a_real_camera_would_give():
    rng = torch.Generator().manual_seed(1)
    middle = 0.8 * torch.rand(300, 2, generator=rng) - 0.4
    half = 0.02 + 0.02 * torch.rand(300, 2, generator=rng)
    view, scale = crops(torch.cat([middle - half, middle + half], 1), rng)
    view, scale = view.double().numpy(), scale.double().numpy()
    # The square in the image of a camera that has this view: its middle, side and direction.
    x, z = view[:, 0], view[:, 2]
    centre = z[:, :2] / z[:, 2:]
    along = (x - z * x[:, 2:] / z[:, 2:])[:, :2]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    cosine = 1 / np.sqrt(1 + (centre**2).sum(1))
    side = 2 * scale / cosine**1.5
    focal = 1000.0
    pixel = (side * focal / SIDE)[:, None] * along
    columns = np.stack([pixel, np.stack([-pixel[:, 1], pixel[:, 0]], 1)], -1)
    at = focal * centre - columns @ np.full(2, (SIDE - 1) / 2)
    camera = Camera(1, 1, fx=focal, fy=focal, cx=0.0, cy=0.0)
    wanted, wanted_scale = views(np.concatenate([columns, at[..., None]], 2), camera)
    np.testing.assert_allclose(view, wanted, atol=1e-5)
    np.testing.assert_allclose(scale, wanted_scale, rtol=1e-3)


def test_keypoints_are_where_they_were(samples, people):
    ray = torch.cat([people["keypoints"][..., :2] * people["scale"][:, None, None],
                     torch.ones(200, 33, 1)], -1) @ people["view"]  # fmt: skip
    kept = (people["keypoints"][..., 2] > 0) & (people["keypoints"][..., :2].abs() < 4).all(-1)
    assert kept.float().mean() > 0.3
    there = ray[..., :2] / ray[..., 2:]
    assert (there - samples.keypoints[..., :2])[kept].abs().max() < 1e-5
    assert (people["keypoints"][people["keypoints"][..., 2] == 0] == 0).all()
    lost = (people["keypoints"][..., 2].amax(1) == 0).float().mean()
    assert lost < LOST + 0.1


def test_truth_is_in_the_view_frame(samples, people):
    back = people["view"].transpose(1, 2)
    torch.testing.assert_close((back @ people["pelvis"][..., None])[..., 0], samples.joints[:, 0])
    posed = skeleton_of(load_body_model())(people["rotations"], people["betas"])
    torch.testing.assert_close(posed[0], people["joints"], atol=1e-4, rtol=0)
    torch.testing.assert_close(posed[1], people["landmarks"], atol=1e-4, rtol=0)
    # Place and image agree, as the losses read them.
    wanted = target(people)
    place = place_of(people["pelvis"], people["scale"])
    inside = (people["joints_2d"][:, 0].abs() < 3).all(1)
    assert (place[:, :2] - people["joints_2d"][:, 0])[inside].abs().max() < 1e-4
    torch.testing.assert_close(wanted.image[:, :24], people["joints_2d"])


def test_a_box_spans_its_person(people):
    box, marks = people["box"], people["keypoints"]
    inside = (marks[..., 0] >= box[:, None, 0] - 0.3) & (marks[..., 0] <= box[:, None, 2] + 0.3)
    assert inside[marks[..., 2] > 0].float().mean() > 0.95
    assert ((box[:, 2:] - box[:, :2]) > 0).all()


def test_training_learns_and_is_a_start_for_the_network_with_pictures(tmp_path):
    from hmr_ros.cli.motion_file import default_motions
    from hmr_ros.models.baseline import BaselineConfig
    from hmr_ros.models.weights import build
    from hmr_ros.training import baseline_keypoints_task
    from hmr_ros.training.loop import Training

    motions = Path(default_motions())
    if not motions.is_file():
        pytest.skip(f"{motions} is not here")
    small = read_recipe(shipped("baseline_keypoints", small=True)).task
    own = {"network": small["network"] | {"width": 32, "layers": [1, 1]}, "batch": 32}
    task = baseline_keypoints_task.load(own | {"motions": str(motions)}, 0, 0, 1)
    first, again = task.batch(3), task.batch(3)
    assert all(torch.equal(first[name], again[name]) for name in first)
    training = Training(task, Recipe(steps=40, batch=32, rate=3e-3, warmup=5), tmp_path)
    before = task.validate(training.network.eval())["mpjpe_mm"]
    for _ in training.run():
        pass
    assert task.validate(training.averaged())["mpjpe_mm"] < 0.85 * before
    # All that has no picture is taken over.
    network = build("baseline", load_body_model(), BaselineConfig(width=32, layers=(1, 1)))
    kept = {k for k, v in training.network.state_dict().items()} & set(network.state_dict())
    assert kept == set(training.network.state_dict())


@pytest.mark.parametrize("small", [False, True])
def test_recipes_of_start_and_network_have_the_same_sizes(small):
    start, whole = (
        read_recipe(shipped(name, small)).task["network"]
        for name in ("baseline_keypoints", "baseline")
    )
    for key in ("width", "heads", "layers"):
        assert start[key] == whole[key]
