"""Small data-set folders in the layouts in which their owners publish them, made for tests."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.model import JOINT_NAMES, BodyModel, load_body_model
from hmr_ros.data.datasets.threedpw import OBJECT_OCCLUDED, PERSON_OCCLUDED

WIDTH, HEIGHT = 320, 240
K = np.array([[260.0, 0, 158.0], [0, 262.0, 121.0], [0, 0, 1]])
Damage = Callable[[dict], object]


@dataclass
class Written:
    """A folder and what was put into it.

    annotation: the file that ``damage`` was done to; image: one that is read.
    poses [P, F, 24, 3], betas [P, 10], transl [P, F, 3]: world. cameras: [F, 4, 4] from world.
    world, camera: joints [P, F, 24, 3]; points: [P, F, 24, 2] pixels.
    """

    folder: Path
    poses: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    cameras: np.ndarray
    world: np.ndarray
    camera: np.ndarray
    points: np.ndarray
    annotation: Path | None = None
    image: Path | None = None


def made(folder: Path, people: int, frames: int, seed: int = 0, name: str = "smpl24") -> Written:
    """Upright people with random limbs before a camera that turns, in a Y-up world."""
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 0.15, (people, frames, 24, 3))
    poses[..., 0, 1] += 1.3
    betas = rng.normal(0, 0.5, (people, 10))
    transl = rng.normal(0, 0.1, (people, frames, 3)) + [0, 0.9, 0]
    transl[..., 0] += np.linspace(-0.6, 0.6, people)[:, None]
    cameras = np.tile(np.eye(4), (frames, 1, 1))
    turn = Rotation.from_rotvec(np.linspace([0, 1, 0], [0, 1.2, 0], frames)).as_matrix()
    cameras[:, :3, :3] = np.diag([1.0, -1, -1]) @ turn
    cameras[:, :3, 3] = [0.1, 0.9, 3.6]
    model = _body()
    world = []
    for p in range(people):
        rotations = Rotation.from_rotvec(poses[p].reshape(-1, 3)).as_matrix()
        rotations = rotations.reshape(frames, 24, 3, 3)
        shape = np.repeat(betas[p : p + 1], frames, 0)
        world.append(keypoints(model, rotations, shape, transl[p], name))
    world = np.array(world)
    camera = np.einsum("fab,pfjb->pfja", cameras[:, :3, :3], world) + cameras[:, None, :3, 3]
    image = camera @ K.T
    return Written(
        folder, poses, betas, transl, cameras, world, camera, image[..., :2] / image[..., 2:]
    )


@lru_cache
def _body() -> BodyModel:
    return load_body_model()


def write_image(path: Path, width: int = WIDTH, height: int = HEIGHT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def write_pickle(path: Path, content: object) -> Path:
    """As Python 2 and an old numpy wrote them: protocol 2, numpy.core."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = pickle.dumps(content, protocol=2)
    path.write_bytes(data.replace(b"cnumpy._core.", b"cnumpy.core."))
    return path


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


OPENPOSE = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear "
    "left_ear"
)


def write_3dpw(
    folder: Path,
    damage: Damage | None = None,
    name: str = "downtown_walk_00",
    split: str = "test",
    frames: int = 3,
    first: int = 0,
) -> Written:
    """Two people; the first has no valid camera from the second image on, the other no keypoints
    from the third image on: nobody counts there."""
    truth = made(folder, 2, frames)
    valid = np.ones((2, frames), np.int64)
    valid[0, first + 1 :] = 0
    points = np.ones((2, frames, 3, 18))
    same = {"nose": "head", **dict.fromkeys(("right_eye", "left_eye"), "head")}
    same |= dict.fromkeys(("right_ear", "left_ear"), "head")
    order = [JOINT_NAMES.index(same.get(name, name)) for name in OPENPOSE.split()]
    points[:, :, :2] = truth.points[:, :, order].swapaxes(2, 3)
    points[1, first + 2 :] = 0
    content = {
        "sequence": name,
        "betas": [np.append(b, np.zeros(290)) for b in truth.betas],
        "poses": list(truth.poses.reshape(2, frames, 72)),
        "trans": list(truth.transl),
        "genders": ["m", "f"],
        "poses2d": list(points),
        "jointPositions": list(truth.world.reshape(2, frames, 72)),
        "img_frame_ids": np.arange(frames),
        "cam_poses": truth.cameras,
        "campose_valid": list(valid),
        "cam_intrinsics": K,
    }
    if damage:
        damage(content)
    truth.annotation = write_pickle(folder / "sequenceFiles" / split / f"{name}.pkl", content)
    for frame in range(first, frames):
        write_image(folder / "imageFiles" / name / f"image_{frame:05d}.jpg")
    truth.image = folder / "imageFiles" / name / f"image_{first:05d}.jpg"
    return truth


def write_3dpw_subsets(folder: Path) -> None:
    """All sequences on the lists of 3DPW-OC, -PC and -Crowd, spread over the three splits."""
    names = [f"{kind}_00" for kind in OBJECT_OCCLUDED]
    names += [name for name in PERSON_OCCLUDED if name not in names]
    for number, name in enumerate(names):
        split = ("train", "validation", "test")[number % 3]
        if name in ("courtyard_hug_00", "courtyard_dancing_00"):
            split = "validation"
        first = PERSON_OCCLUDED.get(name, (0, 0))[0]
        write_3dpw(folder, name=name, split=split, frames=first + 3, first=first)
        if name != "downtown_bus_00":  # all other sequences count as a whole for -OC, -Crowd
            for frame in range(first):
                write_image(folder / "imageFiles" / name / f"image_{frame:05d}.jpg")


def write_3doh(folder: Path, damage: Damage | None = None) -> Written:
    truth = made(folder, 1, 2)
    content = {}
    for frame in range(2):
        joints, points = truth.camera[0, frame], truth.points[0, frame]
        content[f"{frame:05d}"] = {
            "img_path": f"images\\{frame:05d}.jpg",
            "mask_path": f"masks\\{frame:05d}.png",
            "bbox": [points.min(0).tolist(), points.max(0).tolist()],
            "betas": truth.betas.tolist(),
            "pose": truth.poses[:, frame].reshape(1, 72).tolist(),
            "trans": [[0.0, 0.0, 0.0]],
            "scale": [7.0],
            "smpl_joints_2d": points.tolist(),
            "smpl_joints_3d": (7.0 * joints).tolist(),
            "lsp_joints_2d": points[:14].tolist(),
            "lsp_joints_3d": (7.0 * joints[:14]).tolist(),
            "intri": K.tolist(),
            "extri": truth.cameras[frame].tolist(),
        }
        truth.image = write_image(folder / "testset" / "images" / f"{frame:05d}.jpg")
    if damage:
        damage(content["00000"])
    truth.annotation = write_json(folder / "testset" / "annots.json", content)
    return truth


def write_emdb(folder: Path, damage: Damage | None = None, emdb: tuple = (True, True)) -> Written:
    """One person; frame 1 is not good and its box and points are not known."""
    truth = made(folder, 1, 3)
    place = folder / "P0" / "09_outdoor_walk"
    corners = np.concatenate([truth.points[0].min(1), truth.points[0].max(1)], 1)
    corners[1] = np.nan
    content = {
        "gender": "female",
        "name": "P0_09_outdoor_walk",
        "emdb1": emdb[0],
        "emdb2": emdb[1],
        "n_frames": 3,
        "good_frames_mask": np.array([True, False, True]),
        "camera": {"intrinsics": K, "extrinsics": truth.cameras, "width": WIDTH, "height": HEIGHT},
        "smpl": {
            "poses_root": truth.poses[0, :, 0],
            "poses_body": truth.poses[0, :, 1:].reshape(3, 69),
            "trans": truth.transl[0],
            "betas": truth.betas[0],
        },
        "kp2d": truth.points[0].copy(),
        "bboxes": {"bboxes": corners, "invalid_idxs": np.array([1])},
    }
    if damage:
        damage(content)
    truth.annotation = write_pickle(place / "P0_09_outdoor_walk_data.pkl", content)
    for frame in range(3):
        truth.image = write_image(place / "images" / f"{frame:05d}.jpg")
    return truth


def write_agora(folder: Path, damage: Damage | None = None, model: str = "smpl") -> Written:
    """Two images of two people, the second of them 95 % occluded: tables after conversion."""
    truth = made(folder, 2, 2)
    extra = np.zeros((2, 2, 21, 3))
    joints = np.concatenate([truth.camera, extra + truth.camera[:, :, :1]], 2)
    points = np.concatenate([truth.points, truth.points[:, :, :1] + extra[..., :2]], 2)
    names = ["ag_validation_hdri_5_15_00001.png", "ag_validation_bfh_archviz_5_10_cam02_00002.png"]
    content = {
        "imgPath": names,
        "gender": [["male", "female"]] * 2,
        "kid": [[False, False]] * 2,
        "occlusion": [[12.5, 95.0] for _ in range(2)],
        "isValid": [[True, False]] * 2,
        "X": [[0.0, 1.0]] * 2,
        "camX": [None, 0.0],
        "camY": [None, 0.0],
        "camZ": [None, 0.0],
        "camYaw": [None, 0.0],
        "gt_joints_2d": [list(points[:, f] * (3840 / WIDTH)) for f in range(2)],
        "gt_joints_3d": [list(joints[:, f]) for f in range(2)],
        "gt_verts": [list(joints[:, f]) for f in range(2)],
    }
    if damage:
        damage(content)
    truth.annotation = write_pickle(folder / model / "validation_0_withjv.pkl", content)
    for name in names:
        truth.image = write_image(
            folder / "images" / name.replace(".png", "_1280x720.png"), WIDTH, 180
        )
    return truth


def write_h36m(folder: Path, damage: Damage | None = None) -> Written:
    """Subjects 9 and 11, one action, cameras 1 and 4, frames 0 and 1 and 5; ``damage`` to S9."""
    truth = made(folder, 1, 1, name="h36m17")
    for subject in (9, 11):
        data = {"images": [], "annotations": []}
        for number, (camera, frame) in enumerate([(1, 0), (1, 5), (4, 0), (4, 1), (4, 5)]):
            place = f"s_{subject:02d}_act_02_subact_01_ca_{camera:02d}"
            name = f"{place}/{place}_{frame + 1:06d}.jpg"
            entry = {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT,
                     "subject": subject, "action_name": "Directions", "action_idx": 2,
                     "subaction_idx": 1, "cam_idx": camera, "frame_idx": frame}  # fmt: skip
            data["images"].append(entry)
            low, high = truth.points[0, 0].min(0), truth.points[0, 0].max(0)
            box = [*low.tolist(), *(high - low).tolist()]
            data["annotations"].append({"id": number, "image_id": number, "bbox": box})
            image = write_image(folder / "images" / name)
            if subject == 9:
                truth.image = image
        calibration = {
            "R": truth.cameras[0, :3, :3].tolist(),
            "t": (1000 * truth.cameras[0, :3, 3]).tolist(),
            "f": [K[0, 0], K[1, 1]],
            "c": [K[0, 2], K[1, 2]],
        }
        millimetres = (1000 * truth.world[0, 0]).tolist()
        content = {
            "data": data,
            "camera": {"1": calibration, "4": calibration},
            "joint_3d": {"2": {"1": dict.fromkeys(("0", "1", "5"), millimetres)}},
        }
        if damage and subject == 9:
            damage(content)
        for kind, value in content.items():
            path = folder / "annotations" / f"Human36M_subject{subject}_{kind}.json"
            write_json(path, value)
    truth.annotation = folder / "annotations" / "Human36M_subject9_joint_3d.json"
    return truth


RICH_XML = """<?xml version="1.0"?>
<opencv_storage>
<CameraMatrix type_id="opencv-matrix"><rows>3</rows><cols>4</cols><dt>f</dt>
<data>{extrinsics}</data></CameraMatrix>
<Intrinsics type_id="opencv-matrix"><rows>3</rows><cols>3</cols><dt>f</dt>
<data>{intrinsics}</data></Intrinsics>
<Distortion type_id="opencv-matrix"><rows>1</rows><cols>5</cols><dt>f</dt>
<data>0.1 -0.2 0. 0. 0.</data></Distortion>
</opencv_storage>
"""


def write_rich(folder: Path, damage: Damage | None = None) -> Written:
    """One sequence of two frames in two cameras, subjects 9 and 17."""
    truth = made(folder, 2, 2)
    name = "ParkingLot2_009_017_talk"
    for frame in range(2):
        for row, subject in enumerate((9, 17)):
            content = {
                "transl": truth.transl[row, frame][None].astype(np.float32),
                "global_orient": truth.poses[row, frame, :1].astype(np.float32),
                "body_pose": truth.poses[row, frame, 1:22].reshape(1, 63).astype(np.float32),
                "betas": truth.betas[row][None].astype(np.float32),
                "left_hand_pose": np.zeros((1, 12), np.float32),
                "expression": np.zeros((1, 10), np.float32),
            }
            path = folder / "bodies" / "test" / name / f"{frame:05d}" / f"{subject:03d}.pkl"
            if damage and (frame, subject) == (0, 9):
                damage(content)
            write_pickle(path, content)
            if (frame, subject) == (0, 9):
                truth.annotation = path
        for camera in (0, 3):
            place = folder / "images" / "test" / name / f"cam_{camera:02d}"
            truth.image = write_image(place / f"{frame:05d}_{camera:02d}.bmp")
    for camera in (0, 3):
        path = folder / "scan_calibration" / "ParkingLot2" / "calibration" / f"{camera:03d}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = RICH_XML.format(
            extrinsics=" ".join(f"{v:.12g}" for v in truth.cameras[0, :3].ravel()),
            intrinsics=" ".join(f"{v:.12g}" for v in K.ravel()),
        )
        path.write_text(text)
    write_json(folder / "gender.json", {"9": "female", "17": "male"})
    return truth


def _write_keypoints(
    folder: Path, annotation: str, images: str, names: tuple[str, ...], damage: Damage | None
) -> Written:
    """Two images: two people and one; beside them a crowd region and somebody without labels."""
    truth = made(folder, 2, 2, name="coco17")
    points = np.full((2, 2, len(names), 3), 2.0)
    points[..., :2] = truth.points[:, :, : len(names)]

    def person(number: int, image: int, values: np.ndarray, **more) -> dict:
        low, high = truth.points[0, 0].min(0), truth.points[0, 0].max(0)
        box = [*low.tolist(), *(high - low).tolist()]
        entry = {"id": number, "image_id": image, "bbox": box, "area": 900.0, "iscrowd": 0}
        return entry | {"keypoints": values.ravel().tolist()} | more

    content = {
        "images": [
            {"id": 40 + f, "file_name": f"{f:012d}.jpg", "width": WIDTH, "height": HEIGHT}
            for f in range(2)
        ],
        "annotations": [
            person(1, 40, points[0, 0]),
            person(2, 40, points[1, 0]),
            person(3, 41, points[0, 1]),
            person(4, 41, points[0, 1], iscrowd=1),
            person(5, 41, 0 * points[0, 1]),
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(names)}],
    }
    if damage:
        damage(content)
    truth.annotation = write_json(folder / annotation, content)
    for frame in range(2):
        truth.image = write_image(folder / images / f"{frame:012d}.jpg")
    return truth


COCO = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow "
    "right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle"
)
CROWDPOSE = (
    "left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip "
    "left_knee right_knee left_ankle right_ankle head neck"
)


def write_coco(folder: Path, damage: Damage | None = None) -> Written:
    annotation = "annotations/person_keypoints_val2017.json"
    return _write_keypoints(folder, annotation, "val2017", tuple(COCO.split()), damage)


def write_ochuman(folder: Path, damage: Damage | None = None) -> Written:
    annotation = "ochuman_coco_format_test_range_0.00_1.00.json"
    return _write_keypoints(folder, annotation, "images", tuple(COCO.split()), damage)


def write_crowdpose(folder: Path, damage: Damage | None = None) -> Written:
    names = tuple(CROWDPOSE.split())
    return _write_keypoints(folder, "json/crowdpose_test.json", "images", names, damage)
