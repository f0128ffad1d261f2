"""The network over time: a stream is a clip, and what is forgotten is forgotten."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from made_films import made_film

from hmr_ros.body.model import load_body_model
from hmr_ros.models.temporal import Temporal
from hmr_ros.models.weights import build, load, save
from hmr_ros.runtime.temporal_export import example
from hmr_ros.sighting_fields import ANSWER, GAP
from hmr_ros.training.followed_people import batch_of, one_person, with_elapsed
from hmr_ros.training.temporal_losses import Weights, losses

TINY = {"width": 32, "heads": 2, "layers": 2, "expand": 2, "window": 8}


@cache
def body():
    return load_body_model()


def trained(seed: int = 0) -> Temporal:
    """A network that changes what it reads, as one that has learned something."""
    torch.manual_seed(seed)
    network = build("temporal", body(), TINY).eval()
    with torch.no_grad():
        for value in network.parameters():
            value += 0.05 * torch.randn_like(value)
    return network


@torch.no_grad()
def streamed(network: Temporal, clips: dict, state: dict | None = None) -> dict:
    """Answers [N, T, ...] of ``step``, frame by frame."""
    people, frames = clips["elapsed"].shape
    state = state or network.nothing(people)
    found = []
    for t in range(frames):
        answer, state = network.step({name: v[:, t] for name, v in clips.items()}, state)
        found.append(answer)
    return {name: torch.stack([a[name] for a in found], 1) for name in ANSWER}


@torch.no_grad()
def joints(network: Temporal, answer: dict) -> torch.Tensor:
    """[N, T, 24, 3] metres in the camera frame."""
    flat = network.skeleton(answer["rotations"].flatten(0, 1), answer["betas"].flatten(0, 1))[0]
    return flat.unflatten(0, answer["betas"].shape[:2]) + answer["pelvis"][:, :, None]


def test_a_stream_is_the_clip_to_a_tenth_of_a_millimetre():
    network, clips = trained(), example(2, 40)
    with torch.no_grad():
        whole = network(clips)
    stream = streamed(network, clips)
    assert (joints(network, whole) - joints(network, stream)).abs().max() < 1e-5
    for name in ANSWER:
        assert (whole[name] - stream[name]).abs().max() < 1e-4, name


def test_untrained_it_says_what_the_images_say():
    clips = example(2, 12)
    with torch.no_grad():
        answer = build("temporal", body(), TINY)(clips)
    for name in ("rotations", "betas", "pelvis"):
        assert torch.allclose(answer[name], clips[name], atol=2e-6), name
    assert torch.allclose(answer["joint_factor"], torch.ones(()))


def test_the_root_has_no_deviation_about_itself_to_change():
    network = trained()
    network.temperature.fill_(2)
    with torch.no_grad():
        factor = network(example(2, 12))["joint_factor"]
    assert torch.equal(factor[..., 0], torch.ones_like(factor[..., 0]))
    assert (factor[..., 1:] - 1).abs().min() > 0


def test_frames_to_come_change_nothing():
    network, clips = trained(), example(1, 20)
    other = {name: value.clone() for name, value in clips.items()}
    for name in ("rotations", "pelvis", "keypoints"):
        other[name][:, 12:] = example(1, 20, seed=5)[name][:, 12:]
    with torch.no_grad():
        a, b = network(clips), network(other)
    assert torch.equal(a["pelvis"][:, :12], b["pelvis"][:, :12])
    assert not torch.allclose(a["pelvis"][:, 12:], b["pelvis"][:, 12:])


@pytest.mark.parametrize("way", ["clip", "stream"])
def test_after_a_gap_nothing_of_before_counts(way):
    network, clips = trained(), example(1, 20)
    clips["elapsed"][:, 12] = GAP + 0.01
    fresh = {name: value[:, 12:].clone() for name, value in clips.items()}
    fresh["elapsed"][:, 0] = 0
    answer = network if way == "clip" else lambda c: streamed(network, c)
    with torch.no_grad():
        late, new = answer(clips), answer(fresh)
    for name in ANSWER:
        assert torch.allclose(late[name][:, 12:], new[name], atol=1e-5), name
    # Just below the gap it does count.
    clips["elapsed"][:, 12] = GAP - 0.01
    with torch.no_grad():
        near = answer(clips)
    assert not torch.allclose(near["pelvis"][:, 12:], new["pelvis"], atol=1e-4)


def test_where_the_odometry_began_does_not_matter():
    network, clips = trained(), example(2, 16)
    turn = torch.tensor([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]])  # about the vertical
    moved = dict(clips)
    moved["camera_rotation"] = clips["camera_rotation"] @ turn.T
    moved["camera_position"] = clips["camera_position"] @ turn.T + torch.tensor([5.0, 1.0, -3.0])
    with torch.no_grad():
        a, b = network(clips), network(moved)
    for name in ("rotations", "betas", "pelvis", "resting"):
        assert torch.allclose(a[name], b[name], atol=2e-4), name
    assert torch.allclose(a["velocity"] @ turn.T, b["velocity"], atol=2e-3)


def test_people_do_not_look_at_each_other():
    network, clips = trained(), example(3, 10)
    one = {name: value[1:2] for name, value in clips.items()}
    with torch.no_grad():
        many, alone = network(clips), network(one)
    assert torch.allclose(many["pelvis"][1:2], alone["pelvis"], atol=1e-6)


def test_every_parameter_learns():
    network = trained()
    clips = [with_elapsed(one_person(made_film(), person)) for person in range(2)]
    batch = batch_of(clips, 30)
    sum(losses(network, network(batch), batch, Weights()).values()).backward()
    for name, value in network.named_parameters():
        if name.startswith("flow."):  # has losses of its own: test_limb_flow
            continue
        assert value.grad is not None and value.grad.abs().sum() > 0, name


def test_weights_are_kept_and_missing_ones_named(tmp_path):
    network = trained()
    save(network, tmp_path / "temporal.safetensors")
    again = load(tmp_path / "temporal.safetensors", body(), "temporal")
    assert again.config == network.config
    for name, value in network.state_dict().items():
        assert torch.allclose(value, again.state_dict()[name], atol=1e-3), name
    with pytest.raises(ValueError, match="hmr train temporal"):
        load(tmp_path / "none.safetensors", body(), "temporal")
