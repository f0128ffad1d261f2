"""Readers of licensed data sets, on small folders in their layouts; no real data is at hand."""

import re

import numpy as np
import pytest
from dataset_files import (
    HEIGHT,
    WIDTH,
    K,
    Written,
    write_3doh,
    write_3dpw,
    write_3dpw_subsets,
    write_agora,
    write_coco,
    write_crowdpose,
    write_emdb,
    write_h36m,
    write_image,
    write_ochuman,
    write_rich,
)
from scipy.spatial.transform import Rotation

from hmr_ros.body.joint_sets import JOINT_SETS
from hmr_ros.body.model import load_body_model
from hmr_ros.data.datasets.agora import _camera
from hmr_ros.data.datasets.annotated import Annotated
from hmr_ros.data.datasets.fields import DatasetError, Fields
from hmr_ros.data.datasets.image_size import image_size
from hmr_ros.data.datasets.joint_names import CROWDPOSE14, H36M14, H36M17, SMPLX22
from hmr_ros.data.datasets.opening import READERS, open_dataset
from hmr_ros.data.datasets.posed import (
    h36m_joints,
    load_h36m_regressor,
    posed_joints,
    posed_vertices,
)
from hmr_ros.data.datasets.protocols import PROTOCOLS
from hmr_ros.data.datasets.threedpw import CROWDED, OBJECT_OCCLUDED, PERSON_OCCLUDED
from hmr_ros.data.datasets.truth import NAMES, true_joints

MODEL = load_body_model()
ANY_GENDER = {"neutral": MODEL}


def projected(annotated: Annotated, points: np.ndarray) -> np.ndarray:
    image = points @ annotated.intrinsics.T
    return image[..., :2] / image[..., 2:]


def read(name: str, written: Written, **options) -> list[Annotated]:
    return list(open_dataset(name, written.folder, **options))


@pytest.fixture(scope="module")
def subsets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("3dpw")
    write_3dpw_subsets(folder)
    write_3dpw(folder, name="downtown_walk_00")
    return folder


def test_3dpw_gives_camera_frame_joints_and_who_counts(tmp_path):
    written = write_3dpw(tmp_path)
    images = read("3dpw", written)
    # Frame 2 has nobody with a valid camera and a keypoint.
    assert [a.frame for a in images] == [0, 1]
    assert [a.people.evaluated.tolist() for a in images] == [[True, True], [False, True]]
    for a in images:
        assert a.sequence == "downtown_walk_00" and (a.width, a.height) == (WIDTH, HEIGHT)
        np.testing.assert_allclose(a.people.joints3d, written.camera[:, a.frame], atol=1e-9)
        np.testing.assert_array_equal(a.intrinsics, K)
        assert a.people.genders.tolist() == ["male", "female"]
        assert a.people.track_ids.tolist() == [0, 1] and a.people.betas.shape == (2, 10)
        # The contract of poses, transl and world_to_camera: posing the body gives the joints.
        np.testing.assert_allclose(posed_joints(a, ANY_GENDER), a.people.joints3d, atol=1e-5)
    box = images[0].people.boxes[0]
    inner = written.points[0, 0][[1, 2, 4, 5, 7, 8, 12, 15, 16, 17, 18, 19, 20, 21]]
    np.testing.assert_allclose(box[:2], inner.min(0))
    np.testing.assert_allclose(box[:2] + box[2:], inner.max(0))


def test_every_frame_keeps_the_sequence_whole(tmp_path):
    written = write_3dpw(tmp_path)
    images = read("3dpw", written, every_frame=True)
    assert [a.frame for a in images] == [0, 1, 2] and not images[2].people.evaluated.any()
    # Without keypoints the box goes around the projected joints.
    points = written.points[1, 2]
    np.testing.assert_allclose(images[2].people.boxes[1, :2], points.min(0), atol=1e-6)


def test_camera_poses_turn_the_root_only(tmp_path):
    written = write_3dpw(tmp_path)
    (first, *_) = read("3dpw", written)
    poses = first.camera_poses()
    np.testing.assert_array_equal(poses[:, 1:], first.people.poses[:, 1:])
    wanted = Rotation.from_matrix(written.cameras[0, :3, :3]) * Rotation.from_rotvec(
        written.poses[:, 0, 0]
    )
    apart = Rotation.from_rotvec(poses[:, 0]).inv() * wanted
    assert np.abs(apart.magnitude()).max() < 1e-6


def test_3dpw_subsets_choose_their_sequences(subsets):
    def sequences(name):
        return {(a.sequence, a.frame) for a in open_dataset(name, subsets)}

    occluded, crowd = sequences("3dpw-oc"), sequences("3dpw-crowd")
    assert {s for s, _ in occluded} == {f"{kind}_00" for kind in OBJECT_OCCLUDED}
    assert {s for s, _ in crowd} == set(CROWDED)
    between = sequences("3dpw-pc")
    assert {s for s, _ in between} == set(PERSON_OCCLUDED)
    for name, frame in between:
        first, end = PERSON_OCCLUDED[name]
        assert first <= frame < end
    rest = {s for s, _ in sequences("3dpw-nc")}
    assert rest == {"downtown_walk_00"}
    assert rest.isdisjoint({s for s, _ in occluded | between})


def test_a_subset_that_is_not_whole_is_refused(subsets, tmp_path):
    write_3dpw(tmp_path, name="courtyard_hug_00", split="validation")
    for split in ("train", "test"):
        (tmp_path / "sequenceFiles" / split).mkdir(exist_ok=True)
    with pytest.raises(DatasetError, match="courtyard_dancing_00 is missing"):
        open_dataset("3dpw-crowd", tmp_path)
    with pytest.raises(DatasetError, match="courtyard_backpack.*missing"):
        open_dataset("3dpw-oc", tmp_path)


def test_3doh_joints_are_metres_whichever_frame_the_file_uses(tmp_path):
    written = write_3doh(tmp_path / "camera")

    def in_world(entry):  # the file's own scale applies to the world as well
        entry["smpl_joints_3d"] = (7.0 * written.world[0, 0]).tolist()
        extrinsics = written.cameras[0].copy()
        extrinsics[:3, 3] *= 7.0
        entry["extri"] = extrinsics.tolist()

    for a in (read("3doh", written)[0], read("3doh", write_3doh(tmp_path / "world", in_world))[0]):
        np.testing.assert_allclose(a.people.joints3d[0], written.camera[0, 0], atol=1e-9)
        np.testing.assert_allclose(
            projected(a, a.people.joints3d), a.people.keypoints[..., :2], atol=1e-6
        )
        # No transl in this set: posed joints are about the pelvis, turned into the camera.
        posed, joints = posed_joints(a, ANY_GENDER)[0], a.people.joints3d[0]
        np.testing.assert_allclose(posed, joints - joints[0], atol=1e-5)


def test_emdb_parts_masks_and_world(tmp_path):
    written = write_emdb(tmp_path, emdb=(True, False))
    images = read("emdb-1", written)
    assert [a.frame for a in images] == [0, 2]
    for a in images:
        joints = posed_joints(a, ANY_GENDER)
        np.testing.assert_allclose(projected(a, joints), a.people.keypoints[..., :2], atol=0.01)
        np.testing.assert_allclose(a.people.transl[0], written.transl[0, a.frame])
        assert (a.fps, a.people.genders.tolist()) == (30, ["female"])
    whole = read("emdb-1", written, every_frame=True)
    assert [bool(a.people.evaluated[0]) for a in whole] == [True, False, True]
    assert np.isfinite(whole[1].people.boxes).all()
    with pytest.raises(DatasetError, match="holds no image that counts under emdb-2"):
        read("emdb-2", written)


def test_agora_scales_keypoints_and_marks_whom_not_to_score(tmp_path):
    written = write_agora(tmp_path)
    images = read("agora", written)
    assert len(images) == 2
    for f, a in enumerate(images):
        assert a.people.evaluated.tolist() == [True, False]
        assert a.people.occlusion.tolist() == [0.125, 0.95]
        assert (a.width, a.height) == (WIDTH, 180)
        np.testing.assert_allclose(a.people.joints3d, written.camera[:, f])
        np.testing.assert_allclose(a.people.keypoints[..., :2], written.points[:, f])
        assert a.people.vertices.shape == (2, 45, 3)
    write_agora(tmp_path, model="smplx")
    assert read("agora-smplx", written)[0].joint_names == SMPLX22


@pytest.mark.parametrize(
    "name, focal, position, yaw, pitch",
    [
        ("ag_hdri_01", 50, (0, 0, 170), 0, 0),
        ("archviz_cam00_3", 18, (400, -275, 265), 135, 30),
        ("archviz_cam02_3", 18, (-490, 170, 265), -45, 30),
        ("ag2_5", 28, (0, 0, 170), 0, 15),
        ("brushifyforest_5", 28, (120, -40, 30), 70, 0),
    ],
)
def test_agora_cameras_look_where_unreal_says(name, focal, position, yaw, pitch):
    cells = {"camX": 120.0, "camY": -40.0, "camZ": 30.0, "camYaw": 70.0}
    intrinsics, world_to_camera = _camera(Fields("x.pkl", cells), name, 3840, 2160)
    # Forward and right of an Unreal camera (x forward, y right, z up), in our axes y, -z, x.
    a, b = np.radians([yaw, pitch])
    forward = [np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), -np.sin(b)]
    right = [-np.sin(a), np.cos(a), 0]
    place = np.array(position) / 100 + ([0, 0, 1.7] if "forest" in name else 0)

    def ours(point):
        x, y, z = point
        return np.array([y, -z, x])

    rotation = world_to_camera[:3, :3]
    np.testing.assert_allclose(rotation @ ours(forward), [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation @ ours(right), [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation @ ours(place) + world_to_camera[:3, 3], 0, atol=1e-12)
    # The field of view of a 36 mm sensor.
    assert np.isclose(2 * np.arctan(1920 / intrinsics[0, 0]), 2 * np.arctan(18 / focal))


def test_h36m_protocols_choose_cameras_and_frames(tmp_path):
    written = write_h36m(tmp_path)

    def chosen(name):
        return [(a.people.track_ids[0], a.sequence[-2:], a.frame) for a in read(name, written)]

    assert chosen("h36m-p1") == [
        (s, c, f) for s in (9, 11) for c, f in [("01", 0), ("01", 5), ("04", 0), ("04", 5)]
    ]
    assert chosen("h36m-p2") == [(s, "04", f) for s in (9, 11) for f in (0, 5)]
    assert chosen("h36m-17") == [(s, c, 0) for s in (9, 11) for c in ("01", "04")]
    (first, *_) = read("h36m-p1", written)
    np.testing.assert_allclose(first.people.joints3d[0], written.camera[0, 0], atol=1e-9)
    assert first.joint_names == H36M17 and first.fps == 50
    np.testing.assert_allclose(first.people.keypoints[0, :, :2], written.points[0, 0], atol=1e-6)


def test_rich_reads_each_camera_and_person(tmp_path):
    written = write_rich(tmp_path)
    images = read("rich", written)
    assert [a.sequence[-6:] for a in images] == ["cam_00"] * 2 + ["cam_03"] * 2
    a = images[1]
    assert a.people.track_ids.tolist() == [9, 17]
    assert a.people.genders.tolist() == ["female", "male"]
    np.testing.assert_allclose(a.people.poses[:, :22], written.poses[:, 1, :22], atol=1e-6)
    assert not a.people.poses[:, 22:].any() and a.body_model == "smplx"
    np.testing.assert_allclose(a.world_to_camera, written.cameras[0], atol=1e-9)
    assert a.distortion == (0.1, -0.2, 0, 0, 0)
    centre = a.people.boxes[:, :2] + a.people.boxes[:, 2:] / 2
    assert (np.abs(centre - written.points[:, 1].mean(1)) < a.people.boxes[:, 2:] / 4).all()
    with pytest.raises(DatasetError, match="no SMPL parameters.*smplx"):
        posed_joints(a, ANY_GENDER)


def test_rich_refuses_small_images_and_entities(tmp_path):
    written = write_rich(tmp_path)
    for image in (tmp_path / "images").rglob("*.bmp"):
        write_image(image, WIDTH // 4, HEIGHT // 4)
    with pytest.raises(DatasetError, match="000.xml: field Intrinsics.*80x60"):
        read("rich", written)
    path = tmp_path / "scan_calibration" / "ParkingLot2" / "calibration" / "000.xml"
    text = path.read_text()
    for broken, reason in [
        (text[:300], "no whole XML"),
        ("<!DOCTYPE x>" + text, "entities"),
        (text.replace("Intrinsics", "Other"), "Intrinsics.*missing"),
    ]:
        path.write_text(broken)
        with pytest.raises(DatasetError, match=reason):
            read("rich", written)


@pytest.mark.parametrize(
    "name, write",
    [("coco", write_coco), ("ochuman", write_ochuman), ("crowdpose", write_crowdpose)],
)
def test_keypoint_files(name, write, tmp_path):
    written = write(tmp_path)
    first, second = read(name, written)
    assert first.people.track_ids.tolist() == [1, 2] and second.people.track_ids.tolist() == [3]
    count = len(first.keypoint_names)
    np.testing.assert_allclose(
        first.people.keypoints[..., :2], written.points[:, 0, :count], atol=1e-9
    )
    assert first.people.areas.tolist() == [900, 900] and first.width == WIDTH
    if name == "crowdpose":
        assert first.keypoint_names == CROWDPOSE14


def test_protocols_are_complete_and_their_joints_known(root):
    known = set(JOINT_SETS) | {"smplx22", "crowdpose14"}
    page = (root / "docs" / "datasets.md").read_text("utf-8")
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name and protocol.dataset in READERS
        assert protocol.joints in known and protocol.source and protocol.counts
        if protocol.joints in JOINT_SETS:
            # thorax is what h36m14 calls the neck; roots may also be joints of the full set.
            assert set(protocol.root) <= set(JOINT_SETS[protocol.joints]) | {"pelvis"}
        assert f"`{name}`" in page, f"{name} is not in docs/datasets.md"
        assert re.search(r"(19|20)\d\d", protocol.source)
    assert {p.dataset for p in PROTOCOLS.values()} == set(READERS)


def test_unknown_names_and_splits_are_told(tmp_path):
    with pytest.raises(ValueError, match="'4dpw' is not one of 3dpw"):
        open_dataset("4dpw", tmp_path)
    for name, protocol in PROTOCOLS.items():
        with pytest.raises(ValueError, match="has the splits .*'all of it'"):
            open_dataset(name, tmp_path, split="all of it")
        with pytest.raises(DatasetError):
            open_dataset(name, tmp_path, protocol.split)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp"])
def test_image_size_is_what_the_decoder_finds(suffix, tmp_path):
    path = write_image(tmp_path / f"a.{suffix}", 123, 45)
    assert image_size(path) == (123, 45)
    whole = path.read_bytes()
    for length in (0, 1, 10, 20):
        path.write_bytes(whole[:length])
        with pytest.raises(DatasetError, match="no whole JPEG, PNG or BMP"):
            image_size(path)


def test_h36m_regressor_is_checked_and_applied(tmp_path):
    path = tmp_path / "J_regressor_h36m.npy"
    rng = np.random.default_rng(0)
    regressor = np.zeros((17, 6890))
    picked = rng.integers(0, 6890, 17)
    regressor[np.arange(17), picked] = 1
    np.save(path, regressor)
    mesh = rng.normal(size=(2, 6890, 3))
    loaded = load_h36m_regressor(path)
    np.testing.assert_array_equal(h36m_joints(mesh, loaded), mesh[:, picked])
    # The 14 by name: the neck of the 14 is the thorax of the 17.
    fourteen = h36m_joints(mesh, loaded, "h36m14")
    for row, name in enumerate(H36M14):
        other = H36M17.index("thorax" if name == "neck" else name)
        np.testing.assert_array_equal(fourteen[:, row], mesh[:, picked[other]])
    with pytest.raises(ValueError, match="the mesh has 100"):
        h36m_joints(mesh[:, :100], loaded)
    for wrong, reason in [
        (regressor[:9], r"\[9, 6890\]"),
        (2 * regressor, "sum to one"),
        (np.full_like(regressor, np.nan), "sum to one"),
    ]:
        np.save(path, wrong)
        with pytest.raises(DatasetError, match=reason):
            load_h36m_regressor(path)
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(DatasetError, match="no .npy array"):
        load_h36m_regressor(path)


def test_posed_vertices_carry_the_joints(tmp_path):
    (first, *_) = read("3dpw", write_3dpw(tmp_path))
    mesh = posed_vertices(first, ANY_GENDER)
    assert mesh.shape == (2, len(MODEL.v_template), 3)
    # The mesh lies around the skeleton in the camera's frame.
    low, high = mesh.min(1) - 0.05, mesh.max(1) + 0.05
    joints = first.people.joints3d
    assert (joints > low[:, None]).all() and (joints < high[:, None]).all()
    with pytest.raises(DatasetError, match="needs a male body model"):
        posed_joints(first, {"female": MODEL})


def test_true_joints_of_every_protocol_in_3d(tmp_path, subsets):
    regressor = np.zeros((17, len(MODEL.v_template)))
    regressor[np.arange(17), 100 * np.arange(17)] = 1
    given = {"models": ANY_GENDER, "regressor": regressor}
    writers = {"3doh": write_3doh, "emdb": write_emdb, "h36m": write_h36m, "agora": write_agora}
    for name, protocol in PROTOCOLS.items():
        folder = subsets
        if protocol.dataset in writers:
            folder = tmp_path / protocol.dataset
            writers[protocol.dataset](folder)
            if name == "agora-smplx":
                write_agora(folder, model="smplx")
        elif protocol.dataset != "3dpw":
            continue
        annotated = next(iter(open_dataset(name, folder)))
        joints, root = true_joints(annotated, protocol, **given)
        people = annotated.people
        assert joints.shape == (len(people), len(NAMES[protocol.joints]), 3)
        if protocol.regressor:
            mesh = posed_vertices(annotated, ANY_GENDER)[:, ::100][:, :17]
            hips = [H36M17.index(n) for n in protocol.root]
            np.testing.assert_allclose(root, mesh[:, hips].mean(1))
            np.testing.assert_allclose(joints[:, 2], mesh[:, 1])  # right hip
            with pytest.raises(DatasetError, match="give SMPL's models and J_regressor_h36m.npy"):
                true_joints(annotated, protocol, ANY_GENDER)
        elif protocol.dataset == "h36m":
            middle = (joints[:, 2] + joints[:, 3]) / 2 if name != "h36m-17" else joints[:, 0]
            np.testing.assert_allclose(root, middle)
        elif protocol.dataset == "agora":
            np.testing.assert_allclose(root, people.joints3d[:, 0])
        elif name == "emdb-1":
            np.testing.assert_allclose(joints, posed_joints(annotated, ANY_GENDER))
            with pytest.raises(DatasetError, match="give SMPL's models"):
                true_joints(annotated, protocol)
    rich = next(iter(open_dataset("rich", write_rich(tmp_path / "rich").folder)))
    with pytest.raises(DatasetError, match="no SMPL parameters"):
        true_joints(rich, PROTOCOLS["rich"], **given)
    with pytest.raises(ValueError, match="in the image"):
        true_joints(rich, PROTOCOLS["coco"])


def test_emdb_2_is_scored_in_the_world(tmp_path):
    written = write_emdb(tmp_path)
    for annotated in open_dataset("emdb-2", tmp_path):
        joints, root = true_joints(annotated, PROTOCOLS["emdb-2"], ANY_GENDER)
        assert root is None
        np.testing.assert_allclose(joints[0], written.world[0, annotated.frame], atol=1e-5)
