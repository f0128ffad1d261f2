"""Make a lifter for a body model; keep its weights as safetensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hmr_ros.body.keypoints import mixture
from hmr_ros.body.model import BodyModel
from hmr_ros.models import weight_file
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
    """See ``weight_file.save``."""
    weight_file.save(network, path, "lifter")


def load(path: Path, body: BodyModel) -> Lifter:
    """See ``weight_file.load``."""
    return weight_file.load(path, "lifter", lambda config, _: build(body, LifterConfig(**config)))


def rounded(network: Lifter) -> Lifter:
    """The network with its weights rounded to what the weight files hold."""
    with torch.no_grad():
        for value in network.state_dict().values():
            value.copy_(value.half())
    return network
