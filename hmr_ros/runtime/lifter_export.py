"""The trained lifter as an ONNX file that is compared with torch, and its manifest."""

from __future__ import annotations

import dataclasses
import logging
import os
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import torch

from hmr_ros.body.model import BodyModel
from hmr_ros.models.lifter import Lifter
from hmr_ros.models.lifter_weights import KEYPOINT_SET
from hmr_ros.runtime.answers import DESCRIBED, OUTPUTS, fingerprint
from hmr_ros.runtime.lifter import INPUTS
from hmr_ros.runtime.onnx_session import open_session

OPSET = 18
TOLERANCE = 1e-4


def export_onnx(network: Lifter, path: Path) -> float:
    """Write the ONNX file of a ``rounded`` network and compare it with torch on random input.

    Returns the largest difference. Raises RuntimeError if it exceeds ``TOLERANCE``.
    """
    network = network.eval().cpu()
    example = example_inputs(3)
    batch = {0: torch.export.Dim("people", min=1, max=1024)}
    partial = path.with_suffix(".partial")
    # The exporter reports each optional package that is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(example.values()),
            str(partial),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=(batch,) * len(INPUTS),
            external_data=False,
            verbose=False,
        )
    store_in_half_precision(partial)
    difference = compare(network, partial)
    if difference > TOLERANCE:
        raise RuntimeError(f"the exported network differs from torch by {difference:.1e}")
    os.replace(partial, path)
    return difference


def store_in_half_precision(path: Path, smallest: int = 4096) -> None:
    """Keep the large constants of an ONNX file as float16, cast to float32 when it is loaded.

    Halves the file. Nothing is lost if the weights were rounded to half precision before.
    """
    model = onnx.load(path)
    casts = []
    for constant in model.graph.initializer:
        large = np.prod(constant.dims) >= smallest
        if constant.data_type == onnx.TensorProto.FLOAT and large:
            values = onnx.numpy_helper.to_array(constant).astype(np.float16)
            name = constant.name
            constant.CopyFrom(onnx.numpy_helper.from_array(values, f"{name}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=1))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def compare(network: Lifter, path: Path) -> float:
    """Largest absolute difference between torch and the ONNX file over several batch sizes."""
    session = open_session(path, INPUTS, OUTPUTS, threads=1)
    worst = 0.0
    for people in (1, 2, 5):
        inputs = example_inputs(people, seed=people)
        with torch.no_grad():
            expected = network(*inputs.values())
        found = session.run(OUTPUTS, {k: v.numpy() for k, v in inputs.items()})
        for e, f in zip(expected, found, strict=True):
            worst = max(worst, float(np.abs(e.numpy() - f).max()))
    return worst


def example_inputs(people: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random but possible network inputs."""
    rng = torch.Generator().manual_seed(seed)
    keypoints = torch.rand(people, INPUTS["keypoints"][1], 3, generator=rng) * 0.4
    keypoints[..., 2] *= 2.5
    frame = torch.tensor([[-0.1, -0.1, 0.5, 0.5]]).repeat(people, 1)
    return {"keypoints": keypoints, "box": frame, "image": frame * 3}


def manifest(network: Lifter, body: BodyModel, figures: dict) -> dict:
    """What a reader of the ONNX file must know; kept as ``lifter.json`` beside it."""
    return {
        "estimator": "lifter",
        "keypoint_set": KEYPOINT_SET,
        "body_model": {"name": body.name, "sha256": fingerprint(body)},
        "inputs": {
            "keypoints": "[N, 33, 3] x, y on the undistorted plane z = 1, confidence (0: missing)",
            "box": "[N, 4] left, top, right, bottom of the person on the same plane",
            "image": "[N, 4] left, top, right, bottom of the image on the same plane",
        },
        "outputs": DESCRIBED,
        "normalisation": "inside the network",
        "temperature": [round(float(t), 4) for t in network.temperature],
        "config": dataclasses.asdict(network.config),
        "parameters": sum(p.numel() for p in network.parameters()),
        **figures,
    }
