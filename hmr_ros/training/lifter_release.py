"""From a trained lifter to the files that ship: calibrated, exported, measured, described."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hmr_ros.body.model import BodyModel
from hmr_ros.data import lifting
from hmr_ros.data.measured_errors import load_measured
from hmr_ros.evaluation.lifter_benchmark import DISTRIBUTIONS, answers, benchmark
from hmr_ros.evaluation.subsets import LIMB
from hmr_ros.evaluation.temperatures import visibility_temperatures
from hmr_ros.models.lifter import Lifter
from hmr_ros.models.lifter_weights import rounded, save, skeleton_of
from hmr_ros.runtime.graph_description import add_facts
from hmr_ros.runtime.lifter import INPUTS
from hmr_ros.runtime.lifter_export import export
from hmr_ros.training.model_card import Origin, card, write_card

CALIBRATION_SAMPLES = 10000
TEST_SAMPLES = 20000
REFERENCES, REFERENCE_SEED = 4, 5  # people by whom other forms of the exported network are judged

ABOUT = (
    "2D keypoints, box and camera of a person to SMPL rotations, shape, position and their "
    "uncertainty."
)
# Of the poses of a file of motions, which an ``Origin`` is about.
DATA = (
    "poses of the train clips of `{}`: the CMU Graphics Lab Motion Capture Database "
    "(mocap.cs.cmu.edu, created with funding from NSF EIA-0196217) and game animations from an "
    "MIT-licensed repository; none of them is in the package. Cameras, occluders and keypoint "
    "errors drawn at random; BlazePose's errors measured on rendered people. No photographs of "
    "people."
)
MEASURED = (
    f"Test clips, {TEST_SAMPLES} people a distribution (`hmr eval lifter`), 12 limb joints about "
    "the pelvis unless the row says torso. `crop`: square crops, random rectangles in front, 85 % "
    "of the hidden keypoints missing. `robot`: robot cameras from 1.2 to 15 m, a detector's "
    "errors, people cut by the image border."
)
LIMITS = (
    "Synthetic bodies and keypoints: real clothes and real detectors differ. Depth follows from "
    "the stature the network assumes: its median error on `robot` is {:.0f} % of the distance. "
    "Poses far from locomotion, sports and gestures are rare in the training clips. Adults only."
)


def calibrate(network: Lifter, body: BodyModel, motions: Path) -> None:
    """Set the network's temperatures by the limb joints of the validation clips."""
    parts = []
    with torch.no_grad():
        network.temperature.fill_(1)
    for distribution in DISTRIBUTIONS:
        a = answers(
            torch_network(network), body, motions, "val", distribution, CALIBRATION_SAMPLES, seed=3
        )
        variance = np.trace(a.covariance, axis1=-2, axis2=-1)
        squared = np.square(a.joints - a.true_joints).sum(-1)
        parts.append([v[:, LIMB].ravel() for v in (variance, squared, a.visibility, a.visible)])
    joined = [np.concatenate(values) for values in zip(*parts, strict=True)]
    seen, hidden = visibility_temperatures(*joined)
    with torch.no_grad():
        network.temperature.copy_(torch.tensor([seen, hidden]))


def torch_network(network: Lifter):
    """The network as a callable on numpy arrays, like the exported one."""

    def call(*inputs: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [v.numpy() for v in network(*map(torch.from_numpy, inputs))]

    return call


def release(
    network: Lifter, body: BodyModel, motions: Path, folder: Path, origin: Origin
) -> list[dict]:
    """Write ``lifter.onnx``, ``.safetensors``, ``.json`` and ``.md`` into ``folder``.

    Returns the rows of ``hmr eval lifter`` on the test clips, measured on the written ONNX file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = rounded(network.eval())
    calibrate(network, body, motions)
    network = rounded(network)
    save(network, folder / "lifter.safetensors")
    path = folder / "lifter.onnx"
    difference = export(network, body, folder, origin.facts(), reference_inputs(body, motions))
    rows = benchmark(path, body, motions, "test", TEST_SAMPLES)
    add_facts(path, {"test": rows})
    write_card(folder / "lifter.md", described(network, body, origin, rows, difference))
    return rows


def reference_inputs(body: BodyModel, motions: Path) -> dict[str, np.ndarray]:
    """Inputs by name of a few people with poses of ``val``, as a robot's front end sees them."""
    errors, skeleton = load_measured(), skeleton_of(body)
    blazepose = lifting.Blazepose(skeleton_of(body, errors.offsets), errors)
    rng = torch.Generator().manual_seed(REFERENCE_SEED)
    with torch.no_grad():
        poses = lifting.varied(lifting.PoseSource(motions, "val"), REFERENCES, rng)
        drawn = lifting.robot_samples(poses, skeleton, blazepose, rng)
    return {name: getattr(drawn, name).numpy() for name in INPUTS}


def described(
    network: Lifter, body: BodyModel, origin: Origin, rows: list[dict], difference: float
) -> str:
    """The model card in Markdown."""
    parameters = sum(p.numel() for p in network.parameters()) / 1e6
    seen, hidden = network.temperature.tolist()
    distance = next(r for r in rows if r["distribution"] == "robot")["distance_error"]
    facts = [
        "Files: `lifter.onnx` (inference), `lifter.safetensors` (torch), `lifter.json` (its "
        "manifest), `lifter-reference.npz` (reference answers).",
        f"Network: two residual MLPs, {parameters:.1f} million parameters in half precision; ONNX "
        f"and torch differ by {difference:.0e} at most.",
        f"Input: BlazePose's 33 landmarks (COCO's 17 are mapped onto them); body: `{body.name}`.",
        f"Standard deviations calibrated on the validation clips: factor {seen:.2f} where the "
        f"joint is seen, {hidden:.2f} where it is hidden.",
    ]
    figures = [
        {
            "distribution": row["distribution"],
            "joints": row["subset"],
            "MPJPE mm": row["mpjpe_mm"],
            "PA-MPJPE mm": row["pa_mpjpe_mm"],
            "predicted / true error": row["std_ratio"],
        }
        for row in rows
    ]
    limits = LIMITS.format(100 * distance)
    return card("lifter", ABOUT, facts, origin, {MEASURED: figures}, limits)
