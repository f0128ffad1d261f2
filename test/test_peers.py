"""Peers in processes of their own: what happens when they die, hang, chatter or are missing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from hmr_ros.evaluation.peers import environment, mediapipe
from hmr_ros.evaluation.peers.environment import PeerError, clean_variables, python_of, set_up
from hmr_ros.evaluation.peers.mediapipe import LANDMARKS, MARGIN, Mediapipe, cut_out, towards
from hmr_ros.evaluation.peers.process import PeerProcess
from hmr_ros.evaluation.subsets import LIMB
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import Camera

CAMERA = Camera(320, 240, 300.0, 300.0, 159.5, 119.5)

# Answers with the image's middle pixel; 13 kills it, 14 makes it hang.
FAKE = """
import importlib.util, json, os, time
answers = os.fdopen(os.dup(1), "w"); os.dup2(2, 1)
print("chatter that is no answer", flush=True)
assert importlib.util.find_spec("hmr_ros") is None, "our package reaches into the peer"
answers.write(json.dumps({"version": "9.9"}) + "\\n"); answers.flush()
source = os.fdopen(0, "rb")
while line := source.readline():
    h, w = map(int, line.split())
    pixels = source.read(h * w * 3)
    grey = pixels[3 * (h // 2 * w + w // 2)]
    if grey == 13: os._exit(3)
    if grey == 14: time.sleep(60)
    world = [[grey / 100, i / 10, 0, 1] for i in range(33)] if grey else None
    flat = [[0.25, 0.75, 1]] * 33 if grey else None
    answers.write(json.dumps({"world": world, "image": flat}) + "\\n"); answers.flush()
"""


def image_of(value: int, shape=(240, 320)) -> np.ndarray:
    return np.full((*shape, 3), value, np.uint8)


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "fake.py"
    path.write_text(FAKE)
    return path


def test_a_dead_or_hanging_peer_costs_one_image(script):
    with PeerProcess(Path(sys.executable), script, answer_s=0.7) as peer:
        peer.start()
        assert peer.version == "9.9"
        assert peer.ask(image_of(50))["world"][0][0] == 0.5
        assert peer.ask(image_of(13)) is None
        assert peer.ask(image_of(60))["world"][0][0] == 0.6
        assert peer.ask(image_of(14)) is None
        assert peer.ask(image_of(70))["world"][0][0] == 0.7
        assert peer.deaths == 2


def test_a_peer_that_always_dies_is_given_up_with_its_last_words(script, tmp_path):
    with (
        PeerProcess(Path(sys.executable), script) as peer,
        pytest.raises(PeerError, match=r"(?s)3 images in a row.*chatter"),
    ):
        for _ in range(3):
            peer.ask(image_of(13))
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('numpy is too new')")
    with (
        PeerProcess(Path(sys.executable), broken) as peer,
        pytest.raises(PeerError, match=r"(?s)did not start.*too new"),
    ):
        peer.ask(image_of(1))


def test_a_missing_environment_says_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HMR_PEERS", str(tmp_path))
    with pytest.raises(PeerError, match="hmr eval synocc-still --set-up-peers"):
        python_of("mediapipe")
    with pytest.raises(PeerError, match="known: mediapipe"):
        python_of("openpose")
    # An interrupted installation is no environment.
    half = tmp_path / "mediapipe-0.10.21" / "bin"
    half.mkdir(parents=True)
    (half / "python").symlink_to(sys.executable)
    with pytest.raises(PeerError):
        python_of("mediapipe")


def test_a_failed_installation_is_not_taken_for_a_whole_one(monkeypatch, tmp_path):
    monkeypatch.setenv("HMR_PEERS", str(tmp_path))
    said = []
    commands = []

    def failing(command, **options):
        commands.append(command)
        ok = len(commands) < 3
        return environment.subprocess.CompletedProcess(command, int(not ok), "", "no network")

    monkeypatch.setattr(environment.subprocess, "run", failing)
    monkeypatch.setattr(environment, "interpreter", lambda package: Path(sys.executable))
    with pytest.raises(PeerError, match="no network"):
        set_up("mediapipe", said.append)
    assert [c[2] for c in commands] == ["venv", "pip", "pip"] and "installing" in said[0]
    with pytest.raises(PeerError):
        python_of("mediapipe")


def test_our_paths_do_not_reach_into_the_peer(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/ours")
    assert "PYTHONPATH" not in clean_variables() and clean_variables()["PATH"] == os.environ["PATH"]


def test_cut_outs_carry_pixels_where_they_say():
    image = np.zeros((240, 320, 3), np.uint8)
    image[100, 50] = 255
    square, corner, scale = cut_out(image, np.array([40, 60, 40, 80]))
    assert square.shape == (256, 256, 3) and scale == pytest.approx(256 / round(MARGIN * 80))
    y, x = np.unravel_index(square[..., 0].argmax(), square.shape[:2])
    assert np.allclose((np.array([x, y]) + 0.5) / scale + corner - 0.5, [50, 100], atol=0.5)
    outside, corner, scale = cut_out(image_of(200), np.array([-100, 0, 400, 240]))
    assert scale == 1 and outside.shape == (round(MARGIN * 400), round(MARGIN * 400), 3)
    left, top = (-corner).astype(int)
    assert (outside[:, :left] == 0).all() and (outside[:top] == 0).all()
    assert (outside[top : top + 240, left : left + 320] == 200).sum() > 0.9 * 240 * 320 * 3


def test_world_landmarks_are_turned_to_the_camera_axis():
    rng = np.random.default_rng(0)
    for ray in rng.uniform(-1, 1, (20, 2)):
        turn = towards(ray)
        wanted = np.append(ray, 1) / np.linalg.norm(np.append(ray, 1))
        assert np.allclose(turn @ [0, 0, 1], wanted) and np.allclose(turn @ turn.T, np.eye(3))
        # The smallest turn: its axis is across the ray.
        assert abs(turn[0, 1] - turn[1, 0]) < 1e-12
    assert np.array_equal(towards(np.zeros(2)), np.eye(3))


def test_landmarks_become_limb_joints_in_the_image(script, monkeypatch):
    monkeypatch.setattr(mediapipe, "python_of", lambda name: Path(sys.executable))
    monkeypatch.setattr(mediapipe, "PeerProcess", lambda python, _: PeerProcess(python, script))
    peer = Mediapipe()
    try:
        frame = Frame(image_of(100), CAMERA, 0.0)
        whole = peer.detected(frame)
        expected = np.array([1.0, 0, 0]) + np.outer(LANDMARKS, [0, 0.1, 0])
        turned = whole.joints[0, list(LIMB)] @ towards(np.array([0.5 / 300, 0.5 / 300]))
        assert np.allclose(turned, expected, atol=0.02)
        assert np.allclose(whole.joints_2d[0, list(LIMB)], [79.5, 179.5])
        rest = np.setdiff1d(np.arange(24), LIMB)
        assert np.isnan(whole.joints[0, rest]).all() and whole.joint_cov is None
        given = peer.given(frame, np.array([[100, 20, 100, 200], [200, 20, 60, 200]]))
        assert given.found.tolist() == [True, True]
        # A quarter and three quarters of the square around (150, 120).
        quarter = MARGIN * 200 / 4
        expected = [150 - quarter - 0.5, 120 + quarter - 0.5]
        assert np.allclose(given.joints_2d[0, 1], expected, atol=1)
        dark = Frame(image_of(0), CAMERA, 0.0)
        assert len(peer.detected(dark)) == 0
        nobody = peer.given(dark, np.array([[100, 20, 100, 200]]))
        assert not nobody.found[0] and np.isnan(nobody.joints).all()
    finally:
        peer.close()


@pytest.mark.slow
def test_the_published_package_finds_a_person(shared_data):
    cv2 = pytest.importorskip("cv2")
    try:
        peer = Mediapipe()
    except PeerError as error:
        pytest.skip(str(error))
    labels = __import__("json").loads(
        (shared_data / "coco_people/person_keypoints.json").read_text()
    )
    best = max(labels["annotations"], key=lambda a: a["num_keypoints"] * a["bbox"][3])
    name = next(i["file_name"] for i in labels["images"] if i["id"] == best["image_id"])
    image = cv2.imread(str(shared_data / "coco_people" / name))
    height, width = image.shape[:2]
    frame = Frame(image, Camera(width, height, 600, 600, width / 2, height / 2), 0.0)
    try:
        answer = peer.given(frame, np.array([best["bbox"]]))
    finally:
        peer.close()
    assert peer.version == "0.10.21" and answer.found[0]
    marked = np.array(best["keypoints"], float).reshape(17, 3)[[11, 12, 13, 14, 15, 16, 5, 6]]
    known = marked[:, 2] > 0
    gap = np.linalg.norm(answer.joints_2d[0, list(LIMB)[:8]] - marked[:, :2], axis=1)[known]
    assert np.median(gap) < 0.1 * max(best["bbox"][2:])
    # Hips are half a metre at most from their middle, heads above feet.
    assert np.abs(answer.joints[0, [1, 2]].sum(0)).max() < 0.05
