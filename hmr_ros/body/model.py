"""The body model: what an SMPL-format file holds, checked and ready for skinning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.body.landmarks import landmark_vertices
from hmr_ros.body.pose_correctives import PoseBlocks, pose_blocks

JOINTS = 24
BETAS = 10
POSE_FEATURES = 9 * (JOINTS - 1)
MAX_INFLUENCES = 4
GENDERS = ("neutral", "male", "female")

JOINT_NAMES = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)
FEET = (7, 8, 10, 11)  # ankles and feet


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A body in SMPL layout: Y up, facing +Z, the subject's left is +X, metres.

    name:            file stem; betas belong to the model of this name only.
    v_template:      [V, 3] float32, the mean body in the T-pose.
    shapedirs:       [V, 3, 10] float32, metres a unit of beta.
    posedirs:        [V, 3, 207] float32, metres a unit of (R_1..R_23 - I), row-major; None if zero.
    J_regressor:     [24, V] float32, rest joints from rest vertices.
    weights:         [V, 24] float32, skinning weights; rows sum to one.
    weight_index:    [V, K] int32, joints of the K largest weights; K is 4, more only for a file
                     that needs more.
    weight_value:    [V, K] float32, the weights themselves.
    parents:         [24] int32, parent of each joint; -1 at the pelvis.
    faces:           [F, 3] int32, counter-clockwise seen from outside.
    joint_names:     24 names.
    part_id:         [V] uint8, joint of largest weight.
    joint_template:  [24, 3] float64, ``J_regressor @ v_template``.
    joint_shapedirs: [24, 3, 10] float64.
    extra_vertices:  vertex of each named landmark (nose, eyes, heels, ...); empty if unknown.
    pose_blocks:     ``posedirs`` without its zeros, or None.
    """

    name: str
    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray | None
    J_regressor: np.ndarray
    weights: np.ndarray
    weight_index: np.ndarray
    weight_value: np.ndarray
    parents: np.ndarray
    faces: np.ndarray
    joint_names: tuple[str, ...]
    part_id: np.ndarray
    joint_template: np.ndarray
    joint_shapedirs: np.ndarray
    extra_vertices: dict[str, int]
    pose_blocks: PoseBlocks | None


def load_body_model(path: str | Path | None = None, gender: str = "neutral") -> BodyModel:
    """Read a body model from a file in SMPL layout.

    path: ``.npz`` with SMPL's keys, or an official SMPL ``.pkl`` (read through ``smplx``), or a
    folder with ``SMPL_<GENDER>.npz`` or ``.pkl``; None for the open body of this package.
    Raises FileNotFoundError, ModuleNotFoundError (a pickle, but no ``smplx``) or ValueError (not
    an SMPL body, wrong gender); each says how to mend it.
    """
    if gender not in GENDERS:
        raise ValueError(f"gender {gender!r} is not one of {', '.join(GENDERS)}")
    path = (
        asset("weights", "open_body.npz")
        if path is None
        else _file(Path(path).expanduser(), gender)
    )
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no body model there; give an SMPL .npz or .pkl, or leave body_model_path "
            "empty for the open body"
        )
    _check_gender(path, gender)
    if path.suffix == ".npz":
        arrays = _read_npz(path)
    elif path.suffix == ".pkl":
        from hmr_ros.body.smpl_pickle import read_pickle

        arrays = read_pickle(path)
    else:
        raise ValueError(f"{path}: expected a body model as .npz or .pkl, not {path.suffix!r}")
    return _assembled(path, arrays)


def _file(path: Path, gender: str) -> Path:
    if not path.is_dir():
        return path
    for suffix in (".npz", ".pkl"):
        candidate = path / f"SMPL_{gender.upper()}{suffix}"
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"{path}: this folder has neither SMPL_{gender.upper()}.npz nor SMPL_{gender.upper()}.pkl; "
        "rename the file so or give its path"
    )


def _check_gender(path: Path, gender: str) -> None:
    """Refuse SMPL_MALE.pkl or basicmodel_m_lbs... where another gender is asked for."""
    words = path.stem.lower().split("_")
    if words[0] not in ("smpl", "basicmodel") or len(words) < 2:
        return
    found = {"m": "male", "f": "female"}.get(words[1], words[1])
    if found in GENDERS and found != gender:
        raise ValueError(
            f"{path}: by its name a {found} body, but gender {gender!r} was asked for; "
            f"load it with gender={found!r}"
        )


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(
            f"{path}: cannot be read as a body model ({error}); it may be cut short, or hold "
            "pickled objects: copy it again, or save it with plain arrays"
        ) from error


def _assembled(path: Path, arrays: dict[str, np.ndarray]) -> BodyModel:
    _check(path, arrays)
    template = np.ascontiguousarray(arrays["v_template"], np.float32)
    # SMPL releases with 300 coefficients order them by variance: the first ten are the classic set.
    shapedirs = np.ascontiguousarray(arrays["shapedirs"][:, :, :BETAS], np.float32)
    posedirs = np.ascontiguousarray(arrays["posedirs"], np.float32)
    if not posedirs.any():
        posedirs = None
    regressor = np.ascontiguousarray(arrays["J_regressor"], np.float32)
    weights = np.ascontiguousarray(arrays["weights"], np.float32)
    influences = max(MAX_INFLUENCES, int((weights != 0).sum(1).max()))
    index = np.argsort(-weights, axis=1, kind="stable")[:, :influences].astype(np.int32)
    parents = arrays["kintree_table"][0].astype(np.int64).astype(np.int32)
    parents[0] = -1
    regressor64 = regressor.astype(np.float64)
    part_id = arrays.get("part_id")
    joint_template = _regressed(regressor64, template)
    return BodyModel(
        name=path.stem,
        v_template=template,
        shapedirs=shapedirs,
        posedirs=posedirs,
        J_regressor=regressor,
        weights=weights,
        weight_index=index,
        weight_value=np.take_along_axis(weights, index, axis=1),
        parents=parents,
        faces=np.ascontiguousarray(arrays["f"], np.int32),
        joint_names=JOINT_NAMES,
        part_id=(weights.argmax(1) if part_id is None else part_id).astype(np.uint8),
        joint_template=joint_template,
        joint_shapedirs=_regressed(regressor64, shapedirs),
        extra_vertices=landmark_vertices(template, joint_template, _named_vertices(arrays)),
        pose_blocks=None if posedirs is None else pose_blocks(posedirs),
    )


def _regressed(regressor: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums of values [V, ...] by the weights of each joint [24, V] float64, added one after the
    other: matrix products of a library differ in the last bit from one machine to another."""
    rows = [np.flatnonzero(joint) for joint in regressor]
    shape = (-1,) + (1,) * (values.ndim - 1)
    return np.stack(
        [(j[r].reshape(shape) * values[r]).sum(0) for j, r in zip(regressor, rows, strict=True)]
    )


def _named_vertices(arrays: dict[str, np.ndarray]) -> dict[str, int] | None:
    if "extra_vertex_names" not in arrays:
        return None
    names, ids = arrays["extra_vertex_names"], arrays["extra_vertex_ids"]
    return {str(name): int(vertex) for name, vertex in zip(names, ids, strict=True)}


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    required = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")
    missing = [key for key in (*required, "f") if key not in arrays]
    if missing:
        raise ValueError(
            f"{path}: not an SMPL body: {', '.join(missing)} missing; expected the keys of SMPL's "
            "own files"
        )
    vertices = len(arrays["v_template"])
    expected = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, max(BETAS, arrays["shapedirs"].shape[-1])),
        "posedirs": (vertices, 3, POSE_FEATURES),
        "J_regressor": (JOINTS, vertices),
        "weights": (vertices, JOINTS),
        "kintree_table": (2, JOINTS),
        "f": (len(arrays["f"]), 3),
    }
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise ValueError(
                f"{path}: {key} has shape {arrays[key].shape}, expected {shape}: this is not a "
                "24-joint SMPL body (SMPL-H and SMPL-X are not read)"
            )
    for key in required[:-1]:
        if not np.isfinite(arrays[key]).all():
            raise ValueError(f"{path}: {key} holds values that are not finite; copy the file again")
    faces, parents = arrays["f"], arrays["kintree_table"][0].astype(np.int64)
    if faces.size == 0 or faces.min() < 0 or faces.max() >= vertices:
        raise ValueError(f"{path}: f names vertices outside 0..{vertices - 1}; wrong file")
    if not all(0 <= parents[j] < j for j in range(1, JOINTS)):
        raise ValueError(f"{path}: kintree_table must list each parent before its children")
    sums = arrays["weights"].sum(1)
    if abs(sums - 1).max() > 1e-3:
        raise ValueError(
            f"{path}: weights of a vertex must sum to 1, found {sums.min():.3f}..{sums.max():.3f}"
        )
