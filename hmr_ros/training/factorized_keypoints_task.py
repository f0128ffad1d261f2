"""FactorizedHMR without a picture, on simulated keypoints: where its training may begin."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hmr_ros.body.model import load_body_model
from hmr_ros.models.configs import read_config
from hmr_ros.models.factorized import FactorizedConfig
from hmr_ros.models.factorized_state import SIZE
from hmr_ros.training.baseline_keypoints_task import PICTURED, BaselineKeypointsTask
from hmr_ros.training.baseline_keypoints_task import Settings as KeypointSettings
from hmr_ros.training.factorized_figures import sample_figures
from hmr_ros.training.factorized_losses import Weights, draw, losses
from hmr_ros.training.losses import target
from hmr_ros.training.seeds import hash_of


@dataclass(frozen=True)
class Settings(KeypointSettings):
    """As of ``baseline_keypoints_task`` and ``factorized_task``."""

    network: FactorizedConfig = field(default_factory=lambda: FactorizedConfig(without=PICTURED))
    losses: Weights = field(default_factory=Weights)
    estimated: float = 0.5
    blind: float = 0.1


def load(settings: dict, seed: int, rank: int, world: int) -> FactorizedKeypointsTask:
    """Errors as of ``baseline_keypoints_task.load``."""
    return FactorizedKeypointsTask(read_config(Settings, settings), load_body_model(), seed, rank)


class FactorizedKeypointsTask(BaselineKeypointsTask):
    """See the module text."""

    name = "factorized_keypoints"
    builds = "factorized"

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        settings = self.settings
        rng = torch.Generator().manual_seed(hash_of(self.seed, step, self.rank, 1))
        chance = draw(len(batch["scale"]), SIZE, rng, settings.estimated, settings.blind)
        return losses(
            network, batch, target(batch), chance.to(batch["scale"].device), settings.losses
        )

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """The baseline's figures for the estimate, and those of samples."""
        device = next(network.parameters()).device
        return super().validate(network) | sample_figures(network, self.validation(device))
