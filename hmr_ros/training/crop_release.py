"""From a trained network on person crops to the files that ship."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.evaluation.sample_calibration import sample_factors
from hmr_ros.evaluation.temperatures import coverage_temperatures, deviation_factor
from hmr_ros.machine import hardware, revision
from hmr_ros.models.weights import load, save
from hmr_ros.runtime.network_export import export_onnx, manifest
from hmr_ros.training.model_card import Origin, card, gpu, write_card

ABOUT = (
    "A person crop with BlazePose's heat-maps, mask, features and landmarks to SMPL rotations, "
    "shape, place and their uncertainty"
)
HOW = {
    "baseline": "by direct regression: the yardstick of this package.",
    "factorized": "by a certain anchor of the torso and flow matching for the limbs "
    "(FactorizedHMR); the file answers with the estimate.",
}
LIMITS = (
    "Trained on rendered people only: real clothes, hair and light differ. Distance follows from "
    "the stature the network assumes. Adults only."
)


def release(network: nn.Module, task, out_folder: Path, origin: Origin) -> None:
    """Calibrate, then write ``NAME.safetensors``, ``.onnx``, ``.json`` and ``.md``, with figures on
    the people of the task's validation."""
    out_folder.mkdir(parents=True, exist_ok=True)
    name = network.name
    calibrate(network, task)
    save(network, out_folder / f"{name}.safetensors")
    network = load(out_folder / f"{name}.safetensors", task.body, name)
    difference = export_onnx(network, out_folder / f"{name}.onnx")
    figures = task.validate(network)
    described = manifest(
        network,
        task.body,
        {
            "command": origin.command,
            "steps": origin.steps,
            "seed": origin.seed,
            "revision": revision(),
            "hardware": hardware(gpu()),
            "largest_difference_to_torch_m": difference,
            "val": figures,
        },
    )
    (out_folder / f"{name}.json").write_text(json.dumps(described, indent=2) + "\n")
    parameters = sum(p.numel() for p in network.parameters()) / 1e6
    seen, hidden = network.temperature.tolist()
    left_out = ", ".join(network.config.without) or "nothing"
    field = f"`{name}_field.onnx` (samples), " if network.generative else ""
    facts = [
        f"Files: `{name}.onnx` (inference), {field}`{name}.safetensors` (torch), `{name}.json` "
        "(inputs, outputs, body model).",
        f"Network: {parameters:.1f} million parameters in half precision, pictures of "
        f"{network.config.backbone.image} pixels, evidence left out: {left_out}; joints of ONNX "
        f"and torch differ by {1e3 * difference:.3f} mm at most.",
        f"Body: `{task.body.name}`.",
        "Standard deviations calibrated on the people for validation, so that the 90 % regions "
        f"hold 90 %: factor {seen:.2f} where the joint is seen, {hidden:.2f} where it is hidden, "
        f"{network.place_temperature.item():.2f} of the distance.",
    ]
    if field:
        facts.append(
            "Standard deviations by 8 samples in 4 steps, for limbs: factor "
            "{:.2f} where the joint is seen, {:.2f} where it is hidden.".format(
                *network.sample_temperature.tolist()
            )
        )
    rows = {"People for validation, joints about the pelvis:": [figures]}
    write_card(
        out_folder / f"{name}.md", card(name, f"{ABOUT}, {HOW[name]}", facts, origin, rows, LIMITS)
    )


def calibrate(network: nn.Module, task) -> None:
    """Set the network's temperatures by the people of the task's validation."""
    with torch.no_grad():
        network.temperature.fill_(1)
        found = task.answers(network)
        factors = coverage_temperatures(
            found.distance2.numpy(),
            found.probability.numpy(),
            found.visibility.numpy() == VISIBLE,
        )
        network.temperature.copy_(torch.tensor(factors))
        network.place_temperature.fill_(deviation_factor(found.far.numpy(), found.far_std.numpy()))
        if network.generative:
            factors = sample_factors(network, task.sampled_people(network.temperature.device))
            network.sample_temperature.copy_(torch.tensor(factors))
