"""The tokenizer's training task: what it draws, that it learns, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hmr_ros.body.kinematics import forward_kinematics  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.data.lifting import mirrored, rotation_from_axis_angle  # noqa: E402
from hmr_ros.data.motions import MotionError  # noqa: E402
from hmr_ros.training.model_card import Origin  # noqa: E402
from hmr_ros.training.tokenizer_task import load, posed, release, skeleton_of  # noqa: E402

TINY = {"tokens": 8, "codes": 32, "code_width": 8, "width": 16, "mix_width": 8}
SETTINGS = {"batch": 64, "pool": 30, "free": 5, "network": TINY}


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    """A clip for each split, of one pose each that is swayed a little; test's knees are bent."""
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.1, (90, 24, 3))
    poses[:, 22:] = 0
    poses[:, 16, 2] -= 1.2
    poses[:, 17, 2] += 1.2
    poses[60:, 4:6, 0] = 1.5
    path = tmp_path_factory.mktemp("motions") / "motions.npz"
    np.savez(
        path,
        poses=poses.astype(np.float32),
        trans=np.zeros((90, 3), np.float32),
        clip=np.repeat([0, 1, 2], 30).astype(np.int16),
        clip_name=np.array(["a", "b", "c"]),
        clip_split=np.array(["train", "val", "test"]),
        fps=np.float32(30),
    )
    return path


@pytest.fixture(scope="module")
def task(motions):
    torch.set_num_threads(1)
    return load({**SETTINGS, "motions": str(motions)}, 3, 0, 1)


def test_posed_joints_are_the_body_s_kinematics():
    body, rng = load_body_model(), np.random.default_rng(1)
    vectors = torch.tensor(rng.normal(0, 0.5, (9, 21, 3)), dtype=torch.float32)
    turns = rotation_from_axis_angle(vectors)
    whole = np.tile(np.eye(3), (9, 24, 1, 1))
    whole[:, 1:22] = turns.numpy()
    rest = np.tile(body.joint_template.astype(float), (9, 1, 1))
    joints, _ = forward_kinematics(whole, rest, body.parents)
    found = posed(skeleton_of(body), turns).numpy()
    np.testing.assert_allclose(found, joints - joints[:, :1], atol=1e-5)


def test_a_batch_depends_on_its_step_alone(task, motions):
    again = load({**SETTINGS, "motions": str(motions)}, 3, 0, 1)
    first, same, other = task.batch(7), again.batch(7), task.batch(8)
    for name, value in first.items():
        assert torch.equal(value, same[name]), name
    assert not torch.equal(first["rotations"], other["rotations"])
    elsewhere = load({**SETTINGS, "motions": str(motions)}, 3, 1, 2).batch(7)
    assert not torch.equal(first["rotations"], elsewhere["rotations"])


def test_targets_are_train_poses_or_sampled_ones_and_their_mirror_images(task):
    known = torch.cat([task.clips.poses, task.pool])
    known = rotation_from_axis_angle(torch.cat([known, mirrored(known)])[:, 1:22])
    drawn = task.batch(0)["rotations"]
    gap = (drawn[:, None] - known).abs().amax((2, 3, 4)).amin(1)
    assert gap.max() < 1e-5


def test_shares_of_spoiled_input_are_what_the_settings_say(motions):
    settings = {**SETTINGS, "batch": 20000, "jittered": 0.2, "masked": 0.3, "swapped": 0.5}
    batch = load({**settings, "motions": str(motions), "swap": 0.1}, 0, 0, 1).batch(0)
    turned = (batch["rotations"] - batch["seen"]).abs().amax((1, 2, 3)) > 1e-4
    assert turned.float().mean().item() == pytest.approx(0.2, abs=0.01)
    # Every part has at least three joints; a spoiled pose lacks one part at least.
    lacking = 21 - batch["known"].sum(1)
    assert (lacking > 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert lacking[lacking > 0].min() >= 4
    foreign = batch["swapped"] >= 0
    assert foreign.float().mean().item() == pytest.approx(0.05, abs=0.003)
    assert batch["swapped"].max() == 31 and batch["swapped"].min() == -1


def test_training_brings_the_error_down_and_uses_the_codes(task):
    torch.manual_seed(0)
    network = task.network().train()
    before = task.validate(network)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for step in range(150):
        terms = task.losses(network, task.batch(step), step)
        assert (terms["commitment"] > 0) == (step >= 5)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        task.after_step(network, step)
    after = task.validate(network.eval())
    assert after["joints_mm"] < 0.6 * before["joints_mm"]
    assert after["codes_used"] > 0.5


def test_decoded_poses_stay_within_the_joints_ranges(task):
    from hmr_ros.evaluation.tokenizer import TOLERANCE, beyond_limits

    network = task.network().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5)  # far from anything sensible
        tokens = torch.randint(32, (200, 8))
        assert beyond_limits(network.decode_tokens(tokens).numpy()).max() < TOLERANCE


@pytest.mark.parametrize(
    "change, message",
    [
        ({"pools": 3}, "'pools' is unknown"),
        ({"network": {"tokns": 3}}, "'network.tokns' is unknown"),
        ({"motions": ""}, "motions is missing"),
    ],
)
def test_unusable_settings_are_refused_by_name(motions, change, message):
    with pytest.raises(ValueError, match=message):
        load({**SETTINGS, "motions": str(motions), **change}, 0, 0, 1)


def test_missing_motions_are_refused(tmp_path):
    with pytest.raises(MotionError, match="does not exist"):
        load({**SETTINGS, "motions": str(tmp_path / "none.npz")}, 0, 0, 1)


def test_release_writes_weights_and_a_card_with_their_figures(task, tmp_path):
    from hmr_ros.models.tokenizer_weights import load as load_weights

    torch.manual_seed(0)
    origin = Origin("hmr train tokenizer", "clips.", steps=7, batch=64, seed=3)
    release(task.network().eval(), task, tmp_path, origin)
    figures = task.validate(load_weights(tmp_path / "tokenizer.safetensors"))
    text = (tmp_path / "tokenizer.md").read_text()
    assert "7 steps of 64, seed 3" in text
    assert f"{figures['joints_mm']:.1f}" in text
