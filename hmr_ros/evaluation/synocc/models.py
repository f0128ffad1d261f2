"""The models of a benchmark by name: one interface for the pipeline, the mean pose and peers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import Motions
from hmr_ros.evaluation.synocc.answers import Answer
from hmr_ros.evaluation.synocc.mean_pose import MeanPose
from hmr_ros.frame import Frame
from hmr_ros.parameters import table, validated
from hmr_ros.pipeline import Pipeline
from hmr_ros.runtime.estimators import ESTIMATORS

MEAN_POSE = "mean-pose"


class Model(Protocol):
    """name: as in the figures. ``given``: one row a box [N, 4]. ``detected``: one row a person
    whom the model finds by itself, or None if it finds nobody by itself."""

    name: str

    def given(self, frame: Frame, boxes: np.ndarray) -> Answer: ...

    def detected(self, frame: Frame) -> Answer | None: ...


class PipelineModel:
    """The whole product: front end, estimator, placement and refinement, one picture at a time."""

    def __init__(self, name: str, pipeline: Pipeline) -> None:
        self.name, self._pipeline = name, pipeline

    @property
    def pipeline(self) -> Pipeline:
        return self._pipeline

    def given(self, frame: Frame, boxes: np.ndarray) -> Answer:
        people = self._pipeline.finder.keypoints_in(frame.image, boxes)
        return answer_of(self._pipeline.bodies(frame, people))

    def detected(self, frame: Frame) -> Answer:
        self._pipeline.reset()
        return answer_of(self._pipeline.bodies(frame, self._pipeline.people(frame, complete=True)))


def answer_of(bodies: Bodies) -> Answer:
    """Bodies as an answer: every row is answered, with the prior where nothing was seen."""
    return Answer(
        found=bodies.found.copy(),
        answered=np.ones(len(bodies), bool),
        joints=bodies.joints,
        joints_2d=bodies.joints_2d,
        rotations=bodies.rotations,
        betas=bodies.betas,
        joint_cov=bodies.joint_cov,
        joint_tails=bodies.joint_tails,
    )


def load_model(text: str, body: BodyModel, motions: Motions) -> Model:
    """The model that ``text`` names: ``mean-pose``, or an estimator with parameters of
    docs/parameters.md behind it, as in ``lifter`` or ``lifter:refine_steps=0,min_score=0.3``.

    motions: all splits; the mean pose is that of ``train``. Raises ValueError with the known names.
    """
    if text == MEAN_POSE:
        return MeanPose(body, motions.split("train"))
    return PipelineModel(text, pipeline_of(text, also=(MEAN_POSE,)))


def pipeline_of(text: str, also: Sequence[str] = ()) -> Pipeline:
    """The pipeline of an estimator named as in ``load_model``. also: names to mention as known.

    Raises ValueError with the known names, and what ``Pipeline`` raises.
    """
    name, _, options = text.partition(":")
    if name not in ESTIMATORS:
        known = ", ".join((*ESTIMATORS, *also))
        raise ValueError(f"model {name!r} is unknown; known: {known}")
    pairs = [pair for pair in options.split(",") if pair]
    # A figure of another backend than the one named would be a wrong figure.
    return Pipeline(validated({"require_backend": True, **_values(pairs), "estimator": name}))


def _values(pairs: Sequence[str]) -> dict:
    known = table()
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in known:
            raise ValueError(f"{pair!r}: expected NAME=VALUE with a name of docs/parameters.md")
        kind = type(known[name].default)
        try:
            values[name] = value.lower() == "true" if kind is bool else kind(value)
        except ValueError:
            raise ValueError(f"parameter {name}: {value!r} is not {kind.__name__}") from None
    return values
