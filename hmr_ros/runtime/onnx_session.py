"""Open ONNX weight files, and say clearly what is wrong with one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

from hmr_ros.runtime.graph_file import MEND, WeightsError


def open_session(path: Path, inputs: dict[str, tuple], outputs: tuple[str, ...], threads: int = 2):
    """An onnxruntime session on the CPU whose signature has been checked.

    inputs: shape by name, None for the batch size. Raises WeightsError.
    """
    import onnxruntime

    if not path.is_file():
        raise WeightsError(f"weight file {path} does not exist: {MEND}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that wait for the next run must not do so at full speed: the cores are others' too.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path} is no usable ONNX file ({reason}): {MEND}") from error
    found = {
        i.name: tuple(None if isinstance(d, str) else d for d in i.shape)
        for i in session.get_inputs()
    }
    if found != inputs:
        raise WeightsError(f"{path} takes {found}, this estimator needs {inputs}: {MEND}")
    missing = set(outputs) - {o.name for o in session.get_outputs()}
    if missing:
        raise WeightsError(f"{path} lacks the outputs {', '.join(sorted(missing))}: {MEND}")
    return session


def read_manifest(weights: Path, estimator: str) -> dict:
    """The ``.json`` beside a weight file. Raises WeightsError if it is not ``estimator``'s."""
    path = weights.with_suffix(".json")
    if not path.is_file():
        raise WeightsError(f"{path}, which describes {weights.name}, does not exist: {MEND}")
    try:
        manifest = json.loads(path.read_text())
        name = manifest["estimator"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} does not describe a weight file: {MEND}") from error
    if name != estimator:
        raise WeightsError(f"{path} describes the estimator {name!r}, not {estimator!r}: {MEND}")
    return manifest
