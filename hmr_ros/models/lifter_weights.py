"""Make a lifter for a body model; keep its weights as safetensors."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hmr_ros.body.keypoints import mixture
from hmr_ros.body.model import BodyModel
from hmr_ros.models.lifter import Lifter, LifterConfig
from hmr_ros.models.skeleton import Skeleton

KEYPOINT_SET = "blazepose33"


def skeleton_of(body: BodyModel, offsets: np.ndarray | None = None) -> Skeleton:
    """Joints and BlazePose landmarks of ``body``; offsets as for ``Skeleton``."""
    return Skeleton(body, mixture(body, KEYPOINT_SET), offsets)


def build(body: BodyModel, config: LifterConfig | None = None) -> Lifter:
    """An untrained lifter for ``body``."""
    return Lifter(skeleton_of(body), config or LifterConfig())


def save(network: Lifter, path: Path) -> None:
    """Weights in half precision, with the network's sizes, as safetensors."""
    state = {k: v.detach().cpu().half().contiguous() for k, v in network.state_dict().items()}
    config = json.dumps(dataclasses.asdict(network.config))
    partial = path.with_suffix(".partial")
    save_file(state, partial, {"estimator": "lifter", "config": config})
    partial.chmod(0o644)  # made for its owner only, but installed for everyone
    os.replace(partial, path)


def load(path: Path, body: BodyModel) -> Lifter:
    """The network of ``save``. Raises ValueError for a file that is missing, damaged or foreign."""
    if not path.is_file():
        raise ValueError(f"weight file {path} does not exist; train one with: hmr train lifter")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        if metadata.get("estimator") != "lifter":
            raise ValueError("it does not hold a lifter")
        network = build(body, LifterConfig(**json.loads(metadata["config"])))
        network.load_state_dict(state)
    except (SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be used as lifter weights: {error}") from error
    return network.eval()


def rounded(network: Lifter) -> Lifter:
    """The network with its weights rounded to what the weight files hold."""
    with torch.no_grad():
        for value in network.state_dict().values():
            value.copy_(value.half())
    return network
