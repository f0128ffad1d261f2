"""Checkpoints that survive an interruption at any moment and refuse to resume something else."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from hmr_ros.whole_file import whole_file


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged or of another training; the text says which."""


def save_checkpoint(path: Path, kind: str, identity: dict, state: dict) -> None:
    """Write atomically: a reader sees the old file or the whole new one.

    kind: what is trained. identity: plain values that must be equal for resuming to make sense.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        torch.save({"kind": kind, "identity": identity, "state": state}, partial)


def load_checkpoint(path: Path, kind: str, identity: dict) -> dict:
    """The state that was saved. Raises CheckpointError."""
    found, stored, state = _read(path, "leave out --resume to start")
    if found != kind:
        raise CheckpointError(f"{path} is a checkpoint of {found!r}, not of {kind!r}")
    wrong = [
        f"{k}: {stored.get(k)!r} there, {v!r} here"
        for k, v in identity.items()
        if stored.get(k) != v
    ]
    if wrong:
        raise CheckpointError(f"{path} belongs to another training ({'; '.join(wrong)})")
    return state


def averaged_weights(path: Path) -> dict[str, torch.Tensor]:
    """The averaged weights in any training's checkpoint, or finished ones (.safetensors), which are
    in half precision. Raises CheckpointError."""
    if path.suffix == ".safetensors" and path.is_file():
        try:
            return {name: value.float() for name, value in load_file(path).items()}
        except SafetensorError as error:
            raise CheckpointError(f"{path} holds no weights: {error}") from error
    _, _, state = _read(path, "name the checkpoint.pt of a training, or its weights")
    if not isinstance(state.get("average"), dict):
        raise CheckpointError(f"{path} holds no averaged weights")
    return state["average"]


def _read(path: Path, mend: str) -> tuple[str, dict, dict]:
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path} does not exist: {mend}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return content["kind"], content["identity"], content["state"]
    except (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError) as error:
        raise CheckpointError(f"{path} is no checkpoint of hmr train: {error}") from error
