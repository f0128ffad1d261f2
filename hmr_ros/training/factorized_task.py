"""Training of FactorizedHMR on rendered people that the front end has looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.body.model import load_body_model
from hmr_ros.models.configs import read_config
from hmr_ros.models.factorized import FactorizedConfig
from hmr_ros.models.factorized_state import SIZE
from hmr_ros.person_crops import INPUTS
from hmr_ros.training.baseline_task import (
    VALIDATION_BATCH,
    BaselineTask,
    release,
    tensors,
)
from hmr_ros.training.baseline_task import Settings as CorpusSettings
from hmr_ros.training.factorized_figures import sample_figures
from hmr_ros.training.factorized_losses import Weights, draw, losses
from hmr_ros.training.losses import target
from hmr_ros.training.seeds import hash_of

__all__ = ["FactorizedTask", "Settings", "load", "release"]

NETWORK = "factorized"
SAMPLED_PEOPLE = 500  # of a validation: eight samples of everybody would take most of the time


@dataclass(frozen=True)
class Settings(CorpusSettings):
    """As of the baseline. estimated: share of the people who train the estimate. blind: share of
    the others who are shown no evidence, for guidance."""

    network: FactorizedConfig = field(default_factory=FactorizedConfig)
    losses: Weights = field(default_factory=Weights)
    estimated: float = 0.5
    blind: float = 0.1


def load(settings: dict, seed: int, rank: int, world: int) -> FactorizedTask:
    """Errors as of ``baseline_task.load``."""
    return FactorizedTask(read_config(Settings, settings), load_body_model(), seed, rank, world)


class FactorizedTask(BaselineTask):
    """See the module text; people, their order and what happens to them are the baseline's."""

    name = NETWORK

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        inputs = {name: batch[name] for name in INPUTS}
        settings = self.settings
        rng = torch.Generator().manual_seed(hash_of(self.seed, step, self.rank, 1))
        chance = draw(len(batch["scale"]), SIZE, rng, settings.estimated, settings.blind)
        chance = chance.to(batch["scale"].device)
        return losses(network, inputs, target(batch), chance, settings.losses)

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """The baseline's figures for the estimate, and those of samples."""
        figures = super().validate(network)
        device = next(network.parameters()).device
        first = 0 if self.settings.val else self.people
        last = min(len(self.val_corpus), first + min(SAMPLED_PEOPLE, self.settings.validate))
        batches = (
            {
                k: v.to(device)
                for k, v in tensors(
                    *self.val_corpus.rows(np.arange(at, min(at + VALIDATION_BATCH, last)))
                ).items()
            }
            for at in range(first, last, VALIDATION_BATCH)
        )
        return figures | sample_figures(network, batches)
