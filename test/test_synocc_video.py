"""SynOcc video's figures, on motions whose errors are known; and a short clip from end to end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_bodies import somebody
from rich.console import Console
from scipy.stats import chi2

from hmr_ros.body.model import FEET, load_body_model
from hmr_ros.cli.synocc_tables import regions_table
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.evaluation.identity_metrics import Frame
from hmr_ros.evaluation.persistence import runs
from hmr_ros.evaluation.report.video_report import video_report
from hmr_ros.evaluation.synocc.video import CLIPS, kind_of, level_of
from hmr_ros.evaluation.synocc.video_comparisons import video_comparisons
from hmr_ros.evaluation.synocc.video_rows import figures, over_time, video_rows
from hmr_ros.evaluation.synocc.watching import (
    UNREPORTED,
    ClipTruth,
    Watched,
    region_quantiles,
)

FRAMES, FPS = 60, 15.0


def made_clip(number: int, people: int = 2) -> ClipTruth:
    """People who walk 4 m along x with 1 m between them; the camera stands at the origin."""
    rng = np.random.default_rng(number)
    shape = rng.normal(0, 0.3, (1, people, 24, 3))
    path = np.linspace(0, 4, FRAMES)[:, None] * [1.0, 0, 0]
    joints = shape + path[:, None, None] + np.array([[[0, 0, 5.0]], [[0, 0, 6.0]]])[:people]
    return ClipTruth(
        number=number,
        level=level_of(number),
        kind=kind_of(number),
        joints=joints,
        world=joints,
        visibility=np.full((FRAMES, people, 24), VISIBLE, np.uint8),
        counted=np.ones((FRAMES, people), bool),
        times=np.arange(FRAMES) / FPS,
        fps=FPS,
    )


def said_of(truth: ClipTruth, joints: np.ndarray, lost=(), swapped_from: int = FRAMES) -> Watched:
    """Reports ``joints`` but for the (frame, person) in ``lost``; the two identities change places
    at the frame ``swapped_from``."""
    joints = joints.copy()
    ids = np.tile([7, 9], (FRAMES, 1))
    ids[swapped_from:] = [9, 7]
    for t, p in lost:
        joints[t, p], ids[t, p] = np.nan, UNREPORTED
    frames = []
    for t in range(FRAMES):
        there = np.flatnonzero(ids[t] != UNREPORTED)
        distances = np.full((2, len(there)), np.nan)
        distances[there, np.arange(len(there))] = 0.01
        frames.append(Frame(np.arange(2), ids[t, there], distances))
    seconds, quantile = np.full(FRAMES, 0.05), np.full((FRAMES, 2, 24), np.nan)
    return Watched(joints, joints.astype(float), quantile, ids, frames, seconds)


def test_clips_take_turns_in_level_and_camera():
    pairs = [(level_of(n), kind_of(n)) for n in range(CLIPS)]
    assert len(set(pairs)) == 18 and min(pairs.count(p) for p in set(pairs)) >= 3
    assert [level_of(n) for n in range(4)] == ["light", "medium", "heavy", "light"]


def test_the_truth_is_without_fault():
    truth = made_clip(0)
    row = figures([(truth, said_of(truth, truth.joints))])
    for name in ("mpjpe_mm", "pa_mpjpe_mm", "root_mm", "w_mpjpe_mm", "wa_mpjpe_mm", "rte_percent"):
        assert row[name] == pytest.approx(0, abs=1e-6), name
    assert row["acceleration"] == pytest.approx(0, abs=1e-6)
    assert row["recall"] == row["mota"] == row["idf1"] == row["precision"] == row["pck3d"] == 1
    assert (row["switches"], row["fps"]) == (0, pytest.approx(20)) and row["n"] == 2 * FRAMES


def test_a_body_in_the_wrong_place_is_right_in_pose_and_after_alignment():
    truth = made_clip(0)
    row = figures([(truth, said_of(truth, truth.joints + [0, 0, 0.5]))])
    assert row["mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    assert row["root_mm"] == pytest.approx(500)
    assert row["w_mpjpe_mm"] == pytest.approx(0, abs=1e-6)


def test_swapped_identities_and_lost_people_are_counted():
    truth = made_clip(0)
    swapped = figures([(truth, said_of(truth, truth.joints, swapped_from=30))])
    assert swapped["switches"] == 2 and swapped["idf1"] == pytest.approx(0.5)
    assert swapped["mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    lost = [(t, 0) for t in range(30, FRAMES)]
    row = figures([(truth, said_of(truth, truth.joints, lost))])
    assert row["recall"] == pytest.approx(0.75) and row["pck3d"] == pytest.approx(0.75)
    # Whoever is lost stands still while the truth walks on.
    assert row["mpjpe_mm"] == pytest.approx(0, abs=1e-6) and row["w_mpjpe_mm"] > 200


def test_regions_are_counted_by_what_the_joint_is_of_people_who_are_reported():
    truth = made_clip(0)
    truth.visibility[:, :, 20] = HIDDEN  # a wrist
    truth.visibility[:, :, 10] = HIDDEN  # a foot, which is none of the twelve limb joints
    said = said_of(truth, truth.joints, lost=[(t, 1) for t in range(30, FRAMES)])
    quantile = np.full((FRAMES, 2, 24), 0.3)
    quantile[:, 0, 20] = 0.95  # of 90 wrists of reported people, 60 are out of their region
    quantile[:, 1, 20] = 0.8
    quantile[:45, :, 4] = 0.7  # a knee, of 990 joints that are seen
    quantile[:, :, 0], quantile[:, :, 10] = np.nan, 1.0
    row = figures([(truth, replace(said, quantile=quantile))])
    assert row["inside50_hidden"] == 0 and row["inside90_hidden"] == pytest.approx(1 / 3)
    assert row["inside90_visible"] == 1
    assert row["inside50_visible"] == pytest.approx(1 - (45 + 30) / (90 * 11))
    assert "inside90_self_occluded" not in row or np.isnan(row["inside90_self_occluded"])


def test_published_regions_hold_a_joint_by_their_covariance_and_tail():
    """On the border of the region of 90 %, whatever the tail, which the region of 50 % tells
    apart; about the pelvis, wherever that is."""
    body = load_body_model()
    bodies = somebody(body, 0.0, 4.0)
    cov = np.tile(np.diag([0.04, 0.01, 0.0025]).astype(np.float32), (1, 24, 1, 1))
    tails = np.zeros((1, 24), np.float32)
    tails[0, 5] = 0.25
    bodies = bodies.replace(joint_cov=cov, joint_tails=tails)
    true = bodies.joints + np.array([1.0, -2, 3])
    true[0, 4, 1] += 0.1 * np.sqrt(chi2.ppf(0.9, 3))
    true[0, 5, 0] -= 0.2 * np.sqrt(chi2.ppf(0.9, 3))
    true[0, 7, 2] += 0.05 * np.sqrt(chi2.ppf(0.5, 3))
    found = region_quantiles(bodies, true)
    assert np.isnan(found[0, 0])
    assert region_quantiles(bodies[:0], true[:0]).shape == (0, 24)  # a frame without anybody
    assert found[0, [4, 5, 7, 8]] == pytest.approx([0.9, 0.9, 0.5, 0], abs=1e-4)
    true[0, 5] = true[0, 0] + (bodies.joints[0, 5] - bodies.joints[0, 0])
    true[0, 5, 0] -= 0.2 * np.sqrt(chi2.ppf(0.5, 3))
    assert region_quantiles(bodies, true)[0, 5] > 0.55  # heavier tails: a smaller region holds half


def test_trembling_shows_in_acceleration_and_jitter():
    truth = made_clip(0)
    tremble = truth.joints + 0.01 * (-1.0) ** np.arange(FRAMES)[:, None, None, None]
    one_joint = truth.joints.copy()
    one_joint[..., 20, :] = tremble[..., 20, :]
    row = figures([(truth, said_of(truth, one_joint))])
    # Second difference of +-a is 4a, third 8a, in three axes; one of the twelve joints trembles.
    assert row["acceleration"] == pytest.approx(4 * 0.01 * 3**0.5 * FPS**2 / 12)
    assert row["jitter"] - row["true_jitter"] == pytest.approx(8 * 0.01 * 3**0.5 * FPS**3 / 12)


def test_runs_of_frames():
    assert runs(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [slice(0, 2), slice(3, 4), slice(6, 7)]
    assert runs(np.zeros(3, bool)) == []


def test_rows_by_level_over_time_and_the_report():
    clips = []
    for number in range(6):
        truth = made_clip(number)
        late = truth.joints.copy()
        late[30:, :, 20] += [0.12, 0, 0]
        lost = [(t, 1) for t in range(15)]
        clips.append((truth, {"a": said_of(truth, late, lost), "b": said_of(truth, truth.joints)}))
    rows = video_rows(clips)
    assert [(r["level"], r["model"], r["clips"]) for r in rows[:3]] == [
        ("all", "a", 6), ("all", "b", 6), ("light", "a", 2),
    ]  # fmt: skip
    bins = np.array([0, 1, 2, 3, 4.0])
    errors = [v[0] for v in over_time(clips, "a", "mpjpe_mm", bins)]
    assert errors == pytest.approx([0, 0, 10, 10], abs=1e-6)
    assert [v[0] for v in over_time(clips, "a", "recall", bins)] == pytest.approx([0.5, 1, 1, 1])
    text = video_report(clips, rows, {"command": "x"}, 1)
    assert "6 rendered clips" in text and "Over time" in text and "https:" not in text
    assert "self-occluded, 90 %" in text and "nan" not in text.partition("Uncertainty")[2][:4000]


@pytest.mark.slow
def test_a_short_clip_from_end_to_end(shared_data):
    from hmr_ros.data.motions import load_motions
    from hmr_ros.evaluation.synocc.models import load_model
    from hmr_ros.evaluation.synocc.video import video_source
    from hmr_ros.evaluation.synocc.watching import watch

    body, motions = load_body_model(), load_motions(shared_data / "motions.npz")
    source = video_source(body, motions, frames=16)
    clip = source.clip(0)
    again = source.clip(0)
    assert all(
        np.array_equal(a.transl, b.transl) for a, b in zip(clip.actors, again.actors, strict=True)
    )
    inner = load_model("lifter", body, motions).pipeline
    poses = []

    class Noting:
        body, reset = inner.body, inner.reset

        def __call__(self, frame):
            poses.append(frame.pose)
            return inner(frame)

    pipelines = {"lifter": Noting()}
    truth, said = watch(clip, source.pictures(clip), pipelines, 0, "light", "static")
    assert truth.joints.shape == said["lifter"].joints.shape == (16, len(clip.actors), 24, 3)
    row = figures([(truth, said["lifter"])])
    assert row["n"] == truth.counted.sum() and row["fps"] > 0.2
    # Through the true camera path, the truth of the camera frame is the truth of the world.
    known = clip.truth(body)
    turn, eye = known.camera_rotations, known.camera_positions
    world = np.einsum("tba,tpjb->tpja", turn, truth.joints.astype(float)) + eye[:, None, None]
    assert np.abs(world - truth.world).max() < 1e-5
    # The pipeline is told what odometry says, or nothing.
    for pose, *said_by in zip(
        poses, known.odometry.rotations, known.odometry.positions, strict=True
    ):
        assert all(np.allclose(a, b) for a, b in zip(pose.y_up(), said_by, strict=True))
    poses.clear()
    first = [next(iter(source.pictures(clip)))]
    watch(clip, first, pipelines, 0, "light", "static", posed=False)
    assert poses == [None]


def test_lasting_occlusion_sliding_and_ratios_count_what_they_say():
    truth = made_clip(0)
    visibility = truth.visibility.copy()
    visibility[10:40, 0, 20] = HIDDEN  # a wrist, for two seconds
    visibility[10:15, 1, 20] = HIDDEN  # for a third of one: it does not count
    truth = replace(truth, visibility=visibility)
    # Nobody's feet move in the truth but with the walk: let them rest, and one model slide.
    joints = truth.joints.copy()
    joints[..., FEET, :] = joints[:1, :, FEET]
    truth = replace(truth, joints=joints, world=joints)
    steady, sliding = joints.copy(), joints.copy()
    sliding[..., FEET, 0] += 0.01 * np.arange(FRAMES)[:, None, None]
    steady[:, :, 20] += [0.1, 0, 0]
    sliding[:, :, 20] += [0.3, 0, 0]
    said = {"a": said_of(truth, steady), "b": said_of(truth, sliding)}
    rows = {r["model"]: r for r in video_rows([(truth, said)]) if r["level"] == "all"}
    assert rows["a"]["lasting_mm"] == pytest.approx(100, abs=0.1)
    assert rows["b"]["lasting_mm"] == pytest.approx(300, abs=0.1)
    assert rows["a"]["sliding_mm"] == pytest.approx(0, abs=1e-3)
    assert rows["b"]["sliding_mm"] == pytest.approx(10, abs=1e-3)
    (found,) = video_comparisons([(truth, said)])
    assert (found["model"], found["versus"]) == ("b", "a")
    assert found["lasting"] == pytest.approx(3, abs=1e-3)


def test_joints_in_view_are_judged_in_the_image():
    truth = made_clip(0, 1)
    visibility = truth.visibility.copy()
    visibility[:, 0, 5] = HIDDEN
    truth = replace(truth, visibility=visibility)
    near, aside = truth.joints.copy(), truth.joints.copy()
    near[:, 0] *= 0.8  # along the lines of sight: nothing changes in the image
    aside[:, 0, 4, 1] += 0.2
    aside[:, 0, 5, 1] += 9  # who is hidden is not asked for
    rows = [figures([(truth, said_of(truth, joints))]) for joints in (near, aside)]
    assert rows[0]["in_view_percent"] == pytest.approx(0, abs=1e-3)
    seen = truth.joints[:, 0, :, :2] / truth.joints[:, 0, :, 2:]
    off = 0.2 / truth.joints[:, 0, 4, 2] / np.ptp(seen, axis=1).max(1)
    assert rows[1]["in_view_percent"] == pytest.approx(100 * off.mean() / 11, rel=1e-4)
    said = {"a": said_of(truth, aside), "b": said_of(truth, 0.8 * truth.joints + 0.2 * aside)}
    (found,) = video_comparisons([(truth, said)])
    assert found["in_view"] == pytest.approx(0.2, abs=1e-3)


def test_what_was_not_measured_of_regions_is_a_dash(capsys):
    row = {"level": "all", "model": "a", "inside50_visible": 0.5, "inside90_visible": 0.9}
    row |= {"inside50_hidden": np.nan, "inside90_hidden": np.nan}
    row["ci95"] = {"inside50_visible": [0.45, 0.55], "inside50_hidden": [np.nan, np.nan]}
    Console(width=120).print(regions_table([row, row | {"level": "heavy"}]))
    shown = capsys.readouterr().out
    assert shown.count("50 (45..55) / 90") == 1 and shown.count("- / -") == 2 and "nan" not in shown
