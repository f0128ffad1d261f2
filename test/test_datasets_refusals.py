"""One sweep: every reader refuses every kind of broken folder, with the file, the field and why."""

import re

import numpy as np
import pytest
from dataset_files import (
    write_3doh,
    write_3dpw,
    write_agora,
    write_coco,
    write_crowdpose,
    write_emdb,
    write_h36m,
    write_ochuman,
    write_rich,
)

from hmr_ros.data.datasets.fields import DatasetError
from hmr_ros.data.datasets.opening import READERS, open_dataset
from hmr_ros.data.datasets.protocols import PROTOCOLS

WRITERS = {
    "3dpw": write_3dpw,
    "3doh": write_3doh,
    "emdb-1": write_emdb,
    "agora": write_agora,
    "h36m-p1": write_h36m,
    "rich": write_rich,
    "coco": write_coco,
    "ochuman": write_ochuman,
    "crowdpose": write_crowdpose,
}


def put(path: str, change):
    """A damage: the value at ``path`` (keys joined by /) becomes ``change`` of it."""

    def damage(content):
        *way, last = path.split("/")
        for key in way:
            content = content[int(key)] if isinstance(content, list) else content[key]
        last = int(last) if isinstance(content, list) else last
        content[last] = change(content[last])

    return damage


def drop(path: str):
    def damage(content):
        *way, last = path.split("/")
        for key in way:
            content = content[int(key)] if isinstance(content, list) else content[key]
        del content[last]

    return damage


def both(*damages):
    return lambda content: [damage(content) for damage in damages]


def nan(value):
    value = np.array(value, float)
    value.flat[-1] = np.nan
    return value.tolist()


def scaled(factor):
    return lambda value: (factor * np.array(value)).tolist()


def reversed_joints(value):
    """Another joint order, whatever the layout: [..., 24 * 3] or [..., 24, C]."""
    value = np.array(value)
    if value.shape[-1] == 72:
        return value.reshape(*value.shape[:-1], 24, 3)[..., ::-1, :].reshape(value.shape).tolist()
    return value[..., ::-1, :].tolist()


def cut(value):
    return np.array(value)[..., :-1].tolist()


def swapped(value):
    return [value[1], value[0], *value[2:]]


# Reader: kind of damage: what is done to the annotation, and what the refusal must say.
DAMAGES = {
    "3dpw": {
        "shape": (put("poses", cut), "poses"),
        "nan": (put("trans", nan), "trans.*finite"),
        "order": (put("jointPositions", reversed_joints), "jointPositions.*order"),
        "units": (
            both(put("jointPositions", scaled(1000)), put("trans", scaled(1000))),
            "jointPositions.*millimetres",
        ),
        "frames": (put("trans", scaled(1000)), "trans.*pelvis"),
        "order of poses": (put("poses", reversed_joints), "jointPositions.*order"),
        "field": (drop("cam_intrinsics"), "cam_intrinsics.*missing"),
        "gender": (put("genders", lambda g: ["x", "f"]), "genders.*'x'"),
        "mask": (put("campose_valid", scaled(7)), "campose_valid.*mask"),
        "inverse": (put("cam_poses", lambda c: np.linalg.inv(c).tolist()), "cam_poses"),
        "betas": (put("betas", lambda b: np.array(b)[:, :9]), "betas.*9 values"),
    },
    "3doh": {
        "shape": (put("pose", cut), "00000.pose"),
        "nan": (put("betas", nan), "betas.*finite"),
        "order": (
            both(put("smpl_joints_3d", reversed_joints), put("smpl_joints_2d", reversed_joints)),
            "smpl_joints_3d.*order",
        ),
        "order3d": (put("smpl_joints_3d", reversed_joints), "smpl_joints_3d.*does not meet"),
        "units": (put("smpl_joints_3d", scaled(1000)), "smpl_joints_3d.*millimetres"),
        "field": (drop("intri"), "intri.*missing"),
        "scale": (put("scale", scaled(0)), "scale.*positive"),
    },
    "emdb-1": {
        "shape": (put("smpl/poses_body", cut), "smpl.poses_body"),
        "nan": (put("smpl/betas", nan), "smpl.betas.*finite"),
        "nan2d": (put("kp2d", nan), "kp2d.*finite"),
        "order": (put("kp2d", reversed_joints), "kp2d.*order"),
        "units": (
            both(
                put("smpl/trans", scaled(1000)),
                put("camera/extrinsics", lambda c: (c * [[1, 1, 1, 1000]]).tolist()),
            ),
            "smpl.trans.*millimetres",
        ),
        "frames": (put("smpl/trans", scaled(-3)), "smpl.trans"),
        "field": (drop("good_frames_mask"), "good_frames_mask.*missing"),
        "gender": (put("gender", lambda g: "child"), "gender.*child"),
        "count": (put("n_frames", lambda n: 4), "good_frames_mask"),
    },
    "agora": {
        "shape": (put("gt_joints_3d/0", cut), r"row 0.gt_joints_3d"),
        "nan": (put("gt_joints_2d/1", nan), r"row 1.gt_joints_2d.*finite"),
        "order": (put("gt_joints_3d/0", reversed_joints), r"row 0.gt_joints_3d.*order"),
        "units": (put("gt_joints_3d/0", scaled(1000)), r"row 0.gt_joints_3d.*millimetres"),
        "field": (drop("occlusion"), "occlusion.*missing"),
        "occlusion": (put("occlusion/0/0", lambda _: np.nan), "row 0.occlusion.*finite"),
        "rows": (put("isValid", lambda v: v[:1]), "isValid.*1 rows"),
        "joints": (put("gt_joints_3d/0", lambda j: np.array(j)[:, :20]), "20 joints"),
    },
    "h36m-p1": {
        "shape": (put("joint_3d/2/1/0", cut), r"2.1.0.*\[17, 2\]"),
        "nan": (put("joint_3d/2/1/0", nan), r"2.1.0.*finite"),
        "order": (put("joint_3d/2/1/0", reversed_joints), r"2.1.0.*order"),
        "units": (
            both(put("joint_3d/2/1/0", scaled(1e-3)), put("camera/1/t", scaled(1e-3))),
            r"2.1.0.*metres where this data set has millimetres",
        ),
        "field": (drop("camera/1/R"), r"1\.R.*missing"),
        "frame": (drop("joint_3d/2/1/5"), r"2\.1\.5.*missing"),
        "box": (put("data/annotations", lambda a: a[1:]), r"images\[0\].id"),
        "no images": (put("data/images", lambda _: []), "images.*empty"),
    },
    "rich": {
        "shape": (put("body_pose", cut), "body_pose"),
        "nan": (put("global_orient", nan), "global_orient.*finite"),
        "units": (put("transl", lambda t: 1000 * t - [[0, 0, 400000]]), "transl.*millimetres"),
        "field": (drop("betas"), "betas.*missing"),
    },
} | {
    name: {
        "shape": (put("annotations/0/keypoints", cut), r"annotations\[0\].keypoints"),
        "nan": (put("annotations/1/bbox", nan), r"annotations\[1\].bbox.*finite"),
        "order": (put("categories/0/keypoints", swapped), "keypoints.*order"),
        "field": (drop("annotations/0/bbox"), r"annotations\[0\].bbox.*missing"),
        "label": (put("annotations/0/keypoints", scaled(1.5)), r"keypoints.*v other than"),
        "box": (put("annotations/0/bbox", scaled(-1)), r"annotations\[0\].bbox"),
        "image id": (put("images", lambda i: i[1:]), r"annotations\[0\].image_id"),
        "nobody": (put("annotations", lambda a: a[4:]), "annotations.*nobody"),
    }
    for name in ("coco", "ochuman", "crowdpose")
}


def refusal(name: str, folder) -> str:
    with pytest.raises(DatasetError) as caught:
        list(open_dataset(name, folder))
    text = str(caught.value)
    assert str(folder) in text and "; " in text and len(text.split("; ")[-1]) > 5, text
    return text


def test_the_sweep_covers_every_reader():
    assert {PROTOCOLS[name].dataset for name in WRITERS} == set(READERS)
    assert set(DAMAGES) == set(WRITERS)
    for name, damages in DAMAGES.items():
        wanted = {"shape", "nan", "order", "units", "field"}
        # Keypoint files have no metres; RICH's parameters carry no order that could be checked.
        wanted -= {"units"} if not PROTOCOLS[name].metrics[0].endswith("mpjpe") else set()
        wanted -= {"order"} if name == "rich" else set()
        assert wanted <= set(damages), name


@pytest.mark.parametrize(
    "name, kind", [(name, kind) for name, damages in DAMAGES.items() for kind in damages]
)
def test_a_wrong_field_is_refused(name, kind, tmp_path):
    damage, wanted = DAMAGES[name][kind]
    WRITERS[name](tmp_path, damage)
    text = refusal(name, tmp_path)
    assert re.search(wanted, text), text


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "kind", ["missing", "empty", "cut off", "noise", "list", "image", "folder"]
)
def test_a_broken_file_is_refused(name, kind, tmp_path):
    written = WRITERS[name](tmp_path)
    path = written.annotation
    if kind == "missing":
        if name == "rich":
            for body in path.parent.glob("*.pkl"):
                body.unlink()
            path = path.parent
        else:
            path.unlink()
            if name in ("3dpw", "emdb-1", "agora"):  # found by a pattern, not by name
                path = tmp_path
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut off":
        path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(200))
    elif kind == "list":
        path.write_bytes(b"[1, 2]" if path.suffix == ".json" else b"(lp0\n.")
    elif kind == "image":
        written.image.unlink()
        path = written.image.with_suffix("")
    elif kind == "folder":
        path = tmp_path = tmp_path / "elsewhere"
    assert str(path) in refusal(name, tmp_path).replace("_1280x720", "") or kind == "image"


@pytest.mark.parametrize("name", WRITERS)
def test_a_whole_folder_is_read(name, tmp_path):
    WRITERS[name](tmp_path)
    dataset = open_dataset(name, tmp_path)
    images = list(dataset)
    assert len(dataset) == len(images) > 0
    for annotated in images:
        assert annotated.image.is_file()
        assert annotated.people.evaluated.any()


def test_json_that_nests_without_end_is_refused(tmp_path):
    path = tmp_path / "testset" / "annots.json"
    path.parent.mkdir()
    path.write_text("[" * 200_000)
    with pytest.raises(DatasetError, match="annots.json.*no whole JSON"):
        list(open_dataset("3doh", tmp_path))
