"""AMASS layouts, resampling, folders with splits, and clips that are in two splits."""

import json

import numpy as np
import pytest

from hmr_ros.data.clips import Motions
from hmr_ros.data.duplicate_clips import duplicates
from hmr_ros.data.motions import MotionError, load_motions
from hmr_ros.data.recordings import resampled
from hmr_ros.data.split_rules import hashed_split, split_of, subject
from hmr_ros.geometry.rotations import matrix_from_axis_angle

scipy_transform = pytest.importorskip("scipy.spatial.transform")


def amass(frames=13, width=156, rate=120.0, seed=0, key="mocap_framerate"):
    rng = np.random.default_rng(seed)
    arrays = {
        "poses": rng.normal(0, 0.4, (frames, width)),
        "trans": rng.normal(0, 1, (frames, 3)),
        key: np.array(rate),
        "betas": np.zeros(16),
        "gender": np.array("female"),
    }
    return arrays


def saved(path, arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("width", [72, 156, 165])
@pytest.mark.parametrize("key", ["mocap_framerate", "mocap_frame_rate"])
def test_each_layout_gives_the_body_joints(tmp_path, width, key):
    arrays = amass(width=width, key=key)
    motions = load_motions(saved(tmp_path / "walk_poses.npz", arrays), fps=None)
    assert motions.names == ("walk_poses",) and motions.fps == 120
    body = motions.poses[:, 1:22].reshape(13, 63)
    assert np.allclose(body, arrays["poses"][:, 3:66], atol=1e-6)
    hands = arrays["poses"][:, 66:72].reshape(-1, 2, 3) if width == 72 else 0
    assert np.allclose(motions.poses[:, 22:], hands, atol=1e-6)


def test_parts_of_a_pose_under_keys_of_their_own(tmp_path):
    arrays = amass(width=165, key="mocap_frame_rate")
    whole = load_motions(saved(tmp_path / "whole.npz", arrays))
    poses = arrays.pop("poses")
    arrays |= {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66]}
    parts = load_motions(saved(tmp_path / "parts.npz", arrays))
    assert (parts.poses == whole.poses).all() and (parts.trans == whole.trans).all()


@pytest.mark.parametrize("rate", [120.0, 100.0, 59.94, 24.0])
def test_resampling_equals_scipys_slerp(rate):
    rng = np.random.default_rng(1)
    poses, trans = rng.normal(0, 0.7, (41, 24, 3)), rng.normal(0, 1, (41, 3))
    found, places = resampled(poses, trans, rate, 30.0)
    times = np.arange(len(found)) / 30.0
    assert times[-1] <= 40 / rate + 1e-9 < times[-1] + 1 / 30 + 1e-9
    for joint in range(24):
        rotations = scipy_transform.Rotation.from_rotvec(poses[:, joint])
        slerp = scipy_transform.Slerp(np.arange(41) / rate, rotations)
        wanted = slerp(np.minimum(times, 40 / rate)).as_matrix()
        assert np.allclose(matrix_from_axis_angle(found[:, joint]), wanted, atol=1e-7)
    for axis in range(3):
        line = np.interp(times, np.arange(41) / rate, trans[:, axis])
        assert np.allclose(places[:, axis], line, atol=1e-9)


def test_a_recording_comes_at_thirty_frames_a_second(tmp_path):
    arrays = amass(frames=13, rate=120.0)
    motions = load_motions(saved(tmp_path / "a.npz", arrays))
    assert motions.fps == 30 and len(motions.poses) == 4
    wanted = matrix_from_axis_angle(arrays["poses"][::4, 3:66].reshape(-1, 21, 3))
    found = matrix_from_axis_angle(motions.poses[:, 1:22].astype(np.float64))
    assert np.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"poses": np.zeros((13, 66))}, r"poses has shape \(13, 66\)"),
        ({"trans": np.zeros((12, 3))}, r"trans \(12, 3\), expected \(13, 3\)"),
        ({"trans": None}, "'trans' is missing"),
        ({"mocap_framerate": np.array(0.0)}, "mocap_framerate is 0.0"),
        ({"mocap_framerate": np.array([30.0, 60.0])}, "mocap_framerate is"),
        ({"poses": np.full((13, 156), np.nan)}, "poses holds values that are not finite"),
        ({"poses": None}, "'poses' is missing"),
    ],
)
def test_bad_recordings_name_file_and_field(tmp_path, changes, said):
    arrays = {k: v for k, v in (amass() | changes).items() if v is not None}
    with pytest.raises(MotionError, match=said) as error:
        load_motions(saved(tmp_path / "bad.npz", arrays))
    assert "bad.npz" in str(error.value)


@pytest.fixture
def collection(tmp_path):
    for n, name in enumerate(["CMU/01/01_01", "CMU/01/01_02", "CMU/02/02_01", "KIT/3/walk"]):
        saved(tmp_path / f"{name}_poses.npz", amass(rate=60.0 if n % 2 else 120.0, seed=n))
    saved(tmp_path / "CMU" / "01" / "shape.npz", {"betas": np.zeros(16)})
    return tmp_path


def test_a_folder_is_split_by_subject(collection):
    motions = load_motions(collection)
    assert motions.names == (
        "CMU/01/01_01_poses",
        "CMU/01/01_02_poses",
        "CMU/02/02_01_poses",
        "KIT/3/walk_poses",
    )
    assert motions.fps == 30 and motions.splits[0] == motions.splits[1]
    assert motions.splits == tuple(hashed_split(subject(n)) for n in motions.names)
    assert len(motions.poses) == motions.starts[-1] == 4 + 7 + 4 + 7


def test_rules_of_the_user_or_of_the_folder(collection):
    rules = {"CMU/01/*": "val", "CMU/*": "test", "*": "train"}
    wanted = ("val", "val", "test", "train")
    assert load_motions(collection, splits=rules).splits == wanted
    (collection / "splits.json").write_text(json.dumps(rules))
    assert load_motions(collection).splits == wanted
    with pytest.raises(MotionError, match="no split rule matches clip 'KIT/3/walk_poses'"):
        load_motions(collection, splits={"CMU/*": "train"})
    with pytest.raises(MotionError, match="names the split 'dev'"):
        load_motions(collection, splits={"*": "dev"})
    (collection / "splits.json").write_text("[1]")
    with pytest.raises(MotionError, match=r"splits\.json: expected an object"):
        load_motions(collection)


def test_folders_that_cannot_be_read(collection, tmp_path_factory):
    with pytest.raises(MotionError, match="frame rates .60.0, 120.0. cannot be mixed"):
        load_motions(collection, fps=None)
    with pytest.raises(MotionError, match="holds no .npz or .bvh"):
        load_motions(tmp_path_factory.mktemp("empty"))
    saved(collection / "KIT" / "3" / "odd.npz", {"poses": np.zeros((3, 5))})
    with pytest.raises(MotionError, match=r"odd\.npz: poses has shape"):
        load_motions(collection)


def test_hashed_splits_are_fixed_and_have_their_shares(tmp_path):
    assert [subject(n) for n in ("CMU/01/01_01", "02_01", "walk-3", "run")] == [
        "CMU/01",
        "02",
        "walk",
        "run",
    ]
    splits = [hashed_split(f"subject {n}") for n in range(4000)]
    assert [round(splits.count(s) / 4000, 1) for s in ("train", "val", "test")] == [0.8, 0.1, 0.1]
    # Fixed for ever: other values would mix the splits of models trained before.
    fixed = ["train", "test", "train"]
    assert [hashed_split(s) for s in ("CMU/01", "CMU/02", "CMU/143")] == fixed
    assert split_of("CMU/02/02_01", tmp_path) == "test"


def clips(poses, splits):
    """Motions of the given clips, each [T, 24, 3]."""
    return Motions(
        poses=np.concatenate(poses).astype(np.float32),
        trans=np.zeros((sum(map(len, poses)), 3), np.float32),
        starts=np.concatenate([[0], np.cumsum([len(p) for p in poses])]),
        names=tuple(f"clip{n}" for n in range(len(poses))),
        splits=splits,
        fps=30.0,
    )


def walk(frames, seed):
    rng = np.random.default_rng(seed)
    phase, swing = np.linspace(0, frames / 5, frames)[:, None, None], rng.normal(0, 0.5, (2, 24, 3))
    return swing[0] * np.sin(phase) + swing[1] * np.cos(0.37 * phase)


def test_duplicates_are_found_whatever_the_root_and_the_cut():
    rng = np.random.default_rng(0)
    one, two, three = walk(90, 1), walk(80, 2), walk(70, 3)
    turned = one.copy()
    turned[:, 0] = rng.normal(0, 1, (90, 3))
    noisy = two[13:61] + rng.normal(0, 0.002, (48, 24, 3))
    near = two + rng.normal(0, 0.1, (80, 24, 3))
    backwards = one[::-1]
    motions = clips(
        [one, two, turned, noisy, near, backwards, three],
        ("train", "train", "val", "test", "test", "val", "test"),
    )
    assert duplicates(motions) == [(2, 0), (3, 1)]
    # Within train, or between val and test, nothing is said.
    assert duplicates(clips([one, turned], ("train", "train"))) == []
    assert duplicates(clips([one, turned], ("val", "test"))) == []
