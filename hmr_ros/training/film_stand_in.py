"""Films whose people are seen through simulated keypoints: no picture is drawn.

Much quicker than ``film_making.by_the_product``; keypoints err as the front end's do
(``stand_in_over_time``), things and people hide each other as boxes (``unrendered``). Estimate,
placement and refinement are the product's own.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from hmr_ros.batch import concatenate
from hmr_ros.bodies import Bodies
from hmr_ros.data import keypoint_noise
from hmr_ros.data.detections.stand_in_over_time import stand_in_over_time
from hmr_ros.data.ingredients import Ingredients
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.measured_errors import CLASSES, load_measured
from hmr_ros.data.sequences.sequence import Sequence, SequenceTruth
from hmr_ros.data.sequences.unrendered import hidden_over_time
from hmr_ros.frame import Frame
from hmr_ros.models.lifter_weights import KEYPOINT_SET, skeleton_of
from hmr_ros.models.skeleton import Skeleton
from hmr_ros.people import People, no_people
from hmr_ros.training.film_making import Glimpse, product

LEAST_SEEN = 4  # landmarks in the picture and not hidden: fewer and no detector finds a person
LEAST_SIZE = 50.0  # pixels
LOOSE = 0.05  # how far a box is off, in units of its longer side


def by_stand_in(
    drawn: Ingredients, film: Sequence, truth: SequenceTruth, rng: np.random.Generator
) -> list[Glimpse]:
    """Everybody in the picture, by simulated keypoints."""
    camera, (frames, people) = film.camera, truth.joints.shape[:2]
    body_marks, seen_marks = _skeletons(drawn.body)
    numbers = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
    size = np.array([camera.width, camera.height], float)
    joints = truth.joints.astype(np.float64)
    marks, shown = (
        np.stack([_marks(s, truth, p) for p in range(people)], 1) for s in (body_marks, seen_marks)
    )
    points = np.concatenate([marks, joints], 2)
    world = np.einsum("tba,tpkb->tpka", truth.camera_rotations, points)
    world = world + truth.camera_positions[:, None, None]
    hidden = hidden_over_time(film, truth, world, rng)
    pixels = camera.project(points.astype(np.float32)).astype(np.float64)
    outside = ~((pixels >= -0.5) & (pixels < size - 0.5)).all(-1)
    own = np.stack([_own(points[:, p], joints[:, p]) for p in range(people)], 1)
    state = np.where(own, CLASSES.index("self_occluded"), CLASSES.index("visible"))
    state = np.where(hidden, CLASSES.index("hidden"), state)
    state = np.where(outside, CLASSES.index("outside"), state)
    where = np.nan_to_num(camera.project(shown.astype(np.float32)).astype(np.float64), nan=-1e3)
    where = np.clip(where, -size, 2 * size)
    found: list[list[Bodies]] = [[] for _ in range(frames)]
    rows: list[list[int]] = [[] for _ in range(frames)]
    picture = Frame(np.zeros((camera.height, camera.width, 3), np.uint8), camera, 0.0)
    for p in range(people):
        guess = stand_in_over_time(
            torch.tensor(where[:, p], dtype=torch.float32),
            torch.tensor(state[:, p, :33]),
            torch.tensor([-0.5, -0.5, *(size - 0.5)], dtype=torch.float32),
            torch.tensor(truth.stamps, dtype=torch.float32),
            load_measured(),
            numbers,
        )
        ahead = (points[:, p, :, 2] > 0.3).all(1)
        enough = (state[:, p, :33] <= 1).sum(1) >= LEAST_SEEN
        boxes, large = _boxes(guess.positions.numpy(), guess.confidence.numpy(), rng)
        good = np.flatnonzero(ahead & enough & large & guess.found.numpy())
        if not len(good):
            continue
        keypoints = torch.cat([guess.positions, guess.confidence[..., None]], -1).numpy()
        seen = People(
            boxes=boxes[good].astype(np.float32),
            scores=np.ones(len(good), np.float32),
            keypoints=keypoints[good].astype(np.float32),
            found=np.ones(len(good), bool),
            keypoint_set=KEYPOINT_SET,
            source=np.full(len(good), "given"),
        )
        bodies = product().bodies(picture, seen)
        for n, t in enumerate(good):
            if bodies.found[n]:
                found[t].append(bodies[n])
                rows[t].append(p)
    empty = product().bodies(picture, no_people(KEYPOINT_SET))
    visibility = np.where(state[:, :, 33:] == 0, VISIBLE, HIDDEN)
    visibility = np.where(state[:, :, 33:] == 1, SELF_OCCLUDED, visibility).astype(np.uint8)
    return [
        Glimpse(concatenate(found[t]) if found[t] else empty, np.array(rows[t], int), visibility[t])
        for t in range(frames)
    ]


@cache
def _skeletons(body) -> tuple[Skeleton, Skeleton]:
    """Landmarks of the body, and where BlazePose puts them."""
    return skeleton_of(body), skeleton_of(body, load_measured().offsets)


def _marks(skeleton: Skeleton, truth: SequenceTruth, person: int) -> np.ndarray:
    """[T, 33, 3] in the camera frame."""
    with torch.no_grad():
        betas = torch.tensor(truth.betas[person]).expand(len(truth.times), 10)
        _, marks = skeleton(torch.tensor(truth.rotations[:, person]), betas)
    return marks.numpy().astype(np.float64) + truth.joints[:, person, :1]


def _own(points: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """[T, K] bool: behind the person's own body."""
    tensors = (torch.tensor(v, dtype=torch.float32) for v in (points, joints))
    return keypoint_noise.self_occluded(*tensors).numpy()


def _boxes(
    positions: np.ndarray, confidence: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [T, 4] about the keypoints that are sure, and whether [T] they are large enough."""
    sure = (confidence > 0.2)[..., None]
    low = np.where(sure, positions, np.inf).min(1)
    high = np.where(sure, positions, -np.inf).max(1)
    fine = np.isfinite(low).all(1) & np.isfinite(high).all(1)
    low, high = np.where(fine[:, None], low, 0), np.where(fine[:, None], high, 0)
    side = (high - low).max(1, keepdims=True)
    off = side * (0.07 + LOOSE * rng.normal(0, 1, (len(low), 4)))
    low, high = low - off[:, :2], high + off[:, 2:]
    return np.concatenate([low, high - low], 1), fine & (side[:, 0] > LEAST_SIZE)
