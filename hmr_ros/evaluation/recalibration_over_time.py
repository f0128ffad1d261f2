"""Calibration of the network over time, by what is published of people in films of ``val``.

A training's release calibrates it by balls, of frames before they are smoothed. Here factors and
tails are fitted to the published regions, of joints that are seen, behind their own body and hidden
apart (``recalibration``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from hmr_ros.body.model import BodyModel
from hmr_ros.data.films import Film
from hmr_ros.evaluation.followed_films import published_of, truth_of
from hmr_ros.evaluation.recalibration import LEAST_PEOPLE, Compared, of_joints, with_samples
from hmr_ros.models.factorized import SAMPLES
from hmr_ros.parameters import validated
from hmr_ros.runtime.calibration import AT_ITS_WORD, Calibration
from hmr_ros.runtime.sampling import Sampling
from hmr_ros.runtime.temporal import Temporal


def people_in(films: Iterable[Film]) -> int:
    """How many people are seen."""
    return sum(int(film.seen.any(0).sum()) for film in films)


def compared(film: Film, body: BodyModel, stage: Temporal) -> Iterator[Compared]:
    """What is published of each frame of a film with ``stage``, beside the truth."""
    truth = truth_of(film, body, 0)
    for frame in published_of(film, body, validated(), stage):
        at = frame.t, frame.rows
        yield Compared(
            estimated=frame.corrected,
            bodies=frame.bodies,
            joints=truth.joints[at],
            visibility=truth.visibility[at],
        )


def calibrated_over_time(
    films: Iterable[Film], body: BodyModel, weights: Path
) -> tuple[Calibration, list[dict]]:
    """Factors and tails of the network over time ``weights`` (``.onnx``), and of its samples, with
    which regions of 90 % and of 50 % hold that share of the limbs' joints about the pelvis; with
    them rows as ``recalibration.recalibrated`` gives. Its places are the image's own.

    films: read once. Raises ValueError for fewer than ``LEAST_PEOPLE`` people, and as
    ``recalibration.recalibrated``; ``WeightsError`` for files that cannot be used.
    """
    people = 0
    stages = [
        Temporal(body, str(weights), calibration=AT_ITS_WORD),
        Temporal(body, str(weights), sampling=Sampling(SAMPLES), calibration=AT_ITS_WORD),
    ]
    found: list[list[Compared]] = [[], []]
    for film in films:
        people += people_in([film])
        for stage, frames in zip(stages, found, strict=True):
            frames += compared(film, body, stage)
    if people < LEAST_PEOPLE:
        raise ValueError(
            f"a calibration on {people} people followed through films tells nothing, expected at "
            f"least {LEAST_PEOPLE}: draw more (hmr train films --split val --rendered); nothing "
            "was written"
        )
    made, rows = of_joints(AT_ITS_WORD, found[0], body)
    made, more = with_samples(made, found[1], body)
    return made, rows + more
