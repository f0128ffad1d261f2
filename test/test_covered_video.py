"""Boards over real people: where they lie, who is judged by what, and what comes out of it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from made_bodies import CAMERA, somebody

from hmr_ros.batch import concatenate
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import load_body_model
from hmr_ros.cli.main import main
from hmr_ros.evaluation.covered_video import (
    BOARD,
    KEYPOINTS,
    LIMB,
    Sighting,
    boards,
    covered,
    judged,
    rows_of,
    sightings,
)
from hmr_ros.frame import Frame
from hmr_ros.tracks import Tracks, TrackState

HEIGHT = 140.0  # of the boxes


@pytest.fixture(scope="module")
def people():
    """Two people whose keypoints are their bodies' own, in boxes of the same size."""
    body = load_body_model()
    bodies = concatenate([somebody(body, -1.0, 8.0), somebody(body, 1.0, 8.0)])
    places = keypoints(body, bodies.rotations, bodies.betas, bodies.transl, "blazepose33")
    pixels = CAMERA.project(places)
    boxes = [[*points.min(0), 60.0, HEIGHT] for points in pixels]
    return bodies.replace(
        keypoints_2d=np.insert(pixels, 2, 0.9, -1).astype(np.float32),
        boxes=np.array(boxes, np.float32),
    )


def tracks_of(bodies, stamp: float, ids=(4, 5), state=TrackState.TRACKED) -> Tracks:
    n = len(bodies)
    return Tracks(bodies, np.array(ids[:n]), np.full(n, state, np.uint8), np.zeros(n), stamp)


def test_boards_lie_over_the_legs_or_one_side():
    box = np.array([[100.0, 50, 40, 80]] * 2)
    low, side = boards(box, np.array([True, False]))
    assert low.tolist() == [90, 90, 150, 138]
    assert side.tolist() == [84, 46, 120, 138]


def test_people_are_covered_in_turns_and_only_whom_the_camera_sees_large(people):
    small = people.replace(boxes=people.boxes * [1, 1, 1, 0.4])
    tracked = [tracks_of(people, t) for t in (10.0, 11.9, 12.0, 13.9, 14.0, 16.5)]
    tracked += [tracks_of(small, 17.0), tracks_of(people, 18.0, state=TrackState.COASTING)]
    seen = list(sightings(tracked))
    covered_s = [one.covered_s.tolist() for one in seen]
    assert np.allclose(covered_s[:6], [[s, s] for s in (-2, -0.1, 0, 1.9, -2, 0.5)])
    assert covered_s[6:] == [[], []]
    image = np.zeros((480, 640, 3), np.uint8)
    painted, where = covered(image, seen[1])
    assert not painted.any() and not where.any()
    painted, where = covered(image, seen[2])
    assert (painted[where] == BOARD).all() and not painted[~where].any() and not image.any()
    # In the first turn the legs of the one with the even number, a side of the other.
    low, side = seen[2].boards
    assert where.sum() == sum((b - t) * (r - max(x, 0)) for x, t, r, b in (low, side))
    assert (low[1] > side[1] + 60) and np.array_equal(seen[3].boards, seen[2].boards)
    assert seen[5].boards[0][1] < seen[2].boards[0][1], "the other half in the next turn"


class Saying:
    """Stands for a pipeline: its bodies are the true ones, moved sideways by pixels; it reports
    those of ``reports``, in another order than it was asked."""

    def __init__(self, bodies, pixels: float, reports=(0, 1)) -> None:
        self.body, self.finder = load_body_model(), SimpleNamespace(wait=lambda: None)
        aside = np.float32([pixels * 8.0 / CAMERA.fx, 0, 0])
        keypoints_2d = bodies.keypoints_2d + np.float32([7, 0, 0])
        self.said = bodies.replace(transl=bodies.transl + aside, keypoints_2d=keypoints_2d)
        self.reports, self.seen = list(reports)[::-1], []

    def __call__(self, frame, boxes):
        self.seen.append((frame, boxes))
        return tracks_of(self.said[np.array(self.reports, int)], frame.stamp, ids=(1, 2))


def sighting(bodies, covered_s=(1.5, -1.0)) -> Sighting:
    low = np.array([True, True])
    at = bodies.boxes
    return Sighting(np.array([4, 5]), at, bodies.keypoints_2d, np.array(covered_s), boards(at, low))


def test_joints_are_judged_by_the_clear_picture_where_all_models_report(people):
    unsure = people.keypoints_2d.copy()
    unsure[0, 28, 2] = 0.5  # an ankle of the first one
    clear = sighting(people.replace(keypoints_2d=unsure))
    models = {"near": Saying(people, 3.0), "far": Saying(people, 21.0)}
    frames = [Frame(np.zeros((480, 640, 3), np.uint8), CAMERA, 0.1 * t) for t in range(2)]
    found = list(judged(frames, [clear, clear], models))
    for one in models.values():
        assert np.array_equal(one.seen[0][1], people.boxes)
        assert (one.seen[0][0].image == BOARD).all(-1).any(), "they see the boards"
    assert [[one.id for one in frame] for frame in found] == [[4, 5], [4, 5]]
    first, second = found[0]
    legs = [n for n, joint in enumerate(LIMB) if joint >= 25]
    assert first.covered[legs].all() and not first.covered[:4].any() and not second.covered.any()
    assert first.sure.sum() == 11 and not first.sure[list(LIMB).index(28)]
    for name, pixels in (("near", 3), ("far", 21), (KEYPOINTS, 7)):
        assert second.away[name] == pytest.approx(np.full(12, pixels / HEIGHT), rel=0.01)
    rows = {(row["joints"], row["model"]): row for row in rows_of([*found[0], *found[1]])}
    hidden = rows["covered", "near"]
    assert hidden["n"] == 2 * (first.covered & first.sure).sum() and hidden["people"] == 1
    assert hidden["away_percent"] == pytest.approx(100 * 3 / HEIGHT, rel=0.01)
    assert (hidden["pck"], rows["covered", "far"]["pck"]) == (1, 0)
    assert rows["covered for 1 s", "near"]["n"] == hidden["n"] and "more_percent" not in hidden
    assert rows["in view", "far"]["more_percent"] == pytest.approx(100 * 18 / HEIGHT, rel=0.01)
    assert rows["in view", "far"]["people"] == 2
    lately = list(judged(frames[:1], [sighting(people, (0.9, -1.0))], models))[0]
    assert not any(row["joints"] == "covered for 1 s" for row in rows_of(lately))


def test_whom_one_model_does_not_report_counts_for_none(people):
    models = {"all": Saying(people, 3.0), "one": Saying(people, 3.0, reports=[1])}
    frame = Frame(np.zeros((480, 640, 3), np.uint8), CAMERA, 0.0)
    (found,) = judged([frame], [sighting(people)], models)
    assert [one.id for one in found] == [5]
    models["none"] = Saying(people, 3.0, reports=())
    assert list(judged([frame], [sighting(people)], models)) == [[]]
    assert rows_of([]) == []


def test_videos_that_cannot_be_judged_are_refused(tmp_path, capsys):
    assert main(["eval", "covered-video", "--video", str(tmp_path / "no.avi")]) != 0
    assert "no.avi is not there: name a video by --video" in capsys.readouterr().err
    path = tmp_path / "empty.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for _ in range(3):
        writer.write(np.full((120, 160, 3), 90, np.uint8))
    writer.release()
    assert main(["eval", "covered-video", "--video", str(path)]) != 0
    assert "empty.avi shows nobody 64 pixels tall or more" in capsys.readouterr().err


@pytest.mark.slow
def test_pedestrians_with_half_of_each_covered(shared_data, tmp_path):
    """Three people have been covered by then, small ones: of these joints, a quarter of a box."""
    out = tmp_path / "out.json"
    video = shared_data / "video" / "vtest.avi"
    command = ["eval", "covered-video", "--video", str(video), "--frames", "45", "--json", str(out)]
    assert main([*command, "--model", "lifter"]) == 0
    figures = json.loads(out.read_text())
    rows = {(row["joints"], row["model"]): row for row in figures["rows"]}
    assert rows["covered", "lifter"]["n"] > 40
    in_view, hidden = (rows[joints, "lifter"]["away_percent"] for joints in ("in view", "covered"))
    assert in_view < 6 and in_view < hidden < 25
