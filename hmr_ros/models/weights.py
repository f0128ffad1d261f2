"""Make any network of the family by its name and sizes; keep its weights as safetensors."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from hmr_ros.body.model import BodyModel
from hmr_ros.models.baseline import Baseline, BaselineConfig
from hmr_ros.models.configs import read_config
from hmr_ros.models.factorized import Factorized, FactorizedConfig
from hmr_ros.models.lifter_weights import skeleton_of
from hmr_ros.models.temporal import Temporal, TemporalConfig

# Networks that take person crops, and their sizes.
NETWORKS = {
    "baseline": (Baseline, BaselineConfig),
    "factorized": (Factorized, FactorizedConfig),
}
FAMILY = {**NETWORKS, "temporal": (Temporal, TemporalConfig)}


def build(name: str, body: BodyModel, config=None) -> nn.Module:
    """An untrained network for ``body``. config: its dataclass or a dictionary of it.

    Raises ValueError for a name or a key that is not known.
    """
    if name not in FAMILY:
        raise ValueError(f"network {name!r} is unknown; known: {', '.join(FAMILY)}")
    network, kind = FAMILY[name]
    if config is None or isinstance(config, dict):
        config = read_config(kind, config)
    return network(skeleton_of(body), config)


def save(network: nn.Module, path: Path) -> None:
    """Weights in half precision, with the network's name and sizes, as safetensors."""
    state = {k: v.detach().cpu().half().contiguous() for k, v in network.state_dict().items()}
    config = json.dumps(dataclasses.asdict(network.config))
    partial = path.with_suffix(".partial")
    save_file(state, partial, {"network": network.name, "config": config})
    partial.chmod(0o644)  # made for its owner only, but installed for everyone
    os.replace(partial, path)


def load(path: Path, body: BodyModel, name: str) -> nn.Module:
    """The network of ``save``. Raises ValueError for a file that is missing, damaged or foreign."""
    if not path.is_file():
        raise ValueError(f"weight file {path} does not exist; train one with: hmr train {name}")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        if metadata.get("network") != name:
            raise ValueError(f"it holds {metadata.get('network', 'something else')!r}")
        network = build(name, body, json.loads(metadata["config"]))
        network.load_state_dict(state)
    except (SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be used as weights of {name}: {error}") from error
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{path} cannot be used as weights of {name}: {key} is not finite")
    return network.eval()
