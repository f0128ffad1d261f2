"""How the lifter is trained, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hmr_ros.models.lifter import LifterConfig
from hmr_ros.training.lifter_losses import Weights
from hmr_ros.training.recipe import FOLDER, checked, learning_rate, values_of

SHIPPED = FOLDER / "lifter.yaml"


@dataclass(frozen=True)
class Recipe:
    """steps: length of the training. batch: samples a step. crop_share: share of the batch from
    the crop distribution, the rest from robot cameras. rate: peak learning rate, reached after
    ``warmup`` steps, held until the share ``decay_from`` of all steps, then down to zero on a
    cosine. clip: largest gradient norm. ema: decay a step of the averaged weights.
    precision: 'bfloat16' (matrix products only) or 'float32'.
    """

    steps: int = 12000
    batch: int = 1024
    crop_share: float = 0.5
    rate: float = 1.5e-3
    warmup: int = 300
    decay_from: float = 0.4
    weight_decay: float = 0.01
    clip: float = 2.0
    ema: float = 0.999
    seed: int = 0
    precision: str = "bfloat16"
    validate_every: int = 500
    save_every: int = 500
    network: LifterConfig = field(default_factory=LifterConfig)
    losses: Weights = field(default_factory=Weights)

    def rate_at(self, step: int) -> float:
        """Learning rate of ``step`` (from 0)."""
        return learning_rate(self, step)


def read_recipe(path: Path = SHIPPED) -> Recipe:
    """Raises RecipeError for a file that is missing, or holds unknown keys or wrong types."""
    values = values_of(path)
    values["network"] = checked(LifterConfig, values.get("network") or {}, path)
    values["losses"] = checked(Weights, values.get("losses") or {}, path)
    return checked(Recipe, values, path)
