"""Keep a tokenizer's weights as safetensors."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from hmr_ros.models import weight_file
from hmr_ros.models.tokenizer import Tokenizer, TokenizerConfig

# What the codebook needs for training only.
TRAINING_ONLY = ("codebook.use", "codebook.total")


def save(network: Tokenizer, path: Path) -> None:
    """See ``weight_file.save``."""
    weight_file.save(network, path, "tokenizer", TRAINING_ONLY)


def load(path: Path) -> Tokenizer:
    """Frozen; see ``weight_file.load``."""
    return weight_file.load(path, "tokenizer", _made, TRAINING_ONLY).requires_grad_(False)


def _made(config: dict, state: dict[str, Tensor]) -> Tokenizer:
    return Tokenizer(state["bounded.limits"], TokenizerConfig(**config))
