"""FactorizedHMR's second stage on simulated keypoints: where its parts are compared.

Without pictures a CPU makes ten times as many people, enough to train every arm of an ablation
equally. What comes out is for ``hmr eval factorized``, not for use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from hmr_ros.body.model import load_body_model
from hmr_ros.models.configs import read_config
from hmr_ros.training.baseline_keypoints_task import PICTURED, BaselineKeypointsTask, release
from hmr_ros.training.baseline_keypoints_task import Settings as KeypointSettings
from hmr_ros.training.stage_two import StageTwo, StageTwoTask, settled

__all__ = ["FactorizedKeypointsTask", "Settings", "load", "release"]

SAMPLED_BATCHES = 2  # of the people for validation


@dataclass(frozen=True)
class Settings(StageTwo, KeypointSettings):
    """As of ``baseline_keypoints_task``, and of ``StageTwo``."""


def load(settings: dict, seed: int, rank: int, world: int) -> FactorizedKeypointsTask:
    """Errors as of ``baseline_keypoints_task.load`` and ``stage_two.settled``; ValueError too for a
    stage one that reads what these people lack, as the shipped one does."""
    body = load_body_model()
    whole, anchor = settled(settings, body)
    lacking = [kind for kind in PICTURED if kind not in anchor.config.without]
    if lacking:
        raise ValueError(
            f"stage one in {whole['anchor']} reads {', '.join(lacking)}, which people without a "
            "picture lack: train one with `hmr train baseline_keypoints --export FOLDER`, and name "
            "it with --anchor"
        )
    return FactorizedKeypointsTask(anchor, read_config(Settings, whole), body, seed, rank)


class FactorizedKeypointsTask(StageTwoTask, BaselineKeypointsTask):
    """See the module text; people are those of ``baseline_keypoints``."""

    name = "factorized_keypoints"
    builds = "factorized"

    def sampled_people(self, device: torch.device) -> Iterator[dict[str, Tensor]]:
        return islice(self.validation(device), SAMPLED_BATCHES)
