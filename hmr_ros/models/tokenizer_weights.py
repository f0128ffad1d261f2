"""Make a tokenizer; keep its weights as safetensors."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hmr_ros.models.tokenizer import Tokenizer, TokenizerConfig

# What the codebook needs for training only.
TRAINING_ONLY = ("codebook.use", "codebook.total")


def state_of(network: Tokenizer) -> dict[str, Tensor]:
    """What a weight file holds, in half precision."""
    state = network.state_dict()
    kept = {k: v for k, v in state.items() if k not in TRAINING_ONLY}
    return {k: v.detach().cpu().half().contiguous() for k, v in kept.items()}


def save(network: Tokenizer, path: Path) -> None:
    """Weights in half precision, with the network's sizes, as safetensors."""
    config = json.dumps(dataclasses.asdict(network.config))
    partial = path.with_suffix(".partial")
    save_file(state_of(network), partial, {"network": "tokenizer", "config": config})
    partial.chmod(0o644)  # made for its owner only, but installed for everyone
    os.replace(partial, path)


def load(path: Path) -> Tokenizer:
    """The network of ``save``, frozen. Raises ValueError for a file that is missing, damaged or
    foreign."""
    if not path.is_file():
        raise ValueError(f"weight file {path} does not exist; train one with: hmr train tokenizer")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        if metadata.get("network") != "tokenizer":
            raise ValueError("it does not hold a tokenizer")
        network = Tokenizer(
            state["bounded.limits"], TokenizerConfig(**json.loads(metadata["config"]))
        )
        own = network.state_dict()
        network.load_state_dict({k: own[k] for k in TRAINING_ONLY} | state)
    except (SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be used as tokenizer weights: {error}") from error
    for value in network.state_dict().values():
        if not torch.isfinite(value).all():
            raise ValueError(f"{path} cannot be used as tokenizer weights: values are not finite")
    return network.eval().requires_grad_(False)
