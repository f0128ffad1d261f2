"""Estimators by name: what turns people in an image into bodies."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People
from hmr_ros.runtime.answers import Opened
from hmr_ros.runtime.backends.backend import Backend, BackendOptions, open_backend
from hmr_ros.runtime.sampling import NO_SAMPLES, Sampling


class Estimator(Protocol):
    """evidence: which of ``hmr_ros.people.EVIDENCE`` it reads; without, it does worse.
    backends: what runs its graphs, in the order of ``graphs_of``."""

    evidence: tuple[str, ...]
    backends: tuple[Backend, ...]

    def __call__(self, people: People, camera: Camera, image: np.ndarray) -> Bodies:
        """One body a row of ``people``, in the same order. image [H, W, 3] uint8 BGR."""
        ...


# Module whose ``graphs(path, precision, options, sampling)`` says which graphs are opened and with
# which options, and whose ``made(body_model, graphs, backends, sampling)`` gives the estimator.
ESTIMATORS = {
    "lifter": "hmr_ros.runtime.lifter",
    "baseline": "hmr_ros.runtime.baseline",
    "factorized": "hmr_ros.runtime.factorized",
}
SAMPLERS = ("factorized",)
DEFAULTS = BackendOptions()


def load_estimator(
    name: str,
    body_model: BodyModel,
    weights_path: str = "",
    backend: str = "onnxruntime",
    options: BackendOptions = DEFAULTS,
    precision: str = "float32",
    sampling: Sampling = NO_SAMPLES,
) -> Estimator:
    """The estimator ``name``, ready to be called with people, their camera and the image.

    It answers every row; rows with ``found`` False get what the box and the picture say, or the
    prior. ``transl`` is the network's own guess. weights_path: empty for the shipped weights.
    precision: which of the network's files is taken.

    Raises ValueError for an unknown name and for samples wanted of an estimator that has none,
    ``graph_file.WeightsError`` for weights that cannot be used, ``backend.BackendError`` if the
    machine lacks what the backend needs.
    """
    graphs = graphs_of(name, weights_path, precision, options, sampling)
    opened: list[Backend] = []
    try:
        opened += (open_backend(backend, *graph) for graph in graphs)
        return import_module(ESTIMATORS[name]).made(body_model, graphs, tuple(opened), sampling)
    except BaseException:
        close(opened)
        raise


def graphs_of(
    name: str,
    weights_path: str = "",
    precision: str = "float32",
    options: BackendOptions = DEFAULTS,
    sampling: Sampling = NO_SAMPLES,
) -> list[Opened]:
    """The graphs that an estimator runs and the options that each is opened with; arguments and
    errors as of ``load_estimator``."""
    if name not in ESTIMATORS:
        raise ValueError(f"estimator {name!r} is unknown; known: {', '.join(ESTIMATORS)}")
    if sampling.samples and name not in SAMPLERS:
        raise ValueError(
            f"n_samples is {sampling.samples}, but estimator {name!r} draws no samples: leave it "
            f"at 0, set estimator to {' or '.join(SAMPLERS)}, or switch temporal on"
        )
    path = Path(weights_path) if weights_path else asset("weights", f"{name}.onnx")
    return import_module(ESTIMATORS[name]).graphs(path, precision, options, sampling)


def close(backends: list[Backend] | tuple[Backend, ...]) -> None:
    """Give back what they hold."""
    for backend in backends:
        backend.close()
