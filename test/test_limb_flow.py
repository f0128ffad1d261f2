"""The flow of the limbs over time: its states, what it is trained on, and what it leaves alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_films import made_film, swinging

from hmr_ros.body.model import load_body_model
from hmr_ros.models import limb_flow
from hmr_ros.models.factorized_state import LIMBS, TORSO
from hmr_ros.models.lifter import matrix_from_6d
from hmr_ros.models.limb_flow import NOISE, SIZE, state_of, turned
from hmr_ros.models.sampled_limbs import sampled_joints
from hmr_ros.models.weights import build
from hmr_ros.runtime.temporal_export import example
from hmr_ros.training.followed_people import batch_of, one_person, with_elapsed
from hmr_ros.training.limb_flow_losses import FRAMES, FlowWeights, Stretches, draw, losses

TINY = {"width": 32, "heads": 2, "layers": 1, "expand": 2, "window": 8, "flow_layers": 1}


@pytest.fixture(scope="module")
def network():
    """One that has learned something."""
    torch.manual_seed(0)
    made = build("temporal", load_body_model(), TINY).eval()
    with torch.no_grad():
        for value in made.parameters():
            value += 0.05 * torch.randn_like(value)
    return made


def rotations(people: int, seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return matrix_from_6d(torch.randn(people, 24, 6, generator=rng))


def test_a_state_turns_limbs_and_nothing_else():
    own, goal = rotations(5, 0), rotations(5, 1)
    reached = turned(own, state_of(own, goal))
    limbs, torso = list(LIMBS), list(TORSO)
    assert torch.allclose(reached[:, limbs], goal[:, limbs], atol=1e-5)
    assert torch.equal(reached[:, torso], own[:, torso])
    assert torch.equal(turned(own, torch.zeros(5, SIZE))[:, torso], own[:, torso])
    assert torch.allclose(turned(own, torch.zeros(5, SIZE)), own, atol=1e-6)


def frames_of(network, count: int = 4) -> dict:
    with torch.no_grad():
        return {name: value[0] for name, value in network(example(1, count)).items()}


@pytest.mark.parametrize("steps", [1, 2, 4, 20])
@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_no_sample_moves_the_torso(network, steps, guidance):
    answer = frames_of(network)
    noise = torch.randn(3, SIZE, generator=torch.Generator().manual_seed(0))
    joints = sampled_joints(network, answer, noise, steps, guidance)
    own, _ = network.skeleton(answer["rotations"], answer["betas"])
    assert (joints - own)[:, :, list(TORSO)].abs().max() < 1e-6
    assert (joints - own)[:, :, [20, 21]].norm(dim=-1).mean() > 0.05


def test_a_sample_stands_still_where_nothing_changes(network):
    answer = frames_of(network, 1)
    still = {name: value.expand(5, *value.shape[1:]) for name, value in answer.items()}
    joints = sampled_joints(network, still, torch.randn(2, SIZE))
    assert (joints - joints[:, :1]).abs().max() < 1e-5
    anew = sampled_joints(network, still, torch.randn(1, 5, SIZE))
    assert (anew - anew[:, :1])[:, 1:, [20, 21]].norm(dim=-1).mean() > 0.05


class Oracle(torch.nn.Module):
    """Says the velocity that leads to the true limbs, whatever the state."""

    def __init__(self, data, off=0.0) -> None:
        super().__init__()
        self.data, self.off, self.blind = data, off, None

    def forward(self, state, t, evidence, regressed, without):
        self.blind = without
        return (self.data - state) / (1 - t[:, None]) + self.off


def test_the_truth_costs_nothing_and_a_lie_does(network):
    """Of somebody whose body is known: estimate and truth differ by the limbs alone."""
    clip = swinging(load_body_model())
    truth = clip["true_rotations"].copy()
    truth[:, 16] = truth[:, 16] @ np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, 1]])
    batch = batch_of([clip | {"true_rotations": truth}], 12)
    answer = {"rotations": batch["rotations"], "betas": batch["betas"]}
    answer |= {"token": torch.zeros(1, 12, 32), "pose": torch.zeros(1, 12, limb_flow.POSE)}
    chance = Stretches(
        first=torch.tensor([3]),
        noise=torch.randn(1, SIZE),
        t=torch.tensor([0.5]),
        blind=torch.tensor([False]),
    )
    own, goal = (batch[name][0, 3 : 3 + FRAMES] for name in ("rotations", "true_rotations"))
    oracle = Oracle(state_of(own, goal))
    told_by = SimpleNamespace(skeleton=network.skeleton, flow=oracle)
    told = losses(told_by, answer, batch, chance, FlowWeights())
    assert set(told) == {"flow", "flow_reach", "flow_motion"}
    assert told["flow"] < 1e-6 and told["flow_reach"] < 2e-3 and told["flow_motion"] < 1e-3
    oracle.off = 0.2
    lie = losses(told_by, answer, batch, chance, FlowWeights())
    assert lie["flow"].item() == pytest.approx(0.3 * (0.2 / NOISE) ** 2, rel=1e-3)
    assert lie["flow_reach"] > 0.02
    # Who is shown no evidence cannot be asked where the limbs are.
    blind = Stretches(chance.first, chance.noise, chance.t, torch.tensor([True]))
    unseen = losses(told_by, answer, batch, blind, FlowWeights())
    assert unseen["flow_reach"] == 0 and unseen["flow"] == pytest.approx(lie["flow"].item())
    assert oracle.blind.min() == 1


def test_stretches_lie_within_their_clips():
    counted = torch.ones(400, 20)
    counted[::2, 9:] = 0
    found = draw(counted, torch.Generator().manual_seed(0))
    assert found.first[::2].max() == 9 - FRAMES and found.first[1::2].max() == 20 - FRAMES
    assert found.first.min() == 0 and 0.05 < found.blind.float().mean() < 0.15


def test_it_learns_without_changing_what_the_network_says(network):
    """The estimate is trained as a regressor; the field may not pull at it."""
    clips = [with_elapsed(one_person(made_film(), person)) for person in range(2)]
    batch = batch_of(clips, 30)
    network.zero_grad()
    chance = draw(batch["counted"], torch.Generator().manual_seed(0))
    sum(losses(network, network(batch), batch, chance, FlowWeights()).values()).backward()
    for name, value in network.named_parameters():
        learns = value.grad is not None and value.grad.abs().sum() > 0
        assert learns == name.startswith("flow."), name
    network.zero_grad()
