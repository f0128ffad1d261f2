"""Motion files: clips, splits, recordings, and what is said about bad ones."""

import numpy as np
import pytest

from hmr_ros.data.motions import MotionError, load_motions
from hmr_ros.geometry.rotations import matrix_from_axis_angle


def clip_arrays(**changes):
    arrays = {
        "poses": np.arange(7 * 72, dtype=np.float16).reshape(7, 24, 3) / 1000,
        "trans": np.arange(21, dtype=np.float32).reshape(7, 3),
        "clip": np.array([0, 0, 0, 2, 2, 1, 1]),
        "clip_name": np.array(["walk", "jump", "turn"]),
        "clip_split": np.array(["train", "test", "train"]),
        "fps": np.float32(30),
    }
    arrays.update(changes)
    return {k: v for k, v in arrays.items() if v is not None}


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_clips_and_splits(tmp_path):
    motions = load_motions(saved(tmp_path / "m.npz", **clip_arrays()))
    assert len(motions) == 3 and motions.fps == 30
    assert motions.names == ("walk", "turn", "jump")
    assert motions.frames(1) == slice(3, 5)
    train = motions.split("train")
    assert train.names == ("walk", "turn")
    assert (train.trans == np.arange(15).reshape(5, 3)).all()
    test = motions.split("test")
    assert test.names == ("jump",) and len(test.poses) == 2
    assert np.allclose(test.poses, clip_arrays()["poses"][5:], atol=1e-6)
    assert test.poses.dtype == np.float32


def test_recording_is_turned_from_z_up_to_y_up(tmp_path):
    """A person who stands on the floor of a Z-up room stands on that of a Y-up one."""
    frames = 4
    poses = np.zeros((frames, 156))
    stand = [np.pi / 2, 0, 0]  # SMPL's Y-up body set upright in a Z-up room
    poses[:, :3] = stand
    poses[:, 18 * 3] = 0.7
    trans = np.tile([1.0, 2.0, 0.9], (frames, 1))
    path = saved(tmp_path / "a.npz", poses=poses, trans=trans, mocap_framerate=120.0)
    motions = load_motions(path, fps=None)
    assert motions.fps == 120 and motions.names == ("a",)
    assert np.allclose(motions.trans[0], [1.0, 0.9, -2.0], atol=1e-6)
    up = matrix_from_axis_angle(motions.poses[:, 0]) @ [0, 1, 0]
    assert np.allclose(up, [0, 1, 0], atol=1e-6)
    assert np.allclose(motions.poses[:, 18, 0], 0.7)
    assert (motions.poses[:, 22:] == 0).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trans": None}, "'trans' is missing"),
        ({"clip_split": None}, "'clip_split' is missing"),
        ({"poses": np.zeros((7, 52, 3))}, "poses has shape"),
        ({"clip": np.array([0, 1, 0, 0, 0, 0, 0])}, "follow each other"),
        ({"clip": np.array([0, 0, 0, 0, 0, 0, 9])}, "clip_name does not hold"),
        ({"clip_split": np.array(["train", "dev", "test"])}, "dev"),
        ({"trans": np.full((7, 3), np.nan)}, "not finite"),
    ],
)
def test_bad_clip_files_are_named(tmp_path, changes, said):
    path = saved(tmp_path / "bad.npz", **clip_arrays(**changes))
    with pytest.raises(MotionError, match=said) as error:
        load_motions(path)
    assert "bad.npz" in str(error.value)


def test_bad_recordings_and_files(tmp_path):
    with pytest.raises(MotionError, match="does not exist"):
        load_motions(tmp_path / "none.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(MotionError, match="cannot be read"):
        load_motions(tmp_path / "cut.npz")
    still = {"poses": np.zeros((3, 72)), "trans": np.zeros((3, 3))}
    with pytest.raises(MotionError, match="no frame rate"):
        load_motions(saved(tmp_path / "rate.npz", **still))
    still["poses"] = np.zeros((3, 63))
    with pytest.raises(MotionError, match=r"expected \[T, 72\] \(SMPL\), \[T, 156\]"):
        load_motions(saved(tmp_path / "short.npz", **still, mocap_framerate=30))


def test_unknown_or_empty_split(tmp_path):
    motions = load_motions(saved(tmp_path / "m.npz", **clip_arrays()))
    with pytest.raises(MotionError, match="unknown"):
        motions.split("dev")
    with pytest.raises(MotionError, match="no motion clip"):
        motions.split("val")


def test_the_training_file_has_its_clips_and_splits(shared_data, caplog):
    motions = load_motions(shared_data / "motions.npz")
    # One clip of 236 is left out: it is in train under another name.
    assert len(motions) == 235 and motions.poses.shape == (37265, 24, 3)
    assert [len(motions.split(s)) for s in ("train", "val", "test")] == [197, 14, 24]
    assert "amc/02_01" not in motions.names
    (warning,) = [r.getMessage() for r in caplog.records]
    assert "val clip 'amc/02_01' is left out" in warning
    assert "train clip 'train/walking/walking_1'" in warning
    walk = motions.frames(motions.names.index("train/walking/walking_2"))
    travelled = np.linalg.norm(np.diff(motions.trans[walk], axis=0), axis=1) * motions.fps
    assert 0.7 < np.median(travelled) < 2.0  # metres a second
