"""What trainings of FactorizedHMR's second stage share, whoever the people are.

Stage one is a trained baseline and stays as it is: the paper trains its stages one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from hmr_ros.assets import asset
from hmr_ros.body.model import BodyModel
from hmr_ros.models import weights
from hmr_ros.models.baseline import BaselineConfig
from hmr_ros.models.factorized import FactorizedConfig
from hmr_ros.models.factorized_state import SIZE
from hmr_ros.training.arms import ARMS, agrees
from hmr_ros.training.factorized_figures import sample_figures
from hmr_ros.training.factorized_losses import Weights, draw, losses
from hmr_ros.training.losses import target
from hmr_ros.training.seeds import hash_of

STAGE_ONE = "baseline"


@dataclass(frozen=True)
class StageTwo:
    """Settings of any task of stage two. anchor: weights (.safetensors) of stage one, which also
    say its sizes; empty for the shipped baseline. estimated: share of the people who train the
    estimate. blind: share of the others who are shown no evidence, for guidance; unanchored: share
    of those who are shown no anchor either, for an ablation of that. reach: see
    ``factorized_losses.goal_of``."""

    anchor: str = ""
    network: FactorizedConfig = field(default_factory=FactorizedConfig)
    losses: Weights = field(default_factory=Weights)
    estimated: float = 0.5
    blind: float = 0.1
    unanchored: float = 0.0
    reach: bool = True

    @property
    def arm(self) -> str:
        """Which of ``ARMS`` these settings are: of those they agree with, the last."""
        return [name for name, changes in ARMS.items() if agrees(asdict(self), changes)][-1]


def settled(settings: dict, body: BodyModel) -> tuple[dict, nn.Module]:
    """A recipe's section ``task``, and what its key ``arm`` changes in it, with the sizes of stage
    one, and stage one. Raises ValueError for an unknown arm, for weights that cannot be used, and
    for a network section that sets what stage one says."""
    settings = dict(settings)
    arm = settings.pop("arm", "full")
    if arm not in ARMS:
        raise ValueError(f"arm {arm!r} is unknown; known: {', '.join(ARMS)}")
    for key, value in ARMS[arm].items():
        settings[key] = (settings.get(key) or {}) | value if isinstance(value, dict) else value
    own = settings.get("network") or {}
    of_stage_one = set(own) & {f.name for f in fields(BaselineConfig)}
    if of_stage_one:
        raise ValueError(
            f"task.network sets {', '.join(sorted(of_stage_one))}, but all sizes and kinds of "
            "evidence are those of stage one: train a baseline, and name its weights"
        )
    path = Path(settings.get("anchor") or asset("weights", f"{STAGE_ONE}.safetensors"))
    anchor = weights.load(path, body, STAGE_ONE)
    own = own | {"unanchored": settings.get("unanchored", 0) > 0}
    network = asdict(anchor.config) | own
    return settings | {"anchor": str(path), "network": network}, anchor


class StageTwoTask:
    """Makes a task of stage one, which it is mixed into, one of stage two. ``settings`` are a
    ``StageTwo``; ``sampled_people`` gives the people for validation who are sampled."""

    def __init__(self, anchor: nn.Module, *of_stage_one) -> None:
        super().__init__(*of_stage_one)
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
        s, rng = self.settings, Generator().manual_seed(hash_of(self.seed, step, self.rank, 1))
        chance = draw(len(batch["scale"]), SIZE, rng, s.estimated, s.blind, s.unanchored)
        chance = chance.to(batch["scale"].device)
        return losses(network, batch, target(batch), chance, s.losses, s.reach)

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """The baseline's figures for the estimate, and those of samples."""
        device = next(network.parameters()).device
        return super().validate(network) | sample_figures(network, self.sampled_people(device))

    def identity(self) -> dict:
        return super().identity() | {"anchor": digest_of(self._anchor)}


def digest_of(anchor: Mapping[str, Tensor]) -> str:
    """A name of the weights of stage one."""
    digest = hashlib.sha256()
    for value in anchor.values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()
