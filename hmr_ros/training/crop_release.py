"""From a trained network on person crops to the files that ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.evaluation.sample_calibration import sample_factors
from hmr_ros.evaluation.temperatures import deviation_factor, seen_and_unseen
from hmr_ros.models.weights import load, save
from hmr_ros.person_crops import INPUTS
from hmr_ros.runtime.network_export import export
from hmr_ros.training.baseline_task import batches_of
from hmr_ros.training.model_card import Origin, card, write_card

ABOUT = (
    "A person crop with BlazePose's heat-maps, mask, features and landmarks to SMPL rotations, "
    "shape, place and their uncertainty"
)
HOW = {
    "baseline": "by direct regression: the yardstick of this package.",
    "factorized": "by a certain anchor of the torso and flow matching for the limbs "
    "(FactorizedHMR); the file answers with the estimate.",
}
REFERENCES = 4  # people by whom other forms of the exported network are judged
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
    figures = task.validate(network)
    facts = origin.facts() | {"val": figures}
    difference = export(network, task.body, out_folder, facts, reference_inputs(network, task))
    parameters = sum(p.numel() for p in network.parameters()) / 1e6
    seen, hidden = network.temperature.tolist()
    left_out = ", ".join(network.config.without) or "nothing"
    field = f"`{name}_field.onnx` (samples), " if network.generative else ""
    facts = [
        f"Files: `{name}.onnx` (inference), {field}`{name}.safetensors` (torch); beside each ONNX "
        "file its manifest (`.json`) and reference answers (`-reference.npz`).",
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


def reference_inputs(network: nn.Module, task) -> dict[str, np.ndarray]:
    """Inputs by name of the first ``REFERENCES`` people for validation; zeros in place of what the
    network does not read of the front end, as at run time."""
    first = 0 if task.settings.val else task.people
    people = next(batches_of(task.val_corpus, first, first + REFERENCES))
    without = network.config.without
    return {name: people[name].numpy() * np.float32(name not in without) for name in INPUTS}


def calibrate(network: nn.Module, task) -> None:
    """Set the network's temperatures by the people of the task's validation."""
    with torch.no_grad():
        network.temperature.fill_(1)
        found = task.answers(network)
        factors = seen_and_unseen(
            found.distance2.numpy(),
            found.probability.numpy(),
            found.visibility.numpy() == VISIBLE,
        )
        network.temperature.copy_(torch.tensor(factors))
        network.place_temperature.fill_(deviation_factor(found.far.numpy(), found.far_std.numpy()))
        if network.generative:
            factors = sample_factors(network, task.sampled_people(network.temperature.device))
            network.sample_temperature.copy_(torch.tensor(factors))
