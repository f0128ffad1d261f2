"""Everything that decides the answers of a run, in plain values: equal runs share their answers.

Rather too much than too little: a run that is not recognised costs time, a stale answer costs
the truth of a table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from hmr_ros.assets import asset
from hmr_ros.evaluation.synocc.still import SEED
from hmr_ros.machine import machine

PACKAGE = Path(__file__).resolve().parents[2]
# Parts of the package that ask, show or train: none of them can change an answer.
APART = ("cli", "demo", "doctor", "drawing", "node", "training", "evaluation/report")


def identity_of(
    version: int, motions: Path, photos: Sequence[Path], models: Sequence, **more
) -> dict:
    """What the kept answers of a run depend on.

    version: the benchmark's. motions: file or folder, photos: of the backgrounds (by name and
    size). models: with ``name``; a pipeline's settings count with all files that they name, a
    peer's ``version``. more: plain values of the benchmark, such as its protocols.
    """
    return {
        "version": version,
        "seed": SEED,
        "motions": contents(motions),
        "backgrounds": digest(f"{p.name} {p.stat().st_size}" for p in photos),
        "models": [_model(m) for m in models],
        "weights": contents(asset("weights", "")),
        "sources": sources(),
        "packages": digest(sorted(f"{d.name} {d.version}" for d in metadata.distributions())),
        # Networks and compiled loops round as the processor does.
        "machine": [machine()[name] for name in ("cpu", "cores", "system", "python")],
        **more,
    }


def _model(model) -> dict:
    known = {"name": model.name}
    if hasattr(model, "pipeline"):
        settings = vars(model.pipeline.settings)
        named = {k: v for k, v in settings.items() if k.endswith(("_path", "_onnx")) and v}
        files = {k: Path(v).expanduser() for k, v in named.items()}
        known["settings"] = {k: settings[k] for k in sorted(settings)}
        known["files"] = {k: contents(path) for k, path in sorted(files.items())}
    if hasattr(model, "version"):
        known["version"] = model.version
    return known


def sources(package: Path = PACKAGE) -> str:
    """Hash of the package's sources that draw, estimate or match."""
    apart = tuple(f"{folder}/" for folder in APART)
    names = sorted(p.relative_to(package).as_posix() for p in package.rglob("*.py"))
    return digest(
        f"{name} {hashlib.sha256((package / name).read_bytes()).hexdigest()}"
        for name in names
        if not name.startswith(apart)
    )


def contents(path: Path) -> str:
    """Hash of a file, or of all files of a folder and their names; "missing" for neither."""
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return digest(f"{p.relative_to(path).as_posix()} {contents(p)}" for p in files)
    if not path.is_file():
        return "missing"
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def digest(lines: Iterable[str]) -> str:
    """Hash of lines of text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
