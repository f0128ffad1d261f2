"""Figures of watched clips: poses, paths, smoothness, identity and speed, by model and level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.evaluation.bootstrap import mean_interval, ratio_interval
from hmr_ros.evaluation.calibration import LEVELS as REGIONS
from hmr_ros.evaluation.calibration import inside
from hmr_ros.evaluation.identity_metrics import OVERALL, tracking_scores
from hmr_ros.evaluation.keypoint_metrics import image_errors
from hmr_ros.evaluation.motion_metrics import acceleration_errors
from hmr_ros.evaluation.persistence import runs
from hmr_ros.evaluation.pose_metrics import HIPS, aligned_errors, joint_errors, pck3d
from hmr_ros.evaluation.subsets import LIMB, STATES
from hmr_ros.evaluation.synocc.still import LEVELS
from hmr_ros.evaluation.synocc.video_motion import (
    lastingly_hidden,
    motion_of,
    sliding_of,
    smoothness_of,
)
from hmr_ros.evaluation.synocc.watching import ClipTruth, Watched
from hmr_ros.evaluation.trajectory_metrics import (
    root_translation_errors,
    world_aligned_errors,
)

ROUNDS = 1000
Clips = Sequence[tuple[ClipTruth, Mapping[str, Watched]]]


def video_rows(clips: Clips) -> list[dict]:
    """One row a model and level; errors in millimetres over the 12 limb joints.

    ``n``: people in frames; ``recall``: share of them that were reported. ``mpjpe_mm`` and
    ``pa_mpjpe_mm``: reported ones, about the middle of the hips; ``lasting_mm``: their joints that
    something hides for a second or more; ``in_view_percent``: how far visible ones are off in the
    image, in hundredths of the longer side of the person's joints; ``inside50_visible``,
    ``inside90_hidden``, ...: share of their joints in that state that the regions about the pelvis
    hold, as published. ``root_mm``: the pelvis in the camera frame.
    ``w_mpjpe_mm``, ``wa_mpjpe_mm``, ``rte_percent``: in the world, the camera path being known, as
    tf gives it on a robot; people who are lost stand still. ``acceleration``: m/s^2, error about
    the hips; ``jitter`` and ``true_jitter``: m/s^3 in the world, and ``sliding_mm``: a frame, of
    feet that truly rest, on runs of frames in which the person is reported. Identity figures as
    motmetrics'. ``fps``: frames a second of the pipeline alone. Where nothing was noted of
    identities or of speed, their figures are missing. Intervals redraw clips.
    """
    names = list(clips[0][1])
    levels = ["all", *(x for x in LEVELS if any(truth.level == x for truth, _ in clips))]
    rows = []
    for level in levels:
        chosen = [(truth, said) for truth, said in clips if level in ("all", truth.level)]
        for name in names:
            head = {"model": name, "subset": "all", "level": level, "clips": len(chosen)}
            rows.append(head | figures([(truth, said[name]) for truth, said in chosen]))
    return rows


def figures(clips: Sequence[tuple[ClipTruth, Watched]]) -> dict:
    """Figures of one model on some clips; see ``video_rows``."""
    values: dict[str, list[tuple[int, np.ndarray]]] = {}

    def note(name: str, clip: int, numbers: np.ndarray) -> None:
        values.setdefault(name, []).append((clip, np.ravel(numbers)))

    for truth, said in clips:
        clip = truth.number
        for p in range(truth.joints.shape[1]):
            _frames(note, clip, truth, said, p)
            _motion(note, clip, truth, said, p)
    row: dict = {"n": int(sum(truth.counted.sum() for truth, _ in clips))}
    intervals = {}
    for name, parts in values.items():
        numbers = np.array([v.sum() for _, v in parts], float)
        weights = np.array([len(v) for _, v in parts], float)
        estimate = ratio_interval(numbers, weights, np.array([c for c, _ in parts]), ROUNDS)
        row[name], intervals[name] = estimate.value, [estimate.low, estimate.high]
    if any(said.identities for _, said in clips):
        identities = {str(truth.number): said.identities for truth, said in clips}
        scores = tracking_scores(identities)[OVERALL]
        for name in ("mota", "idf1", "precision", "switches", "fragmentations"):
            row[name] = scores[name]
    seconds = np.concatenate([said.seconds for _, said in clips])
    if len(seconds):
        row["fps"] = float(1 / seconds.mean())
        row["p95_ms"] = float(1e3 * np.percentile(seconds, 95))
    return row | {"ci95": intervals}


def _frames(note, clip: int, truth: ClipTruth, said: Watched, p: int) -> None:
    """Figures of single frames of one person."""
    limb = list(LIMB)
    counted = truth.counted[:, p]
    reported = counted & np.isfinite(said.joints[:, p]).all((1, 2))
    note("recall", clip, reported[counted])
    if not counted.any():
        return
    if not reported.any():
        note("pck3d", clip, np.zeros(counted.sum() * len(limb)))
        return
    guess, true = said.joints[reported, p].astype(float), truth.joints[reported, p].astype(float)
    error = joint_errors(guess, true, HIPS)[:, limb]
    note("mpjpe_mm", clip, 1e3 * error)
    note("lasting_mm", clip, 1e3 * error[lastingly_hidden(truth, p)[reported]])
    quantile = said.quantile[reported, p][:, limb]
    visibility = truth.visibility[reported, p][:, limb]
    off = image_errors(guess, true)[:, limb]
    note("in_view_percent", clip, 100 * off[visibility == VISIBLE])
    for name, state in STATES.items():
        for level in REGIONS:
            held = inside(quantile[visibility == state], level)
            note(f"inside{100 * level:.0f}_{name}", clip, held)
    note("pa_mpjpe_mm", clip, 1e3 * aligned_errors(guess[:, limb], true[:, limb]))
    note("root_mm", clip, 1e3 * np.linalg.norm(guess[:, 0] - true[:, 0], axis=-1))
    lost = np.zeros((counted & ~reported).sum() * len(limb))
    note("pck3d", clip, np.concatenate([pck3d(error).ravel(), lost]))


def _motion(note, clip: int, truth: ClipTruth, said: Watched, p: int) -> None:
    """Figures of one person's motion: from the first counted frame to the last."""
    motion = motion_of(truth, said, p)
    if motion is None:
        return
    limb = list(LIMB)
    note("w_mpjpe_mm", clip, 1e3 * motion.w_mpjpe)
    note(
        "wa_mpjpe_mm", clip, 1e3 * world_aligned_errors(motion.whole[:, limb], motion.true[:, limb])
    )
    path = root_translation_errors(motion.whole[:, 0], motion.true[:, 0])
    if np.isfinite(path).all():
        note("rte_percent", clip, path)
    for run in runs(motion.reported):
        a, b = motion.guess[run], motion.true[run]
        if len(a) > 2:
            about = [(m - _hips(m))[:, limb] for m in (a, b)]
            note("acceleration", clip, acceleration_errors(*about, truth.fps))
    for name, values in zip(
        ("jitter", "true_jitter"), smoothness_of(motion, truth.fps), strict=True
    ):
        note(name, clip, values)
    note("sliding_mm", clip, 1e3 * sliding_of(motion, truth.fps))


def _hips(joints: np.ndarray) -> np.ndarray:
    return joints[:, list(HIPS)].mean(1, keepdims=True)


def over_time(clips: Clips, name: str, field: str, bins: np.ndarray) -> list[tuple]:
    """(value, low, high) of ``mpjpe_mm`` or ``recall`` by seconds since the clip began."""
    found = []
    for low, high in zip(bins[:-1], bins[1:], strict=True):
        values, masks, labels = [], [], []
        for truth, said in clips:
            frames = (truth.times >= low) & (truth.times < high)
            counted = truth.counted[frames]
            joints = said[name].joints[frames]
            reported = counted & np.isfinite(joints).all((2, 3))
            if field == "recall":
                values.append(reported.ravel().astype(float))
                masks.append(counted.ravel())
            else:
                flat = joints.reshape(-1, 24, 3).astype(float)
                true = truth.joints[frames].reshape(-1, 24, 3).astype(float)
                values.append(1e3 * joint_errors(flat, true, HIPS)[:, list(LIMB)].mean(1))
                masks.append(reported.ravel())
            labels.append(np.full(counted.size, truth.number))
        mask = np.concatenate(masks)
        if not mask.any():
            found.append((np.nan, np.nan, np.nan))
            continue
        estimate = mean_interval(
            np.concatenate(values), mask, np.concatenate(labels), rounds=ROUNDS
        )
        found.append((estimate.value, estimate.low, estimate.high))
    return found
