"""Plays clips to the pipeline and notes down who was reported where."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.sequences.sequence import Sequence
from hmr_ros.evaluation.calibration import joint_quantiles
from hmr_ros.evaluation.identity_metrics import Frame as IdentityFrame
from hmr_ros.evaluation.identity_metrics import matches, without
from hmr_ros.evaluation.synocc.matching import SAME, gaps
from hmr_ros.evaluation.synocc.still import counted_people
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera_pose import pose_from_y_up
from hmr_ros.pipeline import Pipeline
from hmr_ros.tracks import TrackState

UNREPORTED = -1


@dataclass(frozen=True, eq=False)
class Watched:
    """What one model said about the P people of a clip of T frames; NaN where nothing.

    joints:     [T, P, 24, 3] camera frame, metres. world: the same through the true camera path.
    quantile:   [T, P, 24] probability of the smallest region about the pelvis, as published, that
                holds the true joint; NaN for the pelvis.
    ids:        [T, P] identity reported for the person, ``UNREPORTED`` for none.
    identities: T frames as ``identity_metrics`` takes them; uncounted people are neither asked
                for nor wrong. Empty where nothing was noted.
    seconds:    [T] that the pipeline took; [0] where nothing was noted.
    """

    joints: np.ndarray
    world: np.ndarray
    quantile: np.ndarray
    ids: np.ndarray
    identities: list[IdentityFrame]
    seconds: np.ndarray


@dataclass(frozen=True, eq=False)
class ClipTruth:
    """joints, world: [T, P, 24, 3] metres. visibility: [T, P, 24]. counted: [T, P] bool, as in
    SynOcc still. times: [T] seconds. level, kind: of the clip."""

    number: int
    level: str
    kind: str
    joints: np.ndarray
    world: np.ndarray
    visibility: np.ndarray
    counted: np.ndarray
    times: np.ndarray
    fps: float


def watch(
    clip: Sequence,
    pictures: Iterable[RenderedImage],
    pipelines: dict[str, Pipeline],
    number: int,
    level: str,
    kind: str,
    posed: bool = True,
) -> tuple[ClipTruth, dict[str, Watched]]:
    """Show every picture once to every pipeline, in the order of time; if ``posed``, with the
    camera's pose as a robot's odometry has it."""
    for pipeline in pipelines.values():
        pipeline.reset()
    truth = clip.truth(next(iter(pipelines.values())).body)
    visibility, counted = [], []
    notes: dict[str, list] = {name: [] for name in pipelines}
    for t, picture in enumerate(pictures):
        rows = np.zeros(len(picture.joints), bool)
        rows[counted_people(picture)] = True
        visibility.append(picture.visibility)
        counted.append(rows)
        odometry = truth.odometry
        pose = pose_from_y_up(odometry.rotations[t], odometry.positions[t]) if posed else None
        image, stamp = np.ascontiguousarray(picture.image), float(truth.stamps[t])
        frame = Frame(image, picture.camera, stamp, pose=pose)
        for name, pipeline in pipelines.items():
            notes[name].append(_note(pipeline, frame, picture, rows))
    said = {name: _watched(parts, truth) for name, parts in notes.items()}
    known = ClipTruth(
        number=number,
        level=level,
        kind=kind,
        joints=truth.joints,
        world=truth.joints_world,
        visibility=np.array(visibility),
        counted=np.array(counted),
        times=truth.times,
        fps=clip.fps,
    )
    return known, said


def _note(pipeline: Pipeline, frame: Frame, picture: RenderedImage, counted: np.ndarray) -> tuple:
    started = time.perf_counter()
    tracks = pipeline(frame)
    taken = time.perf_counter() - started
    # Coasting tracks are predictions of where somebody is who is not seen: they report nobody.
    now = tracks.states == TrackState.TRACKED
    bodies, ids = tracks.bodies[now], tracks.ids[now]
    distances = gaps(bodies.joints_2d, picture.joints_2d, picture.visibility, picture.boxes)
    distances = np.where(distances < SAME, distances, np.nan)
    people = np.arange(len(picture.joints))
    identity = without(IdentityFrame(people, ids, distances), ~counted)
    return bodies, ids, distances, identity, taken


def _watched(parts: list[tuple], truth) -> Watched:
    shape = truth.joints.shape
    joints = np.full(shape, np.nan, np.float32)
    quantile = np.full(shape[:3], np.nan, np.float32)
    ids = np.full(shape[:2], UNREPORTED, np.int64)
    for t, (said, names, distances, _, _) in enumerate(parts):
        people, rows = matches(distances)
        joints[t, people] = said.joints[rows]
        quantile[t, people] = region_quantiles(said[rows], truth.joints[t, people])
        ids[t, people] = names[rows]
    turn, eye = truth.camera_rotations, truth.camera_positions
    world = np.einsum("tba,tpjb->tpja", turn, joints.astype(float)) + eye[:, None, None]
    identities, seconds = [p[3] for p in parts], np.array([p[4] for p in parts])
    return Watched(joints, world, quantile, ids, identities, seconds)


def region_quantiles(bodies: Bodies, true: np.ndarray) -> np.ndarray:
    """``Watched.quantile`` [N, 24] of bodies as published, by true joints [N, 24, 3]."""
    off = (true - true[:, :1]) - (bodies.joints - bodies.joints[:, :1])
    return joint_quantiles(off, bodies.joint_cov, bodies.joint_tails)
