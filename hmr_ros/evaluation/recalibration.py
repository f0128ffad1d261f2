"""Calibration of finished weights by what the product publishes of people of the split ``val``.

A training's release calibrates a network by its own answers. What is published was placed and
refined since; here factors and tails are fitted to that, through the whole pipeline. Never on clips
of the split ``test``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.evaluation.calibration import inside, mahalanobis_squared
from hmr_ros.evaluation.subsets import DISTAL, LIMB, STATES
from hmr_ros.evaluation.synocc.still import truth_of
from hmr_ros.evaluation.temperatures import coverage_tails, coverage_temperatures, tail_of
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People
from hmr_ros.pipeline import Pipeline
from hmr_ros.placement import place
from hmr_ros.regions import STATED, level_of, radius2
from hmr_ros.runtime.calibration import Calibration, blended, factor2

LEVELS = (0.5, 0.9, 0.95, 0.99)
# Of factors; wider than what a release finds on people like those of the training, because
# simulated keypoints teach too much trust.
BOUNDS = (0.25, 20.0)
# Of whom there are fewer, shares of 90 % and 50 % tell nothing.
LEAST_PEOPLE, LEAST_JOINTS = 50, 100


@dataclass(frozen=True)
class Published:
    """Of the N counted people of a picture who were found: what the network said, what the pipeline
    made of it, and the truth. joints: [N, 24, 3] metres, camera frame; visibility: [N, 24]."""

    people: People
    camera: Camera
    estimated: Bodies
    bodies: Bodies
    joints: np.ndarray
    visibility: np.ndarray


def published(
    pictures: Iterable[tuple[int, RenderedImage]],
    look: Callable[[np.ndarray, np.ndarray], People],
    pipelines: Sequence[Pipeline],
) -> Iterator[list[Published]]:
    """What each of ``pipelines`` publishes of numbered pictures, in the boxes of the benchmark:
    without bodies that were not found, which are nobody's measurement (``Tracker``).
    look: the front end of all of them, from image and boxes to people with all evidence."""
    for number, picture in pictures:
        truth = truth_of(number, picture)
        if not len(truth):
            continue
        frame, found = Frame(picture.image, picture.camera, stamp=0.0), []
        people = look(picture.image, truth.given)
        seen = people.replace(heatmaps=None, masks=None, features=None)  # large
        for pipeline in pipelines:
            estimated = pipeline.estimator(people, frame.camera, frame.image)
            bodies = pipeline.bodies(frame, people)
            perceived = (
                v[bodies.found] for v in (estimated, bodies, truth.joints, truth.visibility)
            )
            found.append(Published(seen[bodies.found], frame.camera, *perceived))
        yield found


@dataclass(frozen=True)
class JointErrors:
    """Of M joints, each [M]: squared Mahalanobis distance by covariances without factors, predicted
    probability of being seen, true visibility."""

    distance2: np.ndarray
    probability: np.ndarray
    visibility: np.ndarray


def joint_errors(
    found: Sequence[Published], factors: tuple[float, float], joints: Sequence[int]
) -> JointErrors:
    """Of ``joints`` about the pelvis; ``factors`` are those in the covariances."""
    parts = []
    for one in found:
        gap = (one.joints - one.joints[:, :1]) - (one.bodies.joints - one.bodies.joints[:, :1])
        gap, cov = gap[:, joints].reshape(-1, 3), one.bodies.joint_cov[:, joints].reshape(-1, 3, 3)
        probability = one.bodies.visibility[:, joints].ravel().astype(float)
        distance2 = mahalanobis_squared(gap.astype(float), cov.astype(float))
        distance2 = distance2 * factor2(factors, probability)
        parts.append((distance2, probability, one.visibility[:, joints].ravel()))
    return JointErrors(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def place_distances(found: Sequence[Published], body: BodyModel, factor: float) -> np.ndarray:
    """[N] squared Mahalanobis distances of the pelvis to the truth, if the network's deviations of
    the place were ``factor`` times as large."""
    parts = []
    for one in found:
        wider = one.estimated.replace(transl_cov=one.estimated.transl_cov * np.float32(factor**2))
        cov = place(wider, one.people, one.camera, body).transl_cov.astype(float)
        gap = (one.joints[:, 0] - one.bodies.joints[:, 0]).astype(float)
        parts.append(mahalanobis_squared(gap, cov))
    return np.concatenate(parts)


def calibrated(
    now: Calibration, found: Sequence[Published], body: BodyModel
) -> tuple[Calibration, list[dict]]:
    """Factors and tails with which regions of 90 % and of 50 % hold that share of the limbs' joints
    about the pelvis, visible and other ones apart, and of the pelvis' places.

    found: what is published with the calibration ``now``, whose values for samples are kept. With
    it come rows of how often regions hold the truth then: a row a state of the limbs' joints and
    one for the pelvis. Raises ValueError for fewer than ``LEAST_PEOPLE``, and fewer than
    ``LEAST_JOINTS`` of either kind.
    """
    people = sum(len(one.bodies) for one in found)
    _check_enough(people, LEAST_PEOPLE, "people found")
    place_factor = _place_factor(now, found, body)
    places = place_distances(found, body, place_factor / now.place)
    errors = joint_errors(found, now.joints, LIMB)
    joints, joint_tails = _fitted(errors)
    place_tail = tail_of(places)
    made = replace(
        now,
        joints=joints,
        joint_tails=joint_tails,
        place=place_factor,
        place_tail=place_tail,
    )
    held = _held(level_of(places, place_tail))
    return made, [*_rows(errors, joints, joint_tails), {"joints": "pelvis", **held}]


def with_samples(now: Calibration, found: Sequence[Published]) -> tuple[Calibration, list[dict]]:
    """The same for covariances of knees, elbows and beyond by samples, which ``found`` was
    published with. Raises ValueError as ``calibrated``."""
    errors = joint_errors(found, now.samples, DISTAL)
    samples, sample_tails = _fitted(errors)
    made = replace(now, samples=samples, sample_tails=sample_tails)
    return made, _rows(errors, samples, sample_tails, "by samples, ")


def _check_enough(count: int, least: int, what: str) -> None:
    if count < least:
        raise ValueError(
            f"a calibration on {count} {what} tells nothing, expected at least {least}: draw more "
            "pictures (--pictures); nothing was written"
        )


def _fitted(errors: JointErrors) -> tuple[tuple[float, float], tuple[float, float]]:
    seen = errors.visibility == VISIBLE
    _check_enough(int(seen.sum()), LEAST_JOINTS, "visible joints of limbs")
    _check_enough(int((~seen).sum()), LEAST_JOINTS, "hidden joints of limbs")
    factors = coverage_temperatures(
        errors.distance2, errors.probability, seen, STATED, bounds=BOUNDS
    )
    scaled = errors.distance2 / factor2(factors, errors.probability)
    return factors, coverage_tails(scaled, errors.probability, seen)


def _place_factor(now: Calibration, found: Sequence[Published], body: BodyModel) -> float:
    """By bisection: placement lets no factor make the distance surer than statures allow."""
    low, high = BOUNDS
    for _ in range(16):
        factor = float(np.sqrt(low * high))
        held = place_distances(found, body, factor / now.place) <= radius2(STATED, 0.0)
        low, high = (factor, high) if held.mean() < STATED else (low, factor)
    return factor


def _rows(
    errors: JointErrors, factors: tuple[float, float], tails: tuple[float, float], of: str = ""
) -> list[dict]:
    share = errors.probability
    quantile = level_of(errors.distance2 / factor2(factors, share), blended(tails, share))
    states = {name: errors.visibility == state for name, state in STATES.items()}
    return [
        {"joints": of + name.replace("_", "-"), **_held(quantile[mask])}
        for name, mask in states.items()
        if mask.any()
    ]


def _held(quantile: np.ndarray) -> dict:
    shares = {f"inside{100 * p:.0f}": round(float(inside(quantile, p).mean()), 4) for p in LEVELS}
    return {"n": len(quantile)} | shares
