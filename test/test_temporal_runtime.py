"""The network over time as it is exported and run: live, for people who come and go."""

from __future__ import annotations

import json
import resource
import shutil
import time
from dataclasses import asdict

import numpy as np
import pytest
import torch

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.camera_pose import CameraPose, pose_from_y_up
from hmr_ros.models.factorized_state import DISTAL, TORSO
from hmr_ros.models.limb_flow import SIZE
from hmr_ros.models.sampled_limbs import sampled_joints
from hmr_ros.models.weight_file import digest_of
from hmr_ros.models.weights import load
from hmr_ros.parameters import validated
from hmr_ros.people import no_people
from hmr_ros.person_crops import FILLED
from hmr_ros.pipeline import Pipeline
from hmr_ros.runtime import temporal
from hmr_ros.runtime.calibration import KEY, Calibration, blended, class_shares, factor2
from hmr_ros.runtime.graph_description import opened
from hmr_ros.runtime.graph_file import WeightsError
from hmr_ros.runtime.sampling import PRIOR, Sampling
from hmr_ros.runtime.serving import Serving
from hmr_ros.runtime.temporal import MOMENT, Temporal, temporal_of
from hmr_ros.runtime.temporal_export import compare, example
from hmr_ros.sighting_fields import GAP, SIGHTING, STATE
from hmr_ros.tracking.tracker import Tracker
from hmr_ros.tracks import TrackState

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def exported(body):
    """The shipped network in torch, and its file."""
    return load(asset("weights", "temporal.safetensors"), body, "temporal"), asset(
        "weights", "temporal.onnx"
    )


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
        joint_tails=np.full((n, 24), 0.1, np.float32),
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
    stage = Temporal(body, str(path), calibration=Calibration())
    live = watched(stage, clip, body, stamps)
    found = np.concatenate([bodies.joints for bodies in live])
    assert np.abs(found - expected.numpy()).max() < 1e-4
    factors = np.concatenate([b.joint_cov[:, 5, 0, 0] for b in live])
    said = (clip["joint_std"] * whole["joint_factor"])[0, :, 5].numpy() ** 2
    assert np.allclose(factors, said, rtol=1e-3)


def test_samples_are_those_of_torch_and_give_the_limbs_their_covariances(exported, body):
    """With the noise that the run time draws; the torso, which no sample moves, keeps its own."""
    network, path = exported
    how, clip = Sampling(samples=6, steps=3, guidance=1.5), example(2, 5)
    nothing = Calibration()
    stage = Temporal(body, str(path), sampling=how, calibration=nothing)
    plain = Temporal(body, str(path), calibration=nothing)
    drawn = []
    given = stage.samples.joints
    stage.samples.joints = lambda *told: drawn.append(given(*told)) or drawn[-1]
    stamps = clip["elapsed"].cumsum(1)[0].double().numpy()
    found, without = (watched(s, clip, body, stamps, ids=(1, 2))[-1] for s in (stage, plain))
    assert np.array_equal(found.joints, without.joints), "the estimate is what it is without"
    noise = torch.from_numpy(
        np.random.default_rng(how.seed).standard_normal((how.samples, SIZE), np.float32)
    )
    own = {name: value[:1] for name, value in clip.items()}  # by whose camera both are seen
    own["distance_std"] = 0.1 / own["pelvis"].norm(dim=-1)  # as ``bodies_of`` has it
    with torch.no_grad():
        answer = {name: value[0, -1:] for name, value in network(own).items()}
    expected = sampled_joints(network, answer, noise, how.steps, how.guidance)[:, 0]
    assert np.abs(drawn[-1][0] - expected.numpy()).max() < 1e-3
    torso, limbs = [0, *TORSO], list(DISTAL)
    assert np.allclose(found.joint_cov[:, torso], without.joint_cov[:, torso])
    off = drawn[-1] - (found.joints - found.joints[:, :1])[:, None]
    moments = np.einsum("nsja,nsjb->njab", off, off)
    joined = (moments + PRIOR * without.joint_cov) / (how.samples + PRIOR)
    seen, hidden = stage.graph.manifest["field"]["temperature"]
    factor = found.visibility * seen**2 + (1 - found.visibility) * hidden**2
    expected = joined * factor[..., None, None]
    assert np.allclose(found.joint_cov[:, limbs], expected[:, limbs], rtol=1e-3, atol=1e-6)


def test_regions_are_those_of_the_manifest_and_the_place_keeps_its_own(exported, body, tmp_path):
    files = [f"temporal{part}.{kind}" for part in ("", "_field") for kind in ("onnx", "json")]
    for name in files:
        shutil.copy(asset("weights", name), tmp_path / name)
    manifest, path = tmp_path / "temporal.json", str(tmp_path / "temporal.onnx")
    made = Calibration(
        joints=(0.5, 1.0, 2.0), joint_tails=(0.05, 0.2, 0.3), samples=(3.0, 4.0, 5.0),
        sample_tails=(0.15, 0.25, 0.35),
    )  # fmt: skip
    told = json.loads(manifest.read_text())
    clip, stamps, how = example(2, 4), 0.1 * np.arange(4), Sampling(samples=6)

    def published(sampling: Sampling, calibration: dict) -> Bodies:
        manifest.write_text(json.dumps(told | {KEY: calibration}))
        stage = Temporal(body, path, sampling=sampling)
        return watched(stage, clip, body, stamps, ids=(1, 2))[-1]

    limbs = list(DISTAL)
    torso = [joint for joint in TORSO if joint]
    for sampling, moved, factors, tails in (
        (Sampling(), [], made.joints, made.joint_tails),
        (how, limbs, made.samples, made.sample_tails),
    ):
        plain, found = published(sampling, {}), published(sampling, asdict(made))
        shares = class_shares(found.visibility, found.joints, body)
        for joints, own, tail in (
            (torso, made.joints, made.joint_tails),
            (moved, factors, tails),
        ):
            ratio = found.joint_cov[:, joints, 1, 1] / plain.joint_cov[:, joints, 1, 1]
            assert ratio == pytest.approx(factor2(own, shares[:, joints]), rel=1e-3)
            assert found.joint_tails[:, joints] == pytest.approx(blended(tail, shares[:, joints]))
        assert found.joint_tails[:, 0] == pytest.approx(0.1), "as the image's own"
        assert np.array_equal(found.transl_cov, plain.transl_cov)
        assert not plain.joint_tails[:, 1:].any(), "without a calibration it is taken at its word"


def test_with_temporal_the_parameters_of_samples_are_of_it(body):
    settings = validated({"temporal": True, "n_samples": 5, "sample_steps": 2, "guidance": 0.5})
    assert temporal_of(settings, body).samples.sampling == Sampling(5, 2, 0.5)
    assert temporal_of(validated({"temporal": True}), body).samples is None
    serving = Serving(settings, body)  # the estimator draws none, and does not refuse
    serving.close()
    with pytest.raises(ValueError, match="draws no samples"):
        Serving(validated({"n_samples": 5}), body)


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
    """Of one of two people, for one image; the next one is their first again."""
    clip, ids = example(2, 6), np.array([1, 2])
    poses = [pose_at(clip, t) for t in range(6)]
    stage, undisturbed = (Temporal(body, str(exported[1])) for _ in range(2))
    for t in range(5):
        own = bodies_of(clip, body, t)
        expected, _ = undisturbed(own, ids, CAMERA, 0.1 * t, poses[t])
        if t == 4:
            unsure = own.visibility.copy()
            unsure[0, 3] = np.nan
            own = own.replace(visibility=unsure)
        bodies, walk = stage(own, ids, CAMERA, 0.1 * t, poses[t])
    for name in ("rotations", "betas", "transl", "joints", "joint_cov", "joint_tails"):
        said, meant = getattr(bodies, name), getattr(own, name)
        assert np.allclose(said[0], meant[0], atol=1e-5), name
        assert np.array_equal(said[1], getattr(expected, name)[1]), name
    assert not walk.velocity[0].any() and not walk.resting[0].any() and walk.velocity[1].any()
    assert list(stage._people) == [2]
    own = bodies_of(clip, body, 5)
    after, _ = stage(own, ids, CAMERA, 0.5, poses[5])
    again, _ = undisturbed(own, ids, CAMERA, 0.5, poses[5])
    first, _ = Temporal(body, str(exported[1]))(own, ids, CAMERA, 0.5, poses[5])
    assert np.allclose(after.joints[0], first.joints[0], atol=1e-5)
    assert np.allclose(after.joints[1], again.joints[1], atol=1e-5)
    assert np.abs(again.joints[0] - first.joints[0]).max() > 1e-3


def test_an_image_without_pose_among_posed_ones_is_a_new_beginning(exported, body):
    """Where a camera that is taken to be at rest stands is not where odometry says it is."""
    clip, ids = example(1, 9), np.array([1])
    stage = Temporal(body, str(exported[1]))
    for t in range(9):
        pose = None if t == 5 else pose_at(clip, t)
        own = bodies_of(clip, body, t)
        found, walk = stage(own, ids, CAMERA, 0.1 * t, pose)
        assert walk.known == (t != 5)
        if t in (5, 6):
            anew = Temporal(body, str(exported[1]))
            first, _ = anew(own, ids, CAMERA, 0.1 * t, pose)
            assert np.allclose(found.joints, first.joints, atol=1e-5)
        elif t > 6:
            second, _ = anew(own, ids, CAMERA, 0.1 * t, pose)
            assert np.allclose(found.joints, second.joints, atol=1e-5)


def test_two_images_of_one_stamp_follow_each_other_by_a_moment(exported, body):
    """A driver's clock may be coarser than its images; nobody is forgotten for that: it is as if
    the second one had come a moment later, and all others after it too."""
    clip, ids = example(1, 8), np.array([1])
    same, apart = (Temporal(body, str(exported[1])) for _ in range(2))
    stamps = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.5, 0.6])
    for t, stamp in enumerate(stamps):
        own, pose = bodies_of(clip, body, t), pose_at(clip, t)
        found, _ = same(own, ids, CAMERA, float(stamp), pose)
        expected, _ = apart(own, ids, CAMERA, float(stamp + MOMENT * (t >= 5)), pose)
        assert np.abs(found.joints - expected.joints).max() < 1e-5
        fresh, _ = Temporal(body, str(exported[1]))(own, ids, CAMERA, float(stamp), pose)
        assert t == 0 or np.abs(found.joints - fresh.joints).max() > 1e-3


def test_seventeen_keypoints_are_seventeen_of_blazepose_s_landmarks(exported, body):
    clip, ids, stage = example(1, 4), np.array([1]), {}
    coco = FILLED["coco17"]
    for t in range(4):
        own = bodies_of(clip, body, t)
        seventeen = own.replace(keypoints_2d=own.keypoints_2d[:, coco], keypoint_set="coco17")
        others = np.setdiff1d(np.arange(33), coco)
        unseen = own.keypoints_2d.copy()
        unseen[:, others] = 0
        found = []
        for name, given in (("17", seventeen), ("33", own.replace(keypoints_2d=unseen))):
            known = stage.setdefault(name, Temporal(body, str(exported[1])))
            found.append(known(given, ids, CAMERA, 0.1 * t, pose_at(clip, t))[0])
        assert np.array_equal(found[0].joints, found[1].joints)
        assert found[0].keypoints_2d.shape == (1, 17, 3)


def still_people(clip: dict) -> dict:
    """People who stand, each apart from the other, so that their ids stay."""
    clip = {name: value.clone() for name, value in clip.items()}
    for name in ("pelvis", "camera_rotation", "camera_position", "rotations", "betas"):
        clip[name][:] = clip[name][:, :1]
    clip["pelvis"][..., 0] += 3.0 * torch.arange(len(clip["pelvis"]))[:, None]
    return clip


def test_the_pipeline_tells_the_pose_and_remembers_who_coasts(body):
    """Two people; the second is unseen for a while, then for good."""
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    settings = validated({"temporal": True, "min_hits": 1, "coast_s": 1.0, "forget_s": 1.45})
    pipeline = Pipeline(settings)
    trackers = [Tracker(settings, body, Temporal(body)) for _ in range(2)]
    clip = still_people(example(2, 30))
    image, nobody = np.zeros((480, 640, 3), np.uint8), no_people("blazepose33")
    for t in range(30):
        seen = bodies_of(clip, body, t)
        seen = seen if t < 5 or 8 <= t < 10 else seen[:1]
        pipeline.bodies = lambda frame, people, seen=seen: seen
        stamp, pose = 0.1 * t, pose_at(clip, t)
        found = pipeline(Frame(image, CAMERA, stamp, pose=pose), nobody)
        expected, poseless = (
            tracker(seen, CAMERA, stamp, told)
            for tracker, told in zip(trackers, (pose, None), strict=True)
        )
        assert np.array_equal(found.bodies.joints, expected.bodies.joints)
        assert t < 2 or np.abs(found.bodies.joints - poseless.bodies.joints).max() > 1e-3
        if t == 7:
            assert found.states.tolist() == [TrackState.TRACKED, TrackState.COASTING]
        if t == 8:
            assert found.ids.tolist() == [1, 2] and (found.states == TrackState.TRACKED).all()
        assert sorted(pipeline.over_time._people) == ([1, 2] if t < 24 else [1])
    pipeline.close()


@pytest.mark.parametrize(
    "given, words",
    [
        ({"estimator": "lifter"}, "estimator is 'lifter', not 'baseline'"),
        ({"refine_steps": 0}, "refine_steps is 0, not 3"),
        ({"weights_path": "other"}, "baseline.onnx is not of the weights"),
    ],
)
def test_bodies_that_it_has_not_learned_to_correct_are_refused(body, tmp_path, given, words):
    if "weights_path" in given:
        path = tmp_path / "baseline.onnx"
        path.write_bytes(b"others")
        described = json.loads(asset("weights", "baseline.json").read_text())
        described["weights_sha256"] = "0" * 64
        path.with_suffix(".json").write_text(json.dumps(described))
        given = {"weights_path": str(path)}
    with pytest.raises(ValueError, match=words):
        temporal_of(validated({"temporal": True} | given), body)
    assert temporal_of(validated({"temporal": True}), body).body is body


def test_the_shipped_estimator_is_the_one_it_corrects_however_it_was_exported(body):
    """By its weights: an export by another version of torch is another file."""
    weights = digest_of(load(asset("weights", "baseline.safetensors"), body, "baseline"))
    for name, told in (("baseline", ()), ("temporal", ("corrects",))):
        described = json.loads(asset("weights", f"{name}.json").read_text())
        for key in told:
            described = described[key]
        assert described["weights_sha256"] == weights


def test_threads_are_those_of_the_parameter(body, monkeypatch):
    asked = []
    given = temporal.open_backend

    def noting(name, graph, options):
        asked.append((name, options.threads))
        return given(name, graph, options)

    monkeypatch.setattr(temporal, "open_backend", noting)
    temporal_of(validated({"temporal": True, "threads": 3}), body)
    assert asked == [("onnxruntime", 3)]


def test_a_tracker_uses_it_and_forgets_with_it(exported, body):
    stage = Temporal(body, str(exported[1]))
    tracker = Tracker(validated({"min_hits": 1}), body, stage)
    clip = still_people(example(1, 6))
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


@pytest.mark.parametrize(
    "told, words",
    [
        (None, "lacks 'field'"),
        ({"limbs": [1, 99]}, "lacks limbs from 1 to 23"),
        ({"limbs": [1, 2]}, "lacks 6 values of noise_scale"),
        ({"temperature": [1.0]}, "or 2 temperatures"),
        ({"width": 7}, "takes evidence"),
        ("no file", "temporal_field.onnx does not exist"),
    ],
)
def test_what_samples_need_is_named_where_it_is_missing(exported, body, tmp_path, told, words):
    for path in exported[1].parent.glob("temporal*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    described = json.loads((tmp_path / "temporal.json").read_text())
    if told is None:
        del described["field"]
    elif told == "no file":
        (tmp_path / "temporal_field.onnx").unlink()
    else:
        described["field"] |= told
    (tmp_path / "temporal.json").write_text(json.dumps(described))
    path = str(tmp_path / "temporal.onnx")
    with pytest.raises(WeightsError, match=words):
        Temporal(body, path, sampling=Sampling(2))
    Temporal(body, path)  # without samples nobody asks


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
