"""How the lifter is trained, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from hmr_ros.models.lifter import LifterConfig
from hmr_ros.training.lifter_losses import Weights

SHIPPED = Path(__file__).with_name("recipes") / "lifter.yaml"


class RecipeError(ValueError):
    """A recipe file that cannot be used; the text names the file and the key."""


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
        rate = self.rate * min(1.0, (step + 1) / self.warmup)
        start = self.decay_from * self.steps
        if step < start:
            return rate
        done = (step - start) / max(1.0, self.steps - start)
        return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def read_recipe(path: Path = SHIPPED) -> Recipe:
    """Raises RecipeError for a file that is missing, or holds unknown keys or wrong types."""
    if not path.is_file():
        raise RecipeError(f"recipe {path} does not exist")
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise RecipeError(f"recipe {path} is no YAML: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {path} is a {type(values).__name__}, expected keys and values")
    values["network"] = _part(LifterConfig, values.get("network") or {}, path)
    values["losses"] = _part(Weights, values.get("losses") or {}, path)
    return _part(Recipe, values, path)


def _part(kind, values: dict, path: Path):
    defaults = kind()
    known = {f.name: type(getattr(defaults, f.name)) for f in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise RecipeError(f"recipe {path}: key {name!r} is unknown; known: {', '.join(known)}")
        wanted = (int, float) if known[name] is float else known[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise RecipeError(f"recipe {path}: {name} is {value!r}, not {known[name].__name__}")
    return kind(**values)
