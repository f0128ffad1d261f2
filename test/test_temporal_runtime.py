"""The network over time as it is exported and run: live, for people who come and go."""

from __future__ import annotations

import json
import resource
import time

import numpy as np
import pytest
import torch

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import CameraPose, pose_from_y_up
from hmr_ros.models.temporal_weights import build, load
from hmr_ros.parameters import validated
from hmr_ros.runtime.graph_description import opened, write_manifest
from hmr_ros.runtime.graph_file import WeightsError
from hmr_ros.runtime.temporal import Temporal
from hmr_ros.runtime.temporal_export import (
    compare,
    example,
    export_onnx,
    manifest,
    references,
)
from hmr_ros.sighting_fields import GAP, SIGHTING, STATE
from hmr_ros.tracking.tracker import Tracker

TINY = {"width": 32, "heads": 2, "layers": 2, "expand": 2, "window": 8}
CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def exported(body):
    """The shipped network in torch, and its file."""
    return load(asset("weights", "temporal.safetensors"), body), asset("weights", "temporal.onnx")


def bodies_of(clip: dict, body, t: int) -> Bodies:
    """Frame ``t`` of ``temporal_export.example`` as the pipeline would have it."""
    frame = {name: value[:, t].numpy() for name, value in clip.items()}
    n = len(frame["betas"])
    rest = rest_joints(body, frame["betas"])
    pixels = frame["keypoints"].copy()
    pixels[..., :2] = CAMERA.project(np.insert(pixels[..., :2], 2, 1.0, -1))
    low = CAMERA.project(np.insert(frame["box"][:, :2], 2, 1.0, -1))
    high = CAMERA.project(np.insert(frame["box"][:, 2:], 2, 1.0, -1))
    joints, _ = forward_kinematics(frame["rotations"], rest.astype(np.float32), body.parents)
    joints = joints - joints[:, :1] + frame["pelvis"][:, None]
    return Bodies(
        global_orient=frame["rotations"][:, 0],
        body_pose=frame["rotations"][:, 1:],
        betas=frame["betas"],
        transl=frame["pelvis"] - rest[:, 0],
        joints=joints,
        joint_cov=frame["joint_std"][..., None, None] ** 2 * np.eye(3, dtype=np.float32),
        transl_cov=np.tile(0.01 * np.eye(3, dtype=np.float32), (n, 1, 1)),
        visibility=frame["visibility"],
        joints_2d=CAMERA.project(joints),
        keypoints_2d=pixels.astype(np.float32),
        boxes=np.concatenate([low, high - low], 1).astype(np.float32),
        scores=np.ones(n, np.float32),
        found=np.ones(n, bool),
        metric=np.ones(n, bool),
    )


def pose_at(clip: dict, t: int, person: int = 0) -> CameraPose:
    """Of the camera of one of the example's people."""
    return pose_from_y_up(
        clip["camera_rotation"][person, t].double().numpy(),
        clip["camera_position"][person, t].double().numpy(),
    )


def watched(stage: Temporal, clip: dict, body, stamps, ids=(5,)) -> list[Bodies]:
    return [
        stage(bodies_of(clip, body, t), np.array(ids), CAMERA, stamp, pose_at(clip, t))[0]
        for t, stamp in enumerate(stamps)
    ]


def test_the_exported_stream_is_the_clip_in_torch(exported):
    joints, other = compare(*exported)
    assert joints < 1e-4 and other < 2e-3


@pytest.mark.slow
def test_a_network_that_is_exported_is_compared_first(body, tmp_path):
    torch.manual_seed(0)
    network = build(body, TINY).eval()
    with torch.no_grad():
        for value in network.parameters():
            value += 0.02 * torch.randn_like(value)
    difference = export_onnx(network, tmp_path / "temporal.onnx")
    assert difference == compare(network, tmp_path / "temporal.onnx")[0] < 1e-4
    write_manifest(tmp_path / "temporal.onnx", manifest(network, body, {}), references(network))
    assert Temporal(body, str(tmp_path / "temporal.onnx")).shapes["keys"] == (2, 7, 32)


def test_a_live_camera_sees_what_the_network_says(exported, body):
    network, path = exported
    clip = example(1, 20)
    with torch.no_grad():
        stamps = clip["elapsed"].cumsum(1)[0].double().numpy()
        relative = dict(clip)
        far = clip["pelvis"].norm(dim=-1)
        relative["distance_std"] = 0.1 / far  # as ``bodies_of`` has it
        whole = network(relative)
        posed = network.skeleton(whole["rotations"][0], whole["betas"][0])[0]
        expected = posed + whole["pelvis"][0][:, None]
    live = watched(Temporal(body, str(path)), clip, body, stamps)
    found = np.concatenate([bodies.joints for bodies in live])
    assert np.abs(found - expected.numpy()).max() < 1e-4
    factors = np.concatenate([b.joint_cov[:, 5, 0, 0] for b in live])
    said = (clip["joint_std"] * whole["joint_factor"])[0, :, 5].numpy() ** 2
    assert np.allclose(factors, said, rtol=1e-3)


def test_a_gap_of_two_seconds_is_a_new_beginning(exported, body):
    clip = example(1, 12)
    stamps = np.arange(12) * 0.1
    stamps[6:] += GAP
    stage = Temporal(body, str(exported[1]))
    late = watched(stage, clip, body, stamps)[6:]
    rest = {name: value[:, 6:] for name, value in clip.items()}
    fresh = watched(Temporal(body, str(exported[1])), rest, body, stamps[6:])
    for a, b in zip(late, fresh, strict=True):
        assert np.abs(a.joints - b.joints).max() < 1e-5


def test_people_are_remembered_apart_and_forgotten(exported, body):
    two, stamps = example(2, 10), np.arange(10) * 0.1
    one = {name: value[:1] for name, value in two.items()}
    stage, alone = (Temporal(body, str(exported[1])) for _ in range(2))
    both = watched(stage, two, body, stamps, ids=(3, 8))
    single = watched(alone, one, body, stamps, ids=(3,))
    assert np.abs(both[-1].joints[0] - single[-1].joints[0]).max() < 1e-5
    stage.keep_only(np.array([8]))
    again = stage(bodies_of(one, body, 9), np.array([3]), CAMERA, 1.0, pose_at(one, 9))[0]
    new = Temporal(body, str(exported[1]))
    first = new(bodies_of(one, body, 9), np.array([3]), CAMERA, 1.0, pose_at(one, 9))[0]
    assert np.array_equal(again.joints, first.joints)


@pytest.mark.slow
def test_the_ten_thousandth_frame_costs_what_the_tenth_does(exported):
    network, path = exported
    run = opened(path)
    clip = example(1, 50)
    clip["elapsed"].clamp_(min=0.03, max=0.2)
    frames = [{n: clip[n][:, t].numpy() for n in SIGHTING} for t in range(50)]
    old = {name: value.numpy() for name, value in network.nothing(1).items()}
    memory = []

    def step(n: int, state: dict) -> tuple[dict, float]:
        began = time.process_time()
        found = run(frames[n % 50] | state)
        spent = time.process_time() - began
        assert all(np.isfinite(value).all() for value in found.values())
        return {name: found[f"{name}_after"] for name in STATE}, spent

    for n in range(10_000):
        old, _ = step(n, old)
        if n in (1_000, 9_999):
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert memory[1] - memory[0] < 8 * 1024  # KiB
    # In turns with a stream that has just begun: the machine's own speed changes too.
    young = {name: value.numpy() for name, value in network.nothing(1).items()}
    for n in range(10):
        young, _ = step(n, young)
    spent = np.zeros((300, 2))
    for n in range(300):
        young, spent[n, 0] = step(n + 10, young)
        old, spent[n, 1] = step(n + 10_000, old)
    assert {n: v.shape for n, v in young.items()} == {n: v.shape for n, v in old.items()}
    assert np.median(spent[:, 1]) < 1.2 * np.median(spent[:, 0])


def test_without_odometry_and_people_it_answers_too(exported, body):
    stage, clip = Temporal(body, str(exported[1])), example(1, 3)
    bodies, walk = stage(bodies_of(clip, body, 0), np.array([1]), CAMERA, 0.0)
    assert np.isfinite(bodies.joints).all() and walk.velocity.shape == (1, 3)
    nobody, walk = stage(bodies[:0], np.zeros(0, int), CAMERA, 0.1)
    assert len(nobody) == 0 and walk.resting.shape == (0, 6)


def test_figures_that_are_not_finite_leave_the_image_s_own_body(exported, body):
    stage, clip = Temporal(body, str(exported[1])), example(1, 3)
    broken = bodies_of(clip, body, 0)
    broken = broken.replace(keypoints_2d=np.full_like(broken.keypoints_2d, np.nan))
    bodies, _ = stage(broken, np.array([1]), CAMERA, 0.0)
    assert np.isfinite(bodies.joints).all()


def test_a_tracker_uses_it_and_forgets_with_it(exported, body):
    stage = Temporal(body, str(exported[1]))
    tracker = Tracker(validated({"min_hits": 1}), body, stage)
    clip = {name: value.clone() for name, value in example(1, 6).items()}
    for name in ("pelvis", "camera_rotation", "camera_position", "rotations", "betas"):
        clip[name][:] = clip[name][:, :1]  # somebody who stands still, so that the id stays
    for t in range(6):
        tracks = tracker(bodies_of(clip, body, t), CAMERA, 0.1 * t, pose_at(clip, t))
    assert tracks.ids.tolist() == [1] and np.isfinite(tracks.bodies.joints).all()
    assert list(stage._people) == [1]
    tracker.reset()
    assert not stage._people


def test_foreign_weights_are_refused(exported, body, tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        Temporal(body, str(tmp_path / "none.onnx"))
    path = tmp_path / "temporal.onnx"
    path.write_bytes(exported[1].read_bytes())
    described = json.loads(exported[1].with_suffix(".json").read_text())
    del described["graph"]["outputs"]["keys_after"]
    path.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(WeightsError, match="lacks the outputs keys_after"):
        Temporal(body, str(path))
    described["graph"]["inputs"]["box"]["shape"] = [None, 5]
    path.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(WeightsError, match="takes box"):
        Temporal(body, str(path))
    del described["graph"]["inputs"]["times"]
    path.with_suffix(".json").write_text(json.dumps(described))
    with pytest.raises(WeightsError, match="does not take times"):
        Temporal(body, str(path))


def test_a_pose_and_its_y_up_form_are_the_same_camera():
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    pose = CameraPose(turn, rng.normal(size=3))
    point = rng.normal(size=3)  # odometry frame, z up
    rotation, position = pose.y_up()
    y_up = np.array([point[0], point[2], -point[1]])
    assert np.allclose(rotation @ (y_up - position), turn @ (point - pose.position))
    again = pose_from_y_up(rotation, position)
    assert np.allclose(again.rotation, turn) and np.allclose(again.position, pose.position)
