"""What trainings of FactorizedHMR's second stage share, whoever the people are.

Stage one is a trained baseline and stays as it is: the paper trains its stages one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from torch import Generator, Tensor, nn

from hmr_ros.assets import asset
from hmr_ros.body.model import BodyModel
from hmr_ros.models import weights
from hmr_ros.models.baseline import BaselineConfig
from hmr_ros.models.factorized import FactorizedConfig
from hmr_ros.models.factorized_state import SIZE
from hmr_ros.training.factorized_losses import Weights, draw, losses
from hmr_ros.training.losses import target

STAGE_ONE = "baseline"
GEOMETRY = ("joints", "landmarks", "image", "projected", "agree", "bones")
NO_GEOMETRY = {"losses": dict.fromkeys(GEOMETRY, 0.0)}
# Trainings to compare with, each as what it changes in a recipe's section ``task``.
ARMS = {
    "full": {},
    "composite": NO_GEOMETRY,
    "rotations": NO_GEOMETRY | {"network": {"positions": False}},
    "unfactorised": {"network": {"anchored": False}},
    "true-turns": {"reach": False},
}


@dataclass(frozen=True)
class StageTwo:
    """Settings of any task of stage two. anchor: weights (.safetensors) of stage one, which also
    say its sizes; empty for the shipped baseline. arm: one of ``ARMS``. estimated: share of the
    people who train the estimate. blind: share of the others who are shown no evidence, for
    guidance; unanchored: share of those who are shown no anchor either, for an ablation of that.
    reach: see ``factorized_losses.limbs_of``."""

    anchor: str = ""
    arm: str = "full"
    network: FactorizedConfig = field(default_factory=FactorizedConfig)
    losses: Weights = field(default_factory=Weights)
    estimated: float = 0.5
    blind: float = 0.1
    unanchored: float = 0.0
    reach: bool = True


def settled(settings: dict, body: BodyModel) -> tuple[dict, nn.Module]:
    """A recipe's section ``task`` with what its arm changes and the sizes of stage one, and stage
    one. Raises ValueError for an unknown arm, for weights that cannot be used, and for a network
    section that sets what stage one says."""
    arm = settings.get("arm", "full")
    if arm not in ARMS:
        raise ValueError(f"arm {arm!r} is unknown; known: {', '.join(ARMS)}")
    changed = {
        key: (settings.get(key) or {}) | value if isinstance(value, dict) else value
        for key, value in ARMS[arm].items()
    }
    settings = settings | changed
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


def founded(network: nn.Module, anchor: Mapping[str, Tensor]) -> nn.Module:
    """``network`` with the weights ``anchor`` of stage one, which no training changes."""
    network.anchor.load_state_dict(anchor)
    network.anchor.requires_grad_(False)
    network.temperature.copy_(network.anchor.temperature)
    network.place_temperature.copy_(network.anchor.place_temperature)
    return network


def losses_of(
    network: nn.Module, batch: dict[str, Tensor], settings: StageTwo, rng: Generator
) -> dict[str, Tensor]:
    """Of a batch of inputs with their truth; ``rng`` decides who trains what."""
    network.anchor.eval()  # nor do its running statistics change
    shares = settings.estimated, settings.blind, settings.unanchored
    chance = draw(len(batch["scale"]), SIZE, rng, *shares).to(batch["scale"].device)
    return losses(network, batch, target(batch), chance, settings.losses, settings.reach)


def digest_of(anchor: Mapping[str, Tensor]) -> str:
    """A name of the weights of stage one."""
    digest = hashlib.sha256()
    for value in anchor.values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()
