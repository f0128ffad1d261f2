"""Make any network of the family by its name and sizes; keep its weights as safetensors."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from hmr_ros.body.model import BodyModel
from hmr_ros.models import weight_file
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
    """See ``weight_file.save``."""
    weight_file.save(network, path, network.name)


def load(path: Path, body: BodyModel, name: str) -> nn.Module:
    """See ``weight_file.load``."""
    return weight_file.load(path, name, lambda config, _: build(name, body, config))
