"""Engines on disk: the plan as TensorRT wrote it, and beside it what it is, as JSON."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from hmr_ros.runtime.backends.backend import BackendError
from hmr_ros.runtime.backends.engine_key import EngineKey
from hmr_ros.runtime.backends.numeric_gate import Measure
from hmr_ros.runtime.backends.private_files import (
    NotPrivate,
    read_private,
    remove_partial,
    write_private,
)


class UnusableEngine(BackendError):
    """An engine file that must not be run: damaged, foreign, or not this graph's."""


class RefusedEngine(RuntimeError):
    """The engine of this key was built, now or before, and its numbers are wrong."""


@dataclass(frozen=True)
class KeptEngine:
    """plan: serialised. measures: how far its numbers were from the reference when it was built.
    path: of the plan; None if it could not be kept."""

    plan: bytes
    measures: tuple[Measure, ...]
    path: Path | None


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/hmr_ros/engines``, by the XDG base directory specification."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(told) if os.path.isabs(told) else Path.home() / ".cache"
    return home / "hmr_ros" / "engines"


def plan_path(folder: Path, key: EngineKey) -> Path:
    """Where the engine of ``key`` lies."""
    return folder / f"{key.stem}.plan"


def lock_path(folder: Path, key: EngineKey) -> Path:
    """What a builder of ``key`` holds."""
    return folder / f"{key.stem}.lock"


def load_engine(folder: Path, key: EngineKey) -> KeptEngine | None:
    """The engine of ``key``, None if there is none.

    Raises UnusableEngine if it must not be run, RefusedEngine if its numbers were found wrong.
    """
    path = plan_path(folder, key)
    try:
        told = json.loads(read_private(_sidecar(path)))
        found, sha256, measures = dict(told["key"]), told["sha256"], _measures(told["measures"])
    except FileNotFoundError:
        if path.exists():
            raise UnusableEngine(f"{path} has no {_sidecar(path).name} beside it") from None
        return None
    except NotPrivate as error:
        raise UnusableEngine(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableEngine(f"{_sidecar(path)} cannot be read ({error})") from error
    if found != key.as_dict():
        wrong = ", ".join(
            f"{n} {found.get(n)!r}" for n, v in key.as_dict().items() if found.get(n) != v
        )
        raise UnusableEngine(f"{path} was made for something else: {wrong}")
    if sha256 is None:
        raise RefusedEngine("; ".join(str(m) for m in measures if not m.passed))
    try:
        plan = read_private(path)
    except (OSError, NotPrivate) as error:
        raise UnusableEngine(str(error)) from error
    if hashlib.sha256(plan).hexdigest() != sha256:
        raise UnusableEngine(f"{path} is damaged or was replaced: its sha256 is not the one told")
    return KeptEngine(plan, measures, path)


def keep_engine(folder: Path, key: EngineKey, engine: KeptEngine) -> KeptEngine:
    """Write an engine, under its lock. Raises OSError; then the one before is there, or none that
    would be run."""
    path = plan_path(folder, key)
    remove_partial(path.with_suffix(""))  # of the plan and of its side-car
    write_private(path, engine.plan)
    # Last: a plan without the right side-car counts as none.
    _write_sidecar(path, key, hashlib.sha256(engine.plan).hexdigest(), engine.measures)
    return KeptEngine(engine.plan, engine.measures, path)


def keep_refusal(folder: Path, key: EngineKey, measures: tuple[Measure, ...]) -> None:
    """Note, under the lock, that this engine's numbers are wrong: the next start must not build it
    for minutes again. Raises OSError."""
    path = plan_path(folder, key)
    path.unlink(missing_ok=True)
    remove_partial(path.with_suffix(""))
    _write_sidecar(path, key, None, measures)


def timing_path(folder: Path, key: EngineKey) -> Path:
    """What the builder measured on this device with this version, for all networks."""
    words = f"{key.device} sm{key.capability} tensorrt-{key.tensorrt}"
    return folder / f"timing-{re.sub('[^A-Za-z0-9.]+', '-', words)}.cache"


def _sidecar(path: Path) -> Path:
    return path.with_suffix(".json")


def _write_sidecar(
    path: Path, key: EngineKey, sha256: str | None, measures: tuple[Measure, ...]
) -> None:
    told = {
        "key": key.as_dict(),
        "sha256": sha256,
        "measures": [measure.as_dict() for measure in measures],
    }
    write_private(_sidecar(path), (json.dumps(told, indent=2) + "\n").encode())


def _measures(told: list[dict]) -> tuple[Measure, ...]:
    return tuple(Measure(**measure) for measure in told)
