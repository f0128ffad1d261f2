"""Smoothing and the network over time on films that the pipeline has followed already.

As SynOcc video, without drawing a picture: the bodies of single frames are read from disk
(``hmr_ros.data.films``), and who is who is known. For choosing settings, on the split ``val``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from hmr_ros.batch import concatenate
from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import rest_joints, with_pelvis
from hmr_ros.body.model import BodyModel
from hmr_ros.data.films import FILMS, Film, films_of
from hmr_ros.evaluation.synocc.watching import UNREPORTED, ClipTruth, Watched, region_quantiles
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import pose_from_y_up
from hmr_ros.runtime.calibration import AT_ITS_WORD, Calibration, blended, class_shares
from hmr_ros.runtime.temporal import Temporal
from hmr_ros.tracking.rollout import Rollout
from hmr_ros.tracking.track import Track, new_track

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)  # any: films are kept as rays
Stages = dict[str, tuple[SimpleNamespace, Temporal | None]]


def replayed(
    folder: Path, body: BodyModel, stages: Stages, posed: bool = True
) -> list[tuple[ClipTruth, dict]]:
    """Films of a folder with each stage's report, as ``video_rows`` takes them. stages: settings of
    smoothing (``hmr_ros.parameters``) and the network over time, or None, by name. posed: whether
    that is told where the camera is, by its odometry."""
    clips, own = [], calibration_of_films(folder)
    for number, film in enumerate(films_in([folder])):
        truth, said = truth_of(film, body, number), {}
        for name, stage in stages.items():
            said[name] = said_of(film, truth, published_of(film, body, *stage, posed, own))
        clips.append((truth, said))
    return clips


def films_in(folders: Iterable[Path]) -> Iterator[Film]:
    """The films of all folders in which somebody is seen, in order. Raises ``FilmError`` as
    ``films_of``."""
    for folder in folders:
        yield from (film for film in films_of(folder, "val") if film.seen.any())


def truth_of(film: Film, body: BodyModel, number: int) -> ClipTruth:
    """Everybody counts where the pipeline saw them."""
    frames, people = film.seen.shape
    betas = np.tile(film.true_betas, (frames, 1))
    rotations = film.true_rotations.reshape(-1, 24, 3, 3)
    joints, _ = with_pelvis(body, rotations, betas, film.true_pelvis.reshape(-1, 3))
    joints = joints.reshape(frames, people, 24, 3)
    return ClipTruth(
        number=number,
        level="light",
        kind="any",
        joints=joints,
        world=_world(film, joints),
        visibility=film.true_visibility,
        counted=film.seen,
        times=film.stamps - film.stamps[0],
        fps=float(1 / np.median(np.diff(film.stamps))),
    )


def calibration_of_films(folder: Path) -> Calibration:
    """That of the bodies in the films of ``folder``, whose covariances have its factors. Raises
    ``FilmError`` for a folder without films."""
    told = FILMS.manifest(folder).get("bodies", {}).get("calibration", {})
    return Calibration(**{n: tuple(v) if isinstance(v, list) else v for n, v in told.items()})


@dataclass(frozen=True)
class PublishedFrame:
    """Of frame ``t``, people ``rows`` [N] of a film: ``corrected``, what smoothing was given, and
    ``bodies``, what is published."""

    t: int
    rows: np.ndarray
    corrected: Bodies
    bodies: Bodies


def published_of(
    film: Film,
    body: BodyModel,
    settings: SimpleNamespace,
    stage: Temporal | None,
    posed: bool = True,
    own: Calibration = AT_ITS_WORD,
) -> Iterator[PublishedFrame]:
    """The frames of a film in which somebody is seen. settings, stage, posed: as of ``replayed``.
    own: calibration of the film's bodies, whose tails they are given."""
    tracks: dict[int, Track] = {}
    smoothing = (settings.smoothing, settings.smoothing_cutoff_hz, settings.smoothing_speed)
    if stage is not None:
        stage.reset()
    for t, stamp in enumerate(film.stamps):
        rows, stamp = np.flatnonzero(film.seen[t]), float(stamp)
        if not len(rows):
            continue
        bodies, walk = bodies_of(film, body, t, rows, own), None
        pose = pose_from_y_up(film.odometry_rotations[t], film.odometry_positions[t])
        pose = pose if posed else None
        if stage is not None:
            bodies, walk = stage(bodies, rows, CAMERA, stamp, pose)
        for n, p in enumerate(rows):
            walks = None if walk is None else walk[n]
            if p in tracks and stamp - tracks[p].last_stamp <= settings.forget_s:
                tracks[p].update(bodies[n], stamp, walks, pose)
            else:
                rollout = None if walk is None else Rollout(body)
                tracks[p] = new_track(int(p), bodies[n], stamp, *smoothing, rollout, walks, pose)
        kept = concatenate([tracks[p].body for p in rows])
        pelvis = kept.transl + rest_joints(body, kept.betas)[:, 0]
        joints, _ = with_pelvis(body, kept.rotations, kept.betas, pelvis)
        yield PublishedFrame(t, rows, bodies, kept.replace(joints=joints))


def said_of(film: Film, truth: ClipTruth, frames: Iterable[PublishedFrame]) -> Watched:
    """What is published of the people of a film, by its ``frames``; nothing of identities and of
    speed."""
    joints = np.full(truth.joints.shape, np.nan, np.float32)
    quantile = np.full(truth.joints.shape[:3], np.nan, np.float32)
    for frame in frames:
        at = frame.t, frame.rows
        joints[at] = frame.bodies.joints
        quantile[at] = region_quantiles(frame.bodies, truth.joints[at])
    ids = np.where(film.seen, np.arange(film.seen.shape[1]), UNREPORTED)
    return Watched(joints, _world(film, joints), quantile, ids, [], np.zeros(0))


def bodies_of(
    film: Film, body: BodyModel, t: int, rows: np.ndarray, own: Calibration = AT_ITS_WORD
) -> Bodies:
    """The bodies of single frames, before anything is smoothed, with the tails of ``own``."""
    rotations, betas = film.rotations[t, rows].astype(np.float32), film.betas[t, rows]
    joints, transl = with_pelvis(body, rotations, betas, film.pelvis[t, rows])
    scale, centre = [CAMERA.fx, CAMERA.fy], [CAMERA.cx, CAMERA.cy]
    keypoints = film.keypoints[t, rows].copy()
    keypoints[..., :2] = keypoints[..., :2] * scale + centre
    box = film.box[t, rows].reshape(-1, 2, 2) * scale + centre
    shares = class_shares(film.visibility[t, rows], joints, body)
    tails = blended(own.joint_tails, shares).astype(np.float32)
    tails[:, 0] = own.place_tail
    return Bodies(
        global_orient=rotations[:, 0],
        body_pose=rotations[:, 1:],
        betas=betas,
        transl=transl,
        joints=joints,
        joint_cov=film.joint_cov[t, rows],
        joint_tails=tails,
        transl_cov=film.transl_cov[t, rows],
        visibility=film.visibility[t, rows],
        joints_2d=CAMERA.project(joints),
        keypoints_2d=keypoints,
        boxes=np.concatenate([box[:, 0], box[:, 1] - box[:, 0]], 1).astype(np.float32),
        scores=np.ones(len(rows), np.float32),
        found=np.ones(len(rows), bool),
        metric=np.ones(len(rows), bool),
    )


def _world(film: Film, joints: np.ndarray) -> np.ndarray:
    turned = np.einsum("tba,tpjb->tpja", film.camera_rotations, joints.astype(float))
    return turned + film.camera_positions[:, None, None]
