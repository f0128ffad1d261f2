"""FactorizedHMR's second stage on simulated keypoints: where its parts are compared.

Without pictures a CPU makes ten times as many people, enough to train every arm of an ablation
equally. What comes out is for ``hmr eval factorized``, not for use.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.models.configs import read_config
from hmr_ros.training.baseline_keypoints_task import PICTURED, BaselineKeypointsTask, release
from hmr_ros.training.baseline_keypoints_task import Settings as KeypointSettings
from hmr_ros.training.factorized_figures import sample_figures
from hmr_ros.training.seeds import hash_of
from hmr_ros.training.stage_two import StageTwo, digest_of, founded, losses_of, settled

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
    return FactorizedKeypointsTask(read_config(Settings, whole), body, anchor, seed, rank)


class FactorizedKeypointsTask(BaselineKeypointsTask):
    """See the module text; people are those of ``baseline_keypoints``."""

    name = "factorized_keypoints"
    builds = "factorized"

    def __init__(
        self, settings: Settings, body: BodyModel, anchor: nn.Module, seed: int, rank: int = 0
    ) -> None:
        super().__init__(settings, body, seed, rank)
        self._anchor = anchor.state_dict()

    def network(self) -> nn.Module:
        """Stage one with its weights, and a new stage two."""
        return founded(super().network(), self._anchor)

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(hash_of(self.seed, step, self.rank, 1))
        return losses_of(network, batch, self.settings, rng)

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """The baseline's figures for the estimate, and those of samples."""
        people = self.validation(next(network.parameters()).device)
        figures = sample_figures(network, islice(people, SAMPLED_BATCHES))
        return super().validate(network) | figures

    def identity(self) -> dict:
        found = super().identity()
        del found["anchor"]
        return found | {"anchor": digest_of(self._anchor)}
