"""Estimators by name: what turns people in an image into bodies."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People
from hmr_ros.runtime.sampling import NO_SAMPLES, Sampling


class Estimator(Protocol):
    """evidence: which of ``hmr_ros.people.EVIDENCE`` it reads; without, it does worse."""

    evidence: tuple[str, ...]

    def __call__(self, people: People, camera: Camera, image: np.ndarray) -> Bodies:
        """One body a row of ``people``, in the same order. image [H, W, 3] uint8 BGR."""
        ...


# Module whose ``load(body_model, weights_path, threads)`` gives the estimator.
ESTIMATORS = {
    "lifter": "hmr_ros.runtime.lifter",
    "baseline": "hmr_ros.runtime.baseline",
    "factorized": "hmr_ros.runtime.factorized",
}
SAMPLERS = ("factorized",)  # their ``load`` takes a ``Sampling`` too


def load_estimator(
    name: str,
    body_model: BodyModel,
    weights_path: str = "",
    threads: int = 2,
    sampling: Sampling = NO_SAMPLES,
) -> Estimator:
    """The estimator ``name``, ready to be called with people, their camera and the image.

    It answers every row; rows with ``found`` False get what the box and the picture say, or the
    prior. ``transl`` is the network's own guess. weights_path: empty for the shipped weights.

    Raises ValueError for an unknown name and for samples wanted of an estimator that has none,
    ``onnx_session.WeightsError`` for weights that cannot be used.
    """
    if name not in ESTIMATORS:
        raise ValueError(f"estimator {name!r} is unknown; known: {', '.join(ESTIMATORS)}")
    if sampling.samples and name not in SAMPLERS:
        raise ValueError(
            f"n_samples is {sampling.samples}, but estimator {name!r} draws no samples: leave it "
            f"at 0, or set estimator to {' or '.join(SAMPLERS)}"
        )
    options = (sampling,) if name in SAMPLERS else ()
    return import_module(ESTIMATORS[name]).load(body_model, weights_path, threads, *options)
