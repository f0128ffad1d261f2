"""Joint sets as mixtures of SMPL joints and surface landmarks."""

from __future__ import annotations

from hmr_ros.body.model import JOINT_NAMES

# Each keypoint: sources with their weights; a source is a joint or a landmark of the body model.
Keypoint = dict[str, float]


def _pairs(names: str, sources: dict[str, str] | None = None) -> dict[str, Keypoint]:
    """Left before right, each the joint or landmark of its own name unless ``sources`` says."""
    return {
        f"{side}_{name}": {(sources or {}).get(f"{side}_{name}", f"{side}_{name}"): 1.0}
        for name in names.split()
        for side in ("left", "right")
    }


_EARS = {"left_ear": {"lear": 1.0}, "right_ear": {"rear": 1.0}}
_LIMBS = "shoulder elbow wrist"
_BLAZEPOSE33: dict[str, Keypoint] = {
    "nose": {"nose": 1.0},
    "left_eye_inner": {"left_eye_inner": 1.0},
    "left_eye": {"leye": 1.0},
    "left_eye_outer": {"left_eye_outer": 1.0},
    "right_eye_inner": {"right_eye_inner": 1.0},
    "right_eye": {"reye": 1.0},
    "right_eye_outer": {"right_eye_outer": 1.0},
    **_EARS,
    "mouth_left": {"left_mouth": 1.0},
    "mouth_right": {"right_mouth": 1.0},
    **_pairs(_LIMBS),
    "left_pinky": {"left_pinky_knuckle": 1.0},
    "right_pinky": {"right_pinky_knuckle": 1.0},
    "left_index": {"left_index_knuckle": 1.0},
    "right_index": {"right_index_knuckle": 1.0},
    "left_thumb": {"left_thumb_knuckle": 1.0},
    "right_thumb": {"right_thumb_knuckle": 1.0},
    **_pairs("hip knee ankle"),
    "left_heel": {"LHeel": 1.0},
    "right_heel": {"RHeel": 1.0},
    "left_foot_index": {"LBigToe": 1.0},
    "right_foot_index": {"RBigToe": 1.0},
}
_COCO17: dict[str, Keypoint] = {
    "nose": {"nose": 1.0},
    "left_eye": {"leye": 1.0},
    "right_eye": {"reye": 1.0},
    **_EARS,
    **_pairs(f"{_LIMBS} hip knee ankle"),
}


def _same(*names: str) -> dict[str, Keypoint]:
    return {name: {name: 1.0} for name in names}


_H36M17: dict[str, Keypoint] = {
    "pelvis": {"left_hip": 0.5, "right_hip": 0.5},
    **_same("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    "spine": {"spine2": 1.0},
    "thorax": {"neck": 1.0},
    "nose": {"nose": 1.0},
    "head_top": {"head_top": 1.0},
    **_same("left_shoulder", "left_elbow", "left_wrist"),
    **_same("right_shoulder", "right_elbow", "right_wrist"),
}
# The 14 joints on which Human3.6M and 3DPW results are commonly compared, in LSP order.
_H36M14: dict[str, Keypoint] = {
    **_same("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    **_same("right_wrist", "right_elbow", "right_shoulder"),
    **_same("left_shoulder", "left_elbow", "left_wrist"),
    "neck": {"neck": 1.0},
    "head_top": {"head_top": 1.0},
}

JOINT_SETS: dict[str, dict[str, Keypoint]] = {
    "blazepose33": _BLAZEPOSE33,
    "coco17": _COCO17,
    "h36m17": _H36M17,
    "h36m14": _H36M14,
    "smpl24": _same(*JOINT_NAMES),
}
