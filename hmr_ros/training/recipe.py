"""How a network of the family is trained, as data: YAML files of ``recipes/``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).with_name("recipes")


class RecipeError(ValueError):
    """A recipe file that cannot be used; the text names the file and the key."""


@dataclass(frozen=True)
class Recipe:
    """steps: length of the training. batch: samples a step, of all processes together (a recipe may
    have it in its section ``task``, which then gets it without). rate: peak
    learning rate, reached after ``warmup`` steps, held until the share ``decay_from`` of all steps,
    then down to zero on a cosine. weight_decay: of matrices and kernels; vectors do not decay.
    clip: largest gradient norm. ema: decay a step of the averaged weights. precision: 'bfloat16'
    (autocast) or 'float32'. task: what the task reads, see its module.
    """

    steps: int = 10000
    batch: int = 64
    rate: float = 1e-3
    warmup: int = 300
    decay_from: float = 0.4
    weight_decay: float = 0.01
    clip: float = 2.0
    ema: float = 0.999
    seed: int = 0
    precision: str = "float32"
    validate_every: int = 1000
    save_every: int = 500
    task: dict = field(default_factory=dict)

    def rate_at(self, step: int) -> float:
        """Learning rate of ``step`` (from 0)."""
        return learning_rate(self, step)


def learning_rate(recipe: Any, step: int) -> float:
    """Warm-up, plateau and cosine; ``recipe`` has rate, warmup, decay_from and steps."""
    rate = recipe.rate * min(1.0, (step + 1) / max(1, recipe.warmup))
    start = recipe.decay_from * recipe.steps
    if step < start:
        return rate
    done = (step - start) / max(1.0, recipe.steps - start)
    return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def shipped(name: str, small: bool = False) -> Path:
    """The recipe that comes with the package. Raises RecipeError if there is none."""
    path = FOLDER / f"{name}{'-small' if small else ''}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise RecipeError(f"there is no shipped recipe {path.stem!r}; known: {known}")
    return path


def read_recipe(path: Path) -> Recipe:
    """Raises RecipeError for a file that is missing, or holds unknown keys or wrong values."""
    values = values_of(path)
    task = dict(values.get("task") or {})
    if "batch" in task:
        values |= {"batch": task.pop("batch"), "task": task}
    recipe = checked(Recipe, values, path)
    if recipe.precision not in ("float32", "bfloat16"):
        raise RecipeError(
            f"recipe {path}: precision is {recipe.precision!r}, expected float32 or bfloat16"
        )
    for name in ("steps", "batch", "validate_every", "save_every"):
        if getattr(recipe, name) < 1:
            raise RecipeError(f"recipe {path}: {name} is {getattr(recipe, name)}, expected > 0")
    return recipe


def values_of(path: Path) -> dict:
    """What a YAML file says. Raises RecipeError."""
    if not path.is_file():
        raise RecipeError(f"recipe {path} does not exist")
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise RecipeError(f"recipe {path} is no YAML: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {path} is a {type(values).__name__}, expected keys and values")
    return values


def checked(kind: type, values: dict, path: Path) -> Any:
    """A dataclass from a section of a recipe. Raises RecipeError for unknown keys, wrong types."""
    defaults = kind()
    known = {f.name: type(getattr(defaults, f.name)) for f in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise RecipeError(f"recipe {path}: key {name!r} is unknown; known: {', '.join(known)}")
        wanted = (int, float) if known[name] is float else known[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise RecipeError(f"recipe {path}: {name} is {value!r}, not {known[name].__name__}")
    return kind(**values)
