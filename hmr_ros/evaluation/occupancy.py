"""Do the capsules hold the people? Rendered people whose every vertex is known.

The level that was asked for is compared with the share of the true flesh of the limbs that lies in
its own part's capsule, and the room that the capsules take with that of capsules which grow by one
constant radius for everybody and hold as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.evaluation.bootstrap import ratio_interval
from hmr_ros.evaluation.synocc.still import truth_of
from hmr_ros.frame import Frame
from hmr_ros.occupancy import Capsules, beyond, capsules, volumes
from hmr_ros.pipeline import Pipeline

# Parts of the limbs, and the joint at whose visibility each is counted: a forearm by the wrist.
LIMB_PARTS = {1: 4, 2: 5, 4: 7, 5: 8, 16: 18, 17: 19, 18: 20, 19: 21}
EVERY = 5  # of the vertices: enough to tell shares
LEVELS = (0.5, 0.9, 0.95)


@dataclass(frozen=True)
class Answered:
    """Bodies and truth of the N counted people of a picture. flesh: [N, P, 3] true vertices;
    visibility: [N, 24]."""

    image: int
    bodies: Bodies
    flesh: np.ndarray
    visibility: np.ndarray


def answers(
    pictures: Iterable[tuple[int, RenderedImage]], pipeline: Pipeline, body: BodyModel
) -> Iterator[Answered]:
    """The pipeline on numbered SynOcc pictures, in the boxes that the benchmark gives."""
    for number, picture in pictures:
        truth = truth_of(number, picture)
        if not len(truth):
            continue
        frame = Frame(picture.image, picture.camera, stamp=0.0)
        people = pipeline.finder.keypoints_in(picture.image, truth.given)
        rows = truth.person
        flesh = vertices(
            body,
            picture.rotations[rows],
            picture.betas[rows],
            picture.transl[rows],
            chosen_vertices(body),
        )
        yield Answered(number, pipeline.bodies(frame, people), flesh, truth.visibility)


def chosen_vertices(body: BodyModel) -> np.ndarray:
    """Some of the vertices of the limbs."""
    return np.flatnonzero(np.isin(body.part_id, list(LIMB_PARTS)))[::EVERY]


def rows_of(
    answered: list[Answered], body: BodyModel, name: str, levels: tuple[float, ...] = LEVELS
) -> list[dict]:
    """A row a level and state of the joint at the part's end (all, visible, hidden).

    ``held``: share of the true flesh inside its part's capsule, with an interval over redrawn
    pictures. ``room_l``: median volume of a limb part's capsule in litres (a person of whom nothing
    was found may be anywhere), ``flesh_l`` that without any room for uncertainty. ``constant_m``:
    radius that holds as much if all capsules grow by it, ``room_ratio`` our volume over what it
    takes.
    """
    chosen = chosen_vertices(body)
    parts = body.part_id[chosen]
    found = {level: [] for level in (0.0, *levels)}
    for answer in answered:
        mesh = vertices(body, answer.bodies.rotations, answer.bodies.betas, answer.bodies.transl)
        for level, made in found.items():
            made.append(capsules(answer.bodies, mesh, body, level))
    images = np.concatenate([np.full(len(a.flesh), a.image) for a in answered])
    state = np.concatenate([a.visibility for a in answered])
    ends = np.array([LIMB_PARTS[p] for p in parts])
    out = {
        level: np.concatenate(
            [beyond(c, a.flesh, parts) for c, a in zip(made, answered, strict=True)]
        )
        for level, made in found.items()
    }
    size = {level: _limb_volumes(made) for level, made in found.items()}
    part_state = state[:, list(LIMB_PARTS.values())]
    rows = []
    for level in levels:
        for subset, wanted in (("all", None), ("visible", VISIBLE), ("hidden", HIDDEN)):
            points = np.ones(out[0.0].shape, bool) if wanted is None else state[:, ends] == wanted
            limbs = np.ones(part_state.shape, bool) if wanted is None else part_state == wanted
            if not points.any():
                continue
            inside = ((out[level] <= 0) & points).sum(1).astype(float)
            held = ratio_interval(inside, points.sum(1).astype(float), images)
            reach = max(0.0, float(np.quantile(out[0.0][points], held.value)))
            wide = _limb_volumes([_grown(c, reach) for c in found[0.0]])
            rows.append(
                {
                    "model": name,
                    "level": level,
                    "subset": subset,
                    "parts": int(limbs.sum()),
                    "held": held.value,
                    "room_l": 1e3 * float(np.median(size[level][limbs])),
                    "flesh_l": 1e3 * float(np.median(size[0.0][limbs])),
                    "constant_m": reach,
                    "room_ratio": float(np.median(size[level][limbs]) / np.median(wide[limbs])),
                    "ci95": {"held": [held.low, held.high]},
                }
            )
    return rows


def _limb_volumes(made: list[Capsules]) -> np.ndarray:
    """[N, 8] cubic metres of the limbs' capsules, in the order of ``LIMB_PARTS``."""
    return np.concatenate([volumes(c).reshape(-1, 24)[:, list(LIMB_PARTS)] for c in made])


def _grown(found: Capsules, reach: float) -> Capsules:
    return found.replace(
        start_radius=found.start_radius + reach, end_radius=found.end_radius + reach
    )
