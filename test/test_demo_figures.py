"""What the demo counts and says, from made-up observations with known answers."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from node_fakes import standing

from hmr_ros.demo.default_video import FALLBACK, INTRINSICS, cached_video, default_source
from hmr_ros.demo.figures import figures
from hmr_ros.demo.live_table import headless_line, live_view
from hmr_ros.demo.observation import BodiesSeen, Observation
from hmr_ros.demo.person_rows import PersonRows
from hmr_ros.demo.summary import summary_lines
from hmr_ros.drawing.film import film
from hmr_ros.geometry.rotations import quaternion_from_matrix
from hmr_ros.node.tracks_message import tracks_from_message
from hmr_ros.sources.intrinsics import camera_of
from hmr_ros.tracks import TrackState

STEP_NS = 100_000_000
TRACKED, COASTING = int(TrackState.TRACKED), int(TrackState.COASTING)


def body(number, state=TRACKED, position=(0.0, 0.0, 5.0), hidden=0):
    x, y, z = position
    point = SimpleNamespace(x=x, y=y, z=z)
    variances = np.tile(np.eye(3).ravel() * 0.01, 24)  # 10 cm
    variances[: 9 * hidden] *= 9  # 30 cm
    return SimpleNamespace(
        id=number,
        tracking_state=state,
        age=1.0,
        metric=True,
        pelvis=SimpleNamespace(pose=SimpleNamespace(position=point)),
        visibility=np.r_[np.zeros(hidden), np.ones(24 - hidden)],
        joint_covariances=variances,
        box=[0, 0, 10, 20],
    )


def seen(number, bodies, latency_ms=50.0):
    stamp = number * STEP_NS
    header = SimpleNamespace(stamp=SimpleNamespace(sec=stamp // 10**9, nanosec=stamp % 10**9))
    return BodiesSeen(
        stamp, stamp + int(latency_ms * 1e6), SimpleNamespace(header=header, bodies=bodies)
    )


def test_lost_frames_rates_people_and_ids():
    sent = [i * STEP_NS for i in range(100)]
    two = [body(1), body(2)]
    answered = [seen(i, two, latency_ms=i) for i in range(100) if i not in (7, 50, 51)]
    answered[-1].message.bodies.append(body(9, COASTING))
    arrivals = {"/tf": [0.05 * i for i in range(41)], "/quiet": [1.0]}
    f = figures(sent, answered, arrivals)
    assert (f["frames_sent"], f["frames_processed"], f["frames_lost"]) == (100, 97, 3)
    # 97 messages; the last comes 9.9 s + 99 ms after the first.
    assert f["bodies_hz"] == pytest.approx(96 / 9.999, abs=0.01)
    assert f["people_median"] == 2 and f["ids"] == 3
    assert f["id_lifetime_s_median"] == pytest.approx(9.9)
    kept = [i for i in range(100) if i not in (7, 50, 51)]
    assert f["latency_ms"]["p50"] == pytest.approx(np.percentile(kept, 50), abs=0.01)
    assert f["latency_ms"]["p99"] == pytest.approx(np.percentile(kept, 99), abs=0.01)
    assert f["outputs"] == {"/quiet": None, "/tf": 20.0}


def test_a_person_only_predicted_does_not_count_as_tracked():
    answered = [seen(i, [body(1), body(2, COASTING)]) for i in range(3)]
    assert figures([0], answered, {})["people_median"] == 1


def test_nothing_received_has_no_figures_but_all_keys():
    f = figures([1, 2, 3], [], {})
    assert (f["frames_processed"], f["frames_lost"], f["ids"]) == (0, 3, 0)
    assert f["bodies_hz"] is None and f["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert any("3 lost" in line for line in summary_lines({**f, "cpu_percent": {}}))


def test_bodies_for_images_that_were_not_sent_do_not_hide_a_loss():
    assert figures([0, STEP_NS], [seen(0, []), seen(5, [])], {})["frames_lost"] == 1


def test_person_rows_give_distance_speed_and_uncertainty():
    rows = PersonRows()
    for i in range(11):  # 1.5 m/s sideways
        (row,) = rows.update(seen(i, [body(4, position=(0.15 * i, 0, 4.0), hidden=6)]).message)
        assert (row.speed is None) == (i < 5)
    assert row.speed == pytest.approx(1.5, rel=1e-6)
    assert row.distance == pytest.approx(np.hypot(1.5, 4.0))
    assert row.hidden == 6
    assert row.spread_seen == pytest.approx(0.1, rel=1e-6)
    assert row.spread_hidden == pytest.approx(0.3, rel=1e-6)
    rows.update(seen(12, []).message)
    (row,) = rows.update(seen(13, [body(4)]).message)
    assert row.speed is None, "a person who was away has no speed yet"


def test_live_view_and_line_name_what_a_planner_asks():
    from rich.console import Console

    message = seen(3, [body(12, position=(3.0, 0.0, 4.0), hidden=2)], latency_ms=42)
    observed = Observation(sent_ns=[3 * STEP_NS, 4 * STEP_NS], bodies=[message])
    people = PersonRows().update(message.message)
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(live_view("title", people, observed, observed.unanswered()))
    text = console.export_text()
    for word in ("12", "5.00 m", "2 of 24", "30 cm hidden", "p50 42", "lost or in work 1"):
        assert word in text, word
    assert "12 at 5.0 m" in headless_line(people, observed, 1, 0.0)


def test_default_source_is_the_cached_video_else_the_photograph(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    without = default_source()
    assert without.where == FALLBACK and "fetch_video.py" in without.note
    cached_video().parent.mkdir()
    cached_video().write_bytes(b"RIFF")
    assert default_source().where == str(tmp_path / "hmr_ros" / "vtest.avi")


def test_published_calibration_is_turned_into_plumb_bob_faithfully():
    """Tsai's model (undistorting polynomial, millimetres) and ours agree on every pixel."""
    f, sx, dpx, dpy, kappa = 5.5549183034, 1.0937855397, 5.1273271277e-3, 4.65e-3, 5.1113043639e-3
    u, v = np.meshgrid(np.linspace(0, 767, 9), np.linspace(0, 575, 7))
    x, y = (u - 324.22149053) * dpx / sx, (v - 282.56650051) * dpy
    grow = 1 + kappa * (x**2 + y**2)
    points = np.stack([x * grow / f, y * grow / f, np.ones_like(x)], -1)
    pixels = camera_of(INTRINSICS, 768, 576).project(points)
    assert np.abs(pixels - np.stack([u, v], -1)).max() < 0.25


def test_film_holds_every_picture_also_of_odd_size(tmp_path):
    path = tmp_path / "new" / "film.mp4"
    with film(path, (101, 75), 10.0) as append:
        for i in range(12):
            append(np.full((75, 101, 3), 20 * i, np.uint8))
    reader, levels = cv2.VideoCapture(str(path)), []
    while (read := reader.read())[0]:
        levels.append(read[1].mean())
    assert np.abs(np.subtract(levels, 20 * np.arange(12))).max() < 6
    assert [p.name for p in path.parent.iterdir()] == ["film.mp4"]


def test_film_that_breaks_off_leaves_no_file(tmp_path):
    with (
        pytest.raises(RuntimeError, match="drawing"),
        film(tmp_path / "f.mp4", (64, 64), 10) as add,
    ):
        add(np.zeros((64, 64, 3), np.uint8))
        raise RuntimeError("drawing failed")
    assert not list(tmp_path.iterdir())


def fields(names, values):
    return SimpleNamespace(**dict(zip(names, values, strict=True)))


def as_message(tracks):
    """An object with the fields of SmplBodyArray, filled independently of the node's code."""
    b = tracks.bodies
    bodies = []
    for n in range(len(tracks)):
        rotations = np.concatenate([b.global_orient[n][None], b.body_pose[n]]).astype(float)
        covariance = np.zeros((6, 6))
        covariance[:3, :3] = b.transl_cov[n]
        q = [fields("xyzw", row) for row in quaternion_from_matrix(rotations)]
        bodies.append(
            SimpleNamespace(
                id=int(tracks.ids[n]),
                tracking_state=int(tracks.states[n]),
                age=float(tracks.ages_s[n]),
                score=float(b.scores[n]),
                betas=b.betas[n],
                rotations=q,
                transl=fields("xyz", b.transl[n]),
                joints=[fields("xyz", p) for p in b.joints[n]],
                pelvis=SimpleNamespace(covariance=covariance.ravel()),
                joint_covariances=b.joint_cov[n].ravel(),
                joint_tails=b.joint_tails[n],
                visibility=b.visibility[n],
                joints_2d=b.joints_2d[n].ravel(),
                keypoint_set=b.keypoint_set,
                keypoints_2d=b.keypoints_2d[n].ravel(),
                box=b.boxes[n],
                metric=bool(b.metric[n]),
            )
        )
    stamp = SimpleNamespace(sec=int(tracks.stamp), nanosec=round(tracks.stamp % 1 * 1e9))
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), bodies=bodies, model=b.body_model)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_tracks_come_back_from_a_message(count):
    tracks = standing(count, stamp=12.25)
    back = tracks_from_message(as_message(tracks))
    assert back.stamp == tracks.stamp and back.bodies.body_model == tracks.bodies.body_model
    np.testing.assert_array_equal(back.ids, tracks.ids)
    np.testing.assert_array_equal(back.states, tracks.states)
    for name, value in vars(tracks.bodies).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(getattr(back.bodies, name), value, atol=2e-6, err_msg=name)


def test_a_body_without_keypoints_is_not_found():
    message = as_message(standing(2))
    message.bodies[1].keypoint_set, message.bodies[1].keypoints_2d = "", np.zeros(0)
    bodies = tracks_from_message(message).bodies
    assert bodies.found.tolist() == [True, False]
    assert not bodies.keypoints_2d[1].any()
