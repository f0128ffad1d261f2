"""From a trained network over time to the files that ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Generator

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.evaluation.sample_calibration import covariances_over_time, distal_factors
from hmr_ros.evaluation.temperatures import seen_and_unseen
from hmr_ros.models.factorized import SAMPLES
from hmr_ros.models.limb_flow import SIZE
from hmr_ros.models.sampled_limbs import sampled_joints
from hmr_ros.models.temporal import Temporal
from hmr_ros.models.weights import load, save
from hmr_ros.runtime.temporal_export import export, references
from hmr_ros.training.followed_people import whole
from hmr_ros.training.model_card import Origin, card, write_card
from hmr_ros.training.temporal_losses import posed

ABOUT = (
    "FactorizedHMR over time: the baseline's bodies of single images, placed and refined, to "
    "bodies corrected by the 31 images before, and to samples of where their limbs may be; and the "
    "root's velocity in the odometry frame and which feet and wrists rest."
)
PARTS = ("shape", "place")
LIMITS = (
    "Trained on films of simulated keypoints, without a picture; people who walk and stand, seen "
    "by robots' cameras; adults only. It corrects the shipped baseline with placement and "
    "refinement, no other estimator. Whether to switch it on: docs/evaluation.md."
)


def release(network: Temporal, task, out_folder: Path, origin: Origin) -> None:
    """Switch off what does not help, calibrate, then write the weights, their two graphs and card,
    with figures on the people of the task's validation."""
    out_folder.mkdir(parents=True, exist_ok=True)
    keep_what_helps(network, task)
    calibrate(network, task)
    calibrate_samples(network, task)
    save(network, out_folder / "temporal.safetensors")
    network = load(out_folder / "temporal.safetensors", task.body, network.name)
    figures = task.validate(network)
    facts = {"corrects": task.corrects, **origin.facts(), "val": figures}
    difference = export(network, task.body, out_folder, facts, references(network))
    parameters = sum(p.numel() for p in network.parameters()) / 1e6
    seen, hidden = network.temperature.tolist()
    sampled_seen, sampled_hidden = network.sample_temperature.tolist()
    points = [
        "Files: `temporal.onnx` (one frame and what is remembered), `temporal_field.onnx` (the "
        "velocity field of the limbs), `temporal.safetensors` (torch); of each graph a `.json` "
        "(graph, state, body model) and a `-reference.npz` (answers).",
        f"Network: {parameters:.2f} million parameters in half precision; {network.config.layers} "
        f"layers of width {network.config.width}; a stream in ONNX and whole clips in torch differ "
        f"by {1e3 * difference:.4f} mm at most.",
        f"Body: `{task.body.name}`.",
        "Standard deviations are those of the image alone times what the network says, scaled on "
        f"the people for validation: {seen:.2f} where the joint is seen, {hidden:.2f} elsewhere; "
        f"those by {SAMPLES} samples by {sampled_seen:.2f} and {sampled_hidden:.2f}.",
        "Corrected beside the rotations: "
        + (", ".join(n for n, on in zip(PARTS, network.corrected, strict=True) if on) or "nothing")
        + " (what does not help on the people for validation stays the image's own).",
    ]
    rows = {
        "People for validation, joints about the middle of the hips, before smoothing; `frame`: "
        "the same images without the network:": [figures]
    }
    write_card(out_folder / "temporal.md", card("temporal", ABOUT, points, origin, rows, LIMITS))


@torch.no_grad()
def keep_what_helps(network: Temporal, task) -> None:
    """Switch the corrections of shape and place off if the people for validation are not nearer to
    their true ones with them."""
    network.corrected.fill_(1)
    errors = np.zeros((2, 2))
    for person in task.held_out:
        batch = whole(person)
        answer = network(batch)
        for n, name in enumerate(("betas", "pelvis")):
            for row, values in enumerate((answer, batch)):
                errors[n, row] += (values[name] - batch[f"true_{name}"]).norm(dim=-1).sum().item()
    network.corrected.copy_(torch.tensor(errors[:, 0] < errors[:, 1]))


@torch.no_grad()
def calibrate(network: Temporal, task) -> None:
    """Set the temperatures so that 90 % regions hold that share of the joints of the people for
    validation, of those that are seen and of the others.

    These regions are balls of each joint's mean variance; published are the image's own ellipsoids
    of the same mean variance, which hold about that share as far as they are round, and more or
    less often than it where they are not.
    """
    network.temperature.fill_(1)
    parts = []
    for person in task.held_out:
        batch = whole(person)
        answer = network(batch)
        gap = posed(network, answer["rotations"], answer["betas"]) - posed(
            network, batch["true_rotations"], batch["true_betas"]
        )
        std = batch["joint_std"].clamp(min=1e-3) * answer["joint_factor"]
        distance2 = gap.square().sum(-1) / std.square()
        visible = batch["true_visibility"] == VISIBLE
        parts.append([v[0, :, 1:].flatten() for v in (distance2, batch["visibility"], visible)])
    joints = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    network.temperature.copy_(torch.tensor(seen_and_unseen(*joints)))


@torch.no_grad()
def calibrate_samples(network: Temporal, task) -> None:
    """Set the temperatures of samples, of which the joints that they move have regions of 90 % that
    hold that share; after ``calibrate``."""
    rng, parts = Generator().manual_seed(0), []
    for person in task.held_out:
        batch = whole(person)
        answer = {name: value[0] for name, value in network(batch).items()}
        own = posed(network, answer["rotations"][None], answer["betas"][None])[0]
        true = posed(network, batch["true_rotations"], batch["true_betas"])[0]
        joints = sampled_joints(network, answer, torch.randn(SAMPLES, SIZE, generator=rng))
        cov = covariances_over_time(batch, answer, joints, own, np.ones(own.shape[:2]))
        told = true - own, batch["visibility"][0], batch["true_visibility"][0]
        off, probability, visibility = (value.numpy() for value in told)
        parts.append((off, cov, probability, visibility))
    network.sample_temperature.copy_(torch.tensor(distal_factors(parts)))
