"""Training of FactorizedHMR's second stage on rendered people that the front end has looked at.

Stage one is a trained baseline and stays as it is: the paper trains its stages one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.assets import asset
from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.models import weights
from hmr_ros.models.configs import read_config
from hmr_ros.models.factorized import FactorizedConfig
from hmr_ros.models.factorized_state import SIZE
from hmr_ros.person_crops import INPUTS
from hmr_ros.training.baseline_task import VALIDATION_BATCH, BaselineTask, release, tensors
from hmr_ros.training.baseline_task import Settings as CorpusSettings
from hmr_ros.training.factorized_figures import sample_figures
from hmr_ros.training.factorized_losses import Weights, draw, losses
from hmr_ros.training.losses import target
from hmr_ros.training.seeds import hash_of

__all__ = ["FactorizedTask", "Settings", "load", "release"]

NETWORK, STAGE_ONE = "factorized", "baseline"
SAMPLED_PEOPLE = 500  # of a validation: eight samples of everybody would take most of the time


@dataclass(frozen=True)
class Settings(CorpusSettings):
    """As of the baseline. anchor: weights (.safetensors) of stage one, which also say its sizes;
    empty for the shipped baseline. estimated: share of the people who train the estimate. blind:
    share of the others who are shown no evidence, for guidance."""

    anchor: str = ""
    network: FactorizedConfig = field(default_factory=FactorizedConfig)
    losses: Weights = field(default_factory=Weights)
    estimated: float = 0.5
    blind: float = 0.1


def load(settings: dict, seed: int, rank: int, world: int) -> FactorizedTask:
    """Errors as of ``baseline_task.load``, and ValueError for weights of stage one that cannot be
    used or a network section that says more than ``field_layers``."""
    body = load_body_model()
    own = settings.get("network") or {}
    if set(own) - {"field_layers"}:
        raise ValueError(
            f"task.network sets {', '.join(sorted(set(own) - {'field_layers'}))}, but all sizes "
            "and kinds of evidence are those of stage one: train a baseline, and name its weights"
        )
    path = Path(settings.get("anchor") or asset("weights", f"{STAGE_ONE}.safetensors"))
    anchor = weights.load(path, body, STAGE_ONE)
    whole = settings | {"anchor": str(path), "network": asdict(anchor.config) | own}
    return FactorizedTask(read_config(Settings, whole), body, anchor, seed, rank, world)


class FactorizedTask(BaselineTask):
    """See the module text; people, their order and what happens to them are the baseline's."""

    name = NETWORK

    def __init__(
        self,
        settings: Settings,
        body: BodyModel,
        anchor: nn.Module,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(settings, body, seed, rank, world)
        self._anchor = anchor.state_dict()

    def network(self) -> nn.Module:
        """Stage one with its weights, which no training changes, and a new stage two."""
        network = super().network()
        network.anchor.load_state_dict(self._anchor)
        network.anchor.requires_grad_(False)
        network.temperature.copy_(network.anchor.temperature)
        network.place_temperature.copy_(network.anchor.place_temperature)
        return network

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        network.anchor.eval()  # nor do its running statistics change
        inputs = {name: batch[name] for name in INPUTS}
        settings = self.settings
        rng = torch.Generator().manual_seed(hash_of(self.seed, step, self.rank, 1))
        chance = draw(len(batch["scale"]), SIZE, rng, settings.estimated, settings.blind)
        chance = chance.to(batch["scale"].device)
        return losses(network, inputs, target(batch), chance, settings.losses)

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """The baseline's figures for the estimate, and those of samples."""
        device = next(network.parameters()).device
        return super().validate(network) | sample_figures(network, self.sampled_people(device))

    def sampled_people(self, device: torch.device) -> Iterator[dict[str, Tensor]]:
        """Batches of the people for validation who are sampled."""
        first = 0 if self.settings.val else self.people
        last = min(len(self.val_corpus), first + min(SAMPLED_PEOPLE, self.settings.validate))
        for at in range(first, last, VALIDATION_BATCH):
            rows = np.arange(at, min(at + VALIDATION_BATCH, last))
            batch = tensors(*self.val_corpus.rows(rows))
            yield {name: value.to(device) for name, value in batch.items()}

    def identity(self) -> dict:
        found = super().identity()
        del found["settings"]["anchor"]
        digest = hashlib.sha256()
        for value in self._anchor.values():
            digest.update(value.numpy().tobytes())
        return found | {"anchor": digest.hexdigest()}
