"""An ONNX file of ours and what its manifest, the ``.json`` beside it, says of its graph.

The manifest is written by ``hmr export`` and ``hmr train --export``; whatever runs the file reads
shapes, types and precision here, never from assumptions of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PRECISIONS = ("float32", "float16", "int8")
MEND = "leave weights_path empty for the shipped weights, or export them anew: hmr export"


class WeightsError(ValueError):
    """A weight file is missing, damaged or foreign; the text names it and says what to do."""


@dataclass(frozen=True)
class Tensor:
    """One input or output. shape: None stands for the number of people, the only free axis.
    dtype: numpy's name of it."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"

    def sized(self, people: int) -> tuple[int, ...]:
        """The shape for so many people."""
        return tuple(people if n is None else n for n in self.shape)


@dataclass(frozen=True)
class GraphFile:
    """A graph as its manifest describes it.

    path: the ONNX file. inputs, outputs: by name, in the graph's order. sha256: of the file.
    precision: of the arithmetic, one of ``PRECISIONS`` (a float16 graph is strongly typed: each
    tensor's type stands in the file). reference: ``.npz`` with inputs (``in/NAME``) and the float32
    graph's outputs (``out/NAME``), by which an engine is judged; None if the file has none.
    manifest: all of the manifest.
    """

    path: Path
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    sha256: str
    precision: str
    reference: Path | None
    manifest: Mapping

    def references(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Reference inputs and outputs by name. Raises WeightsError if they are missing or do not
        fit the graph."""
        if self.reference is None or not self.reference.is_file():
            raise WeightsError(f"{self.path} has no reference inputs beside it: {MEND}")
        try:
            with np.load(self.reference) as file:
                inputs = {name: file[f"in/{name}"] for name in self.inputs}
                outputs = {name: file[f"out/{name}"] for name in self.outputs}
        except (KeyError, OSError, ValueError) as error:
            raise WeightsError(f"{self.reference} cannot be used ({error}): {MEND}") from error
        return inputs, outputs


def manifest_path(path: Path) -> Path:
    """The manifest of the ONNX file ``path``."""
    return path.with_suffix(".json")


def variant_path(path: Path, precision: str) -> Path:
    """Where the network of the ONNX file ``path``, of any precision, lies in ``precision``:
    ``NAME.onnx`` in float32, else ``NAME-PRECISION.onnx``."""
    stem = path.stem
    for one in PRECISIONS:
        stem = stem.removesuffix(f"-{one}")
    return path.with_name(f"{stem}.onnx" if precision == "float32" else f"{stem}-{precision}.onnx")


def read_graph(path: Path, estimator: str | None = None) -> GraphFile:
    """The graph of an ONNX file by its manifest. estimator: whose it must be; None for any.

    The file's hash is not compared with the manifest's here, which would read it twice: see
    ``verify``. Raises WeightsError for files that are missing, damaged or foreign.
    """
    if not path.is_file():
        raise WeightsError(f"weight file {path} does not exist: {MEND}")
    beside = manifest_path(path)
    if not beside.is_file():
        raise WeightsError(f"{beside}, which describes {path.name}, does not exist: {MEND}")
    try:
        manifest = json.loads(beside.read_text())
        name, graph = manifest["estimator"], manifest["graph"]
        inputs, outputs = (
            {key: Tensor(tuple(t["shape"]), t["dtype"]) for key, t in graph[side].items()}
            for side in ("inputs", "outputs")
        )
        sha256, precision = graph["sha256"], graph["precision"]
        reference = graph.get("reference")
    except (UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise WeightsError(f"{beside} does not describe a weight file: {MEND}") from error
    if estimator is not None and name != estimator:
        raise WeightsError(f"{beside} describes {name!r}, not {estimator!r}: {MEND}")
    if precision not in PRECISIONS:
        raise WeightsError(f"{beside}: precision {precision!r} is unknown: {MEND}")
    reference = path.with_name(reference) if reference else None
    return GraphFile(path, inputs, outputs, sha256, precision, reference, manifest)


def verify(graph: GraphFile) -> None:
    """Raises WeightsError if the ONNX file is not the one its manifest was written for."""
    found = sha256_of(graph.path)
    if found != graph.sha256:
        raise WeightsError(
            f"{graph.path} has sha256 {found[:12]}, its manifest says {graph.sha256[:12]}: one of "
            f"them was replaced or damaged; {MEND}"
        )


def sha256_of(path: Path) -> str:
    """Of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
