"""Weights of any network as safetensors: half precision, what they are of, and its sizes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hmr_ros.whole_file import whole_file


def save(network: nn.Module, path: Path, name: str, without: tuple[str, ...] = ()) -> None:
    """Replace ``path`` as a whole. name: of the network, which has ``config``, a dataclass of its
    sizes. without: names of values that are needed for training only."""
    state = {k: v for k, v in network.state_dict().items() if k not in without}
    state = {k: v.detach().cpu().half().contiguous() for k, v in state.items()}
    config = json.dumps(dataclasses.asdict(network.config))
    with whole_file(path) as partial:
        save_file(state, partial, {"network": name, "config": config})
        partial.chmod(0o644)  # made for its owner only, but installed for everyone


def digest_of(network: nn.Module) -> str:
    """A name of the weights of ``network``, whatever file they are exported to: the same for those
    that ``save`` writes and those that are read again."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().half().numpy().tobytes())
    return digest.hexdigest()


def load(
    path: Path,
    name: str,
    make: Callable[[dict, dict[str, Tensor]], nn.Module],
    optional: tuple[str, ...] = (),
) -> nn.Module:
    """The network of ``save``, ready for use.

    make: an untrained one by its sizes and what the file holds. optional: ends of the names of
    values that the file may lack; the untrained network's are taken then. Raises ValueError for a
    file that is missing, damaged, not finite or of another network.
    """
    if not path.is_file():
        raise ValueError(f"weight file {path} does not exist; train one with: hmr train {name}")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        # The first lifters say "estimator".
        holds = metadata.get("network", metadata.get("estimator", "something else"))
        if holds != name:
            raise ValueError(f"it holds {holds!r}")
        for key, value in state.items():
            if not torch.isfinite(value).all():
                raise ValueError(f"{key} is not finite")
        network = make(json.loads(metadata["config"]), state)
        own = {k: v for k, v in network.state_dict().items() if k.endswith(optional)}
        network.load_state_dict(own | state)
    except (SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be used as weights of {name}: {error}") from error
    return network.eval()
