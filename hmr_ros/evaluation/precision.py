"""What exporting a network, and computing it in fewer digits, costs in accuracy.

The same people go through torch, the float32 file and its other precisions. float16 files are run
with every float16 tensor rounded (``hmr_ros.runtime.half_rounding``), whatever kernels a CPU has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.evaluation.bootstrap import ratio_interval
from hmr_ros.evaluation.seen_people import SeenPeople
from hmr_ros.models import lifter_weights, weights
from hmr_ros.models.factorized import Moving
from hmr_ros.person_crops import PersonCrops
from hmr_ros.runtime.answers import OUTPUTS
from hmr_ros.runtime.factorized import TOLD, field_path
from hmr_ros.runtime.graph_description import answering, opened
from hmr_ros.runtime.graph_file import PRECISIONS, read_graph, variant_path
from hmr_ros.runtime.half_rounding import open_rounding
from hmr_ros.runtime.lifter import INPUTS
from hmr_ros.runtime.network_export import as_exported
from hmr_ros.runtime.sampling import Field, Sampling, joints_of, sampled

MODELS = ("baseline", "factorized", "lifter")
TORCH = "torch"
SAMPLES = "one sample of {}"
ROWS = 64  # of a velocity field in one run
SIDE = 128  # of crops, where no network that is asked says otherwise
# Largest difference of a joint to torch (mm), and of the mean error to float32's (%).
WANTED_MM, WANTED_PERCENT = 0.5, {"float16": 1.0, "int8": 3.0}
EXECUTED = {
    "float32": "ONNX Runtime, CPU",
    "float16": "ONNX Runtime, CPU, every float16 tensor rounded, sums in float32",
    "int8": "ONNX Runtime, CPU",
}

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Variant:
    """A network in one precision: what its graph answers, and its velocity field if it has one."""

    model: str
    precision: str
    run: Run
    field: Field | None = None


def variants(folder: Path, model: str, precisions: Iterable[str], body: BodyModel) -> list[Variant]:
    """``model`` in torch and as the files of ``folder``, each in its precision.

    Raises ``graph_file.WeightsError`` for files that are missing or damaged.
    """
    path = folder / f"{model}.onnx"
    told = read_graph(path, model).manifest.get("field")
    scale = np.asarray(told["noise_scale"], np.float32) if told else None
    network, of_field = _in_torch(path.with_suffix(".safetensors"), model, body)
    found = [Variant(model, TORCH, network, _field(of_field, scale) if told else None)]
    for precision in precisions:
        file = variant_path(path, precision)
        read_graph(file, model)
        runs = [_running(file, precision)]
        if told:
            runs.append(_field(_running(field_path(file), precision), scale))
        found.append(Variant(model, precision, *runs))
    return found


def crop_side(manifests: Mapping[str, Mapping]) -> int:
    """Of the pictures that all models take, by their manifests. Raises ValueError if they differ:
    no crop is everybody's."""
    sides = {name: m["image_size"] for name, m in manifests.items() if "image_size" in m}
    if len(set(sides.values())) > 1:
        said = ", ".join(f"{name} {side}" for name, side in sides.items())
        raise ValueError(
            f"models take crops of different sizes ({said}): ask one at a time, --model"
        )
    return next(iter(sides.values()), SIDE)


def precisions_of(folder: Path, model: str) -> list[str]:
    """Those that there are files of."""
    path = folder / f"{model}.onnx"
    return [precision for precision in PRECISIONS if variant_path(path, precision).is_file()]


@dataclass(frozen=True)
class Judged:
    """Joints of N people by (model, precision), [N, 24, 3] metres, camera frame; the truth; and the
    picture that each person is in [N]."""

    joints: dict[tuple[str, str], np.ndarray]
    truth: np.ndarray
    number: np.ndarray


def judged(
    asked_for: list[Variant],
    people: Iterable[tuple[PersonCrops, SeenPeople]],
    body: BodyModel,
) -> Judged:
    """Every variant about all people."""
    joints: dict[tuple[str, str], list] = {}
    truth, numbers = [], []
    for crops, seen in people:
        for variant in asked_for:
            inputs = _inputs(variant.model, crops, seen)
            for name, found in _joints(variant, inputs, body):
                joints.setdefault((name, variant.precision), []).append(found)
        truth.append(seen.joints)
        numbers.append(seen.number)
    return Judged(
        {key: np.concatenate(parts) for key, parts in joints.items()},
        np.concatenate(truth),
        np.concatenate(numbers),
    )


def rows_of(found: Judged) -> list[dict]:
    """One row a model and precision: how far its joints are from torch's and float32's, how wrong
    they are about the pelvis, and by how much the error changes."""
    rows = []
    for (model, precision), joints in found.joints.items():
        if precision == TORCH:
            continue
        row = {
            "model": model,
            "precision": precision,
            "n": len(joints),
            "executed": EXECUTED[precision],
        }
        error = _errors(joints, found.truth)
        exact = found.joints[model, TORCH if precision == "float32" else "float32"]
        apart = 1e3 * np.linalg.norm(joints - exact, axis=-1)
        row |= {
            "compared_with": "torch" if precision == "float32" else "float32",
            "largest_mm": float(apart.max()),
            "median_mm": float(np.median(apart)),
            "mpjpe_mm": 1e3 * float(error.mean()),
        }
        if precision == "float32":
            row |= {"wanted": f"<= {WANTED_MM} mm", "held": row["largest_mm"] <= WANTED_MM}
        else:
            of_exact = _errors(exact, found.truth)
            ratio = ratio_interval(error.sum(1), of_exact.sum(1), found.number)
            row |= {
                "change_percent": 100 * (ratio.value - 1),
                "ci95": {"change_percent": [100 * (v - 1) for v in (ratio.low, ratio.high)]},
                "wanted": f"<= {WANTED_PERCENT[precision]} %",
                "held": 100 * (ratio.value - 1) <= WANTED_PERCENT[precision],
            }
        rows.append(row)
    return rows


def _errors(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[N, 24] metres about the pelvis."""
    return np.linalg.norm(joints - joints[:, :1] - truth + truth[:, :1], axis=-1)


def _inputs(model: str, crops: PersonCrops, seen: SeenPeople) -> dict[str, np.ndarray]:
    if model == "lifter":
        return {name: getattr(seen, name) for name in INPUTS}
    return crops.inputs()


def _joints(variant: Variant, inputs: dict, body: BodyModel):
    """(name, joints [N, 24, 3]) of the answer and, of a generative network, of one sample."""
    found = variant.run(inputs)
    rotations, betas, pelvis = (found[name] for name in OUTPUTS[:3])
    posed, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    yield variant.model, posed - posed[:, :1] + pelvis[:, None]
    if variant.field is not None:
        states = sampled(variant.field, *(found[name] for name in TOLD), Sampling(samples=1))
        joints = joints_of(states, betas, body)[:, 0] @ inputs["view"]
        yield SAMPLES.format(variant.model), joints + pelvis[:, None]


def _running(path: Path, precision: str) -> Run:
    return answering(open_rounding(onnx.load(path))) if precision == "float16" else opened(path)


def _in_torch(path: Path, model: str, body: BodyModel) -> tuple[Run, Run | None]:
    """The network of ``path`` and its velocity field, if it has one."""
    if model == "lifter":
        return _torch_run(lifter_weights.load(path, body), OUTPUTS), None
    network = weights.load(path, body, model)
    names = (*OUTPUTS, *TOLD) if network.generative else OUTPUTS
    field = _torch_run(Moving(network), ("velocity",)) if network.generative else None
    return _torch_run(as_exported(network), names), field


def _torch_run(network: torch.nn.Module, names: tuple[str, ...]) -> Run:
    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.no_grad():
            found = network(*(torch.from_numpy(np.asarray(v)) for v in inputs.values()))
        found = found if isinstance(found, tuple) else (found,)
        return {name: value.numpy() for name, value in zip(names, found, strict=True)}

    return run


@dataclass(frozen=True)
class _Running:
    """A function as what ``Field`` runs."""

    run: Run


def _field(run: Run, scale: np.ndarray) -> Field:
    return Field(_Running(run), scale, ROWS)
