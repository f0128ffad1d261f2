"""What a manifest says of an ONNX file's graph, and its reference answers: see ``graph_file``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnxruntime

from hmr_ros.machine import revision
from hmr_ros.runtime.graph_file import manifest_path, sha256_of, variant_path
from hmr_ros.whole_file import whole_file


def save(model: onnx.ModelProto, path: Path) -> None:
    """Replace the file ``path`` at once; if that fails, what was there stays."""
    with whole_file(path) as partial:
        onnx.save(model, partial)


def reference_path(path: Path) -> Path:
    """Where the reference inputs and outputs of the float32 ONNX file ``path`` lie."""
    return path.with_name(f"{path.stem}-reference.npz")


def write_manifest(path: Path, facts: Mapping, inputs: Mapping[str, np.ndarray]) -> None:
    """Describe the float32 ONNX file ``path``: its manifest, and the reference answers to
    ``inputs``. facts: what a reader must know beside the graph; ``estimator`` is one of them."""
    reference = write_references(path, inputs)
    _write(path, {**facts, "graph": described(path, "float32", reference)})


def write_variant_manifest(path: Path, precision: str) -> None:
    """Describe what lies in ``precision`` beside the float32 ONNX file ``path`` (``variant_path``),
    and is judged by the same reference answers."""
    facts = json.loads(manifest_path(path).read_text())
    variant = variant_path(path, precision)
    _write(variant, {**facts, "graph": described(variant, precision, reference_path(path))})


def add_facts(path: Path, facts: Mapping) -> None:
    """Say more in the manifest of the ONNX file ``path``, what could be measured on it only."""
    _write(path, {**json.loads(manifest_path(path).read_text()), **facts})


def _write(path: Path, manifest: Mapping) -> None:
    manifest_path(path).write_text(json.dumps(manifest, indent=2) + "\n")


def described(path: Path, precision: str, reference: Path | None) -> dict:
    """The section ``graph`` of the manifest of the ONNX file ``path``.

    reference: the ``.npz`` beside it, if it has one. Raises ``onnx.checker.ValidationError`` for a
    graph that is not valid, ValueError for one whose rows are not its only free axis.
    """
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return {
        "inputs": {value.name: _tensor(value) for value in model.graph.input},
        "outputs": {value.name: _tensor(value) for value in model.graph.output},
        "sha256": sha256_of(path),
        "opset": next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")),
        "precision": precision,
        "reference": reference.name if reference else None,
        "revision": revision(),
    }


def write_references(path: Path, inputs: Mapping[str, np.ndarray]) -> Path:
    """Keep ``inputs``, and what the float32 ONNX file ``path`` answers to them, beside it.

    Returns the file's path (``reference_path``).
    """
    outputs = answers(path, inputs)
    arrays = {f"in/{name}": value for name, value in inputs.items()}
    arrays |= {f"out/{name}": value for name, value in outputs.items()}
    place = reference_path(path)
    with whole_file(place) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return place


def answers(path: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All outputs of an ONNX file by name, on one thread of ONNX Runtime's CPU provider."""
    return opened(path)(inputs)


def opened(path: Path) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """``answers`` of a file that is read once."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return answering(
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    )


def answering(session: onnxruntime.InferenceSession):
    """A session as a function from inputs by name, among them those it takes, to its outputs."""
    names = [output.name for output in session.get_outputs()]
    takes = {i.name for i in session.get_inputs()}

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = session.run(names, {k: v for k, v in inputs.items() if k in takes})
        return dict(zip(names, found, strict=True))

    return run


def _tensor(value: onnx.ValueInfoProto) -> dict:
    tensor = value.type.tensor_type
    shape = [None if d.dim_param else d.dim_value for d in tensor.shape.dim]
    if None in shape[1:] or not shape or shape[0] is not None:
        raise ValueError(f"{value.name} is {shape}: the first axis, of people, must be free alone")
    return {
        "shape": shape,
        "dtype": onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name,
    }
