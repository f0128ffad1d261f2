import json

import cv2
import numpy as np
import pytest
from made_bodies import somebody

from hmr_ros.body.model import load_body_model
from hmr_ros.cli.main import main
from hmr_ros.cli.settings import settings_from
from hmr_ros.given_boxes import BoxesError, read_boxes
from hmr_ros.tracks import TrackState, of_one_picture

skimage_data = pytest.importorskip("skimage.data", reason="scikit-image carries the photograph")


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A real, truncated person: 512x512, the body fills most of the picture."""
    folder = tmp_path_factory.mktemp("photo")
    cv2.imwrite(str(folder / "astronaut.png"), skimage_data.astronaut()[..., ::-1])
    return folder / "astronaut.png"


@pytest.fixture(scope="module")
def results(photo):
    out = photo.parent / "out"
    boxes = photo.parent / "boxes.json"
    entries = [
        {"image": "astronaut.png", "bbox": [60, 0, 340, 512]},
        {"image": "astronaut.png", "bbox": [-400, -400, 50, 50]},
        {"image": "astronaut.png", "bbox": [40, 5, 380, 507]},
    ]
    boxes.write_text(json.dumps(entries))
    command = ["run", str(photo), "--boxes", str(boxes), "--out", str(out), "--vertices"]
    assert main([*command, "--intrinsics", "600,600,255.5,255.5"]) == 0
    return np.load(out / "astronaut.npz", allow_pickle=False), out


def test_given_boxes_get_exactly_one_row_each_in_order(results):
    rows, _ = results
    assert rows["bbox"][:, 0].tolist() == [60, -400, 40]
    assert rows["status"].tolist() == ["ok", "no_keypoints", "ok"]
    assert rows["track_id"].tolist() == [-1, -1, -1]  # a box is nobody who is followed


def test_people_of_one_picture_are_counted_unless_they_were_given():
    one = somebody(load_body_model(), 0.0, 3.0)
    bodies = one[np.zeros(3, int)]
    for counted, ids in ((True, [1, 2, 3]), (False, [-1, -1, -1])):
        tracks = of_one_picture(bodies, 2.5, counted)
        assert tracks.ids.tolist() == ids and tracks.stamp == 2.5
        assert set(tracks.states) == {TrackState.TRACKED} and not tracks.ages_s.any()


def test_every_array_has_the_promised_shape_and_is_finite(results):
    rows, _ = results
    shapes = {
        "global_orient": (3, 3, 3),
        "body_pose": (3, 23, 3, 3),
        "betas": (3, 10),
        "transl": (3, 3),
        "transl_cov": (3, 3, 3),
        "joints": (3, 24, 3),
        "joint_cov": (3, 24, 3, 3),
        "joint_tails": (3, 24),
        "visibility": (3, 24),
        "joints_2d": (3, 24, 2),
        "keypoints_2d": (3, 33, 3),
        "intrinsics": (3, 4),
        "vertices": (3, 6890, 3),
    }
    for name, shape in shapes.items():
        assert rows[name].shape == shape, name
        assert np.isfinite(rows[name]).all(), name
    assert str(rows["body_model"]) == "open_body"


def test_rotations_are_rotations_and_joints_project_where_they_say(results):
    rows, _ = results
    rotations = np.concatenate([rows["global_orient"][:, None], rows["body_pose"]], 1)
    gram = np.swapaxes(rotations, -1, -2) @ rotations
    assert np.abs(gram - np.eye(3)).max() < 1e-4 and np.linalg.det(rotations).min() > 0.99
    joints = rows["joints"][[0, 2]]
    pixels = 600 * joints[..., :2] / joints[..., 2:] + 255.5
    assert np.abs(pixels - rows["joints_2d"][[0, 2]]).max() < 0.1


def test_the_photographed_person_is_where_the_picture_shows_her(results):
    rows, _ = results
    # Read off the photograph: shoulders at about (140, 250) and (340, 265).
    left, right = rows["joints_2d"][0, 16], rows["joints_2d"][0, 17]
    assert abs(left[0] - 320) < 50 and abs(right[0] - 140) < 50
    assert left[0] > right[0], "she faces the camera: her left is on our right"
    assert 0.6 < rows["transl"][0, 2] < 2.5


def test_an_unknown_person_is_less_certain_than_a_seen_one(results):
    rows, _ = results
    spread = np.trace(rows["joint_cov"], axis1=-2, axis2=-1).mean(1)
    assert spread[1] > 2 * spread[0]


def test_overlay_and_mesh_are_written(results):
    trimesh = pytest.importorskip("trimesh")
    _, out = results
    assert cv2.imread(str(out / "astronaut_hmr.jpg")).shape == (512, 512, 3)
    scene = trimesh.load(out / "astronaut.glb")
    assert all(len(g.vertices) == 6890 for g in scene.geometry.values())


def test_a_video_is_tracked_and_filmed(tmp_path):
    image = np.ascontiguousarray(skimage_data.astronaut()[..., ::-1])
    video = cv2.VideoWriter(
        str(tmp_path / "still.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (512, 512)
    )
    for _ in range(12):
        video.write(image)
    video.release()
    out = tmp_path / "out"
    assert main(["run", str(tmp_path / "still.avi"), "--out", str(out)]) == 0
    rows = np.load(out / "still.npz")
    assert set(rows["track_id"]) == {1} and len(rows["track_id"]) >= 4
    assert np.ptp(rows["transl"][:, 2]) < 0.1, "nothing moves"
    film = cv2.VideoCapture(str(out / "still_hmr.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert (out / "still.glb").stat().st_size > 100_000


def test_the_device_is_given_back(photo, tmp_path):
    """The stand-in of TensorRT and CUDA sees what is not."""
    pytest.importorskip("onnx", reason="the stand-in of TensorRT reads graphs")
    import tensorrt_double

    cache = str(tmp_path / "engines")
    with tensorrt_double.installed():
        assert main(["build-engine", "lifter", "--cache", cache]) == 0
        command = ["run", str(photo), "--out", str(tmp_path), "--estimator", "lifter"]
        used = ["--set", "backend=tensorrt", "--set", f"engine_cache={cache}"]
        assert main([*command, *used]) == 0
    assert (tmp_path / "astronaut.npz").is_file()


def test_occupancy_is_drawn_where_the_body_is_not(photo, tmp_path):
    pictures = []
    # So near, and half out of the picture: capsules of higher levels hold the camera itself.
    for name, options in (
        ("plain", []),
        ("some", ["--occupancy", "0.02"]),
        ("wide", ["--occupancy", "0.2"]),
    ):
        assert main(["run", str(photo), "--out", str(tmp_path / name), *options]) == 0
        pictures.append(cv2.imread(str(tmp_path / name / "astronaut_hmr.jpg")).astype(int))
    changed = [np.abs(p - pictures[0]).max(2) > 25 for p in pictures[1:]]
    assert 0.01 < changed[0].mean() < changed[1].mean()


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["nowhere.mp4"], "nowhere.mp4"),
        (["PHOTO", "--intrinsics", "1,2"], "fx,fy,cx,cy"),
        (["PHOTO", "--set", "detect_every=0"], "detect_every: 0 is outside"),
        (["PHOTO", "--set", "nonsense"], "NAME=VALUE"),
        (["PHOTO", "--set", "weights_path=missing.onnx"], "missing.onnx"),
        (["PHOTO", "--set", "body_model_path=missing.npz"], "missing.npz"),
        (["PHOTO", "--occupancy", "1"], "--occupancy 1.0: expected 0 or more and less than 1"),
    ],
)
def test_bad_requests_end_in_one_clear_line(photo, arguments, text, capsys):
    arguments = [str(photo) if a == "PHOTO" else a for a in arguments]
    assert main(["run", *arguments, "--out", str(photo.parent / "none")]) == 2
    message = capsys.readouterr().err
    assert text in message and "Traceback" not in message


def test_boxes_for_a_picture_that_is_not_there_are_an_error(photo, tmp_path, capsys):
    boxes = tmp_path / "b.json"
    boxes.write_text('[{"image": "other.png", "bbox": [0, 0, 10, 10]}]')
    assert main(["run", str(photo), "--boxes", str(boxes), "--out", str(tmp_path)]) == 2
    assert "other.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, problem",
    [
        ("{", "no JSON"),
        ("{}", "expected a list"),
        ('[{"image": "a"}]', "entry 0"),
        ('[{"image": "a", "bbox": [0, 0, 0, 5]}]', "width > 0"),
        ('[{"image": "a", "bbox": [0, 0, 5]}]', "entry 0"),
    ],
)
def test_boxes_files_are_checked(tmp_path, text, problem):
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(BoxesError, match=problem):
        read_boxes(path)


def test_texts_become_parameters_of_the_right_type():
    settings = settings_from(["smoothing=false", "detect_every=3", "min_score=0.25"], {})
    assert (settings.smoothing, settings.detect_every, settings.min_score) == (False, 3, 0.25)
