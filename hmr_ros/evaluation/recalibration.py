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
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.evaluation.calibration import inside, mahalanobis_squared
from hmr_ros.evaluation.subsets import LIMB, OUTER_LIMB
from hmr_ros.evaluation.synocc.still import truth_of
from hmr_ros.evaluation.temperatures import (
    coverage_tails,
    coverage_temperatures,
    held,
    solved,
    tail_of,
)
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import People
from hmr_ros.pipeline import Pipeline
from hmr_ros.placement import place
from hmr_ros.regions import STATED, level_of, radius2
from hmr_ros.runtime.calibration import (
    CLASSES,
    Calibration,
    PerClass,
    blended,
    class_shares,
    factor2,
)

LEVELS = (0.5, 0.9, 0.95, 0.99)
# Of factors; wider than what a release finds on people like those of the training, because
# simulated keypoints teach too much trust.
BOUNDS = (0.25, 20.0)
# Of the variance that the surest group needs by itself, so much is the least that any class is
# given. Where classes are told apart badly, each is given less to make up for what the others give
# its joints; an estimator that errs more would else be narrowed in one to pay for another.
LEAST_SHARE = 0.5
# Of whom there are fewer, shares of 90 % and 50 % tell nothing.
LEAST_PEOPLE, LEAST_JOINTS = 50, 100
GROUPS = (VISIBLE, SELF_OCCLUDED, HIDDEN)  # of the truth, in the order of ``CLASSES``


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Of N people of an image: what the network said, what is published, and the truth. joints:
    [N, 24, 3] metres, camera frame; visibility: [N, 24]."""

    estimated: Bodies
    bodies: Bodies
    joints: np.ndarray
    visibility: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Published(Compared):
    """The counted people of a picture who were found, placed and refined."""

    people: People
    camera: Camera


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
            who = bodies.found
            found.append(
                Published(
                    people=seen[who],
                    camera=frame.camera,
                    estimated=estimated[who],
                    bodies=bodies[who],
                    joints=truth.joints[who],
                    visibility=truth.visibility[who],
                )
            )
        yield found


@dataclass(frozen=True)
class JointErrors:
    """Of M joints: squared Mahalanobis distance [M] by covariances without factors, predicted
    shares [M, 3] of ``CLASSES``, and the class [M] they truly are of."""

    distance2: np.ndarray
    shares: np.ndarray
    group: np.ndarray


def joint_errors(
    found: Sequence[Compared], factors: PerClass, joints: Sequence[int], body: BodyModel
) -> JointErrors:
    """Of ``joints`` about the pelvis; ``factors`` are those in the covariances."""
    parts = []
    for one in found:
        gap = (one.joints - one.joints[:, :1]) - (one.bodies.joints - one.bodies.joints[:, :1])
        gap, cov = gap[:, joints].reshape(-1, 3), one.bodies.joint_cov[:, joints].reshape(-1, 3, 3)
        shares = class_shares(one.estimated.visibility, one.estimated.joints, body)
        shares = shares[:, joints].reshape(-1, len(CLASSES))
        distance2 = mahalanobis_squared(gap, cov) * factor2(factors, shares)
        truth = one.visibility[:, joints].ravel()
        group = np.select([truth == state for state in GROUPS], range(len(GROUPS)))
        parts.append((distance2, shares, group))
    return JointErrors(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def place_distances(found: Sequence[Published], body: BodyModel, factor: float) -> np.ndarray:
    """[N] squared Mahalanobis distances of the pelvis to the truth, if the network's deviations of
    the place were ``factor`` times as large."""
    parts = []
    for one in found:
        wider = one.estimated.replace(transl_cov=one.estimated.transl_cov * np.float32(factor**2))
        cov = place(wider, one.people, one.camera, body).transl_cov
        gap = one.joints[:, 0] - one.bodies.joints[:, 0]
        parts.append(mahalanobis_squared(gap, cov))
    return np.concatenate(parts)


def recalibrated(
    now: Calibration, found: Sequence[Published], body: BodyModel
) -> tuple[Calibration, list[dict]]:
    """Factors and tails with which regions of 90 % and of 50 % hold that share of the limbs' joints
    about the pelvis, of those that are seen, behind their own body and hidden apart, and of the
    pelvis' places.

    found: what is published with the calibration ``now``, whose values for samples are kept. With
    it come rows of how often regions hold the truth then: a row a class of the limbs' joints and
    one for the pelvis. Raises ValueError for fewer than ``LEAST_PEOPLE``, and fewer than
    ``LEAST_JOINTS`` of any class.
    """
    people = sum(len(one.bodies) for one in found)
    _check_enough(people, LEAST_PEOPLE, "people found")
    place_factor = _place_factor(now, found, body)
    places = place_distances(found, body, place_factor / now.place)
    place_tail = tail_of(places)
    made, rows = of_joints(replace(now, place=place_factor, place_tail=place_tail), found, body)
    of_pelvis = _shares_inside(level_of(places, place_tail))
    return made, [*rows, {"joints": "pelvis", **of_pelvis}]


def of_joints(
    now: Calibration, found: Sequence[Compared], body: BodyModel
) -> tuple[Calibration, list[dict]]:
    """As ``recalibrated``, but the places' values are kept too."""
    errors = joint_errors(found, now.joints, LIMB, body)
    joints, joint_tails = _fitted(errors)
    made = replace(now, joints=joints, joint_tails=joint_tails)
    return made, _rows(errors, joints, joint_tails)


def with_samples(
    now: Calibration, found: Sequence[Compared], body: BodyModel
) -> tuple[Calibration, list[dict]]:
    """The same for covariances of knees, elbows and beyond by samples, which ``found`` was
    published with. Raises ValueError as ``recalibrated``."""
    errors = joint_errors(found, now.samples, OUTER_LIMB, body)
    samples, sample_tails = _fitted(errors)
    made = replace(now, samples=samples, sample_tails=sample_tails)
    return made, _rows(errors, samples, sample_tails, "by samples, ")


def _check_enough(count: int, least: int, what: str) -> None:
    if count < least:
        raise ValueError(
            f"a calibration on {count} {what} tells nothing, expected at least {least}: draw more "
            "pictures (--pictures); nothing was written"
        )


def _fitted(errors: JointErrors) -> tuple[PerClass, PerClass]:
    for number, name in enumerate(CLASSES):
        _check_enough(int((errors.group == number).sum()), LEAST_JOINTS, f"joints of limbs {name}")
    distance2, shares, group = errors.distance2, errors.shares, errors.group
    bounds = (max(BOUNDS[0], least_factor(errors)), BOUNDS[1])
    factors = coverage_temperatures(distance2, shares, group, STATED, bounds)
    return factors, coverage_tails(distance2 / factor2(factors, shares), shares, group)


def least_factor(errors: JointErrors) -> float:
    """The least that a class may have: by ``LEAST_SHARE``."""
    of_groups = [errors.distance2[errors.group == number] for number in range(len(CLASSES))]
    needed2 = min(np.quantile(of_one, STATED) for of_one in of_groups) / radius2(STATED, 0.0)
    return float(np.sqrt(LEAST_SHARE * needed2))


def _place_factor(now: Calibration, found: Sequence[Published], body: BodyModel) -> float:
    """Placement lets no factor make the distance surer than statures allow."""
    reach = radius2(STATED, 0.0)
    return solved(
        lambda factor: held(place_distances(found, body, factor / now.place), reach),
        BOUNDS,
        STATED,
    )


def _rows(errors: JointErrors, factors: PerClass, tails: PerClass, of: str = "") -> list[dict]:
    shares = errors.shares
    quantile = level_of(errors.distance2 / factor2(factors, shares), blended(tails, shares))
    return [
        {"joints": of + name, **_shares_inside(quantile[errors.group == number])}
        for number, name in enumerate(CLASSES)
    ]


def _shares_inside(quantile: np.ndarray) -> dict:
    shares = {f"inside{100 * p:.0f}": round(float(inside(quantile, p).mean()), 4) for p in LEVELS}
    return {"n": len(quantile)} | shares
