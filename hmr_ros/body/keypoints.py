"""Keypoints of posed bodies in the joint sets of detectors and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.body.joint_sets import JOINT_SETS
from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import skinned


@dataclass(frozen=True)
class Mixture:
    """K keypoints = ``joint_weights`` [K, 24] of the joints + ``vertex_weights`` [K, M] of the
    vertices ``vertex_ids`` [M]; rows sum to one over both."""

    joint_weights: np.ndarray
    vertex_ids: np.ndarray
    vertex_weights: np.ndarray


def mixture(model: BodyModel, name: str) -> Mixture:
    """Joint set ``name`` on ``model``. Raises ValueError if it is unknown, or if the set needs
    surface landmarks and the vertices of this model are not known."""
    if name not in JOINT_SETS:
        raise ValueError(f"joint set {name!r} is not one of {', '.join(JOINT_SETS)}")
    rows = list(JOINT_SETS[name].values())
    sources = {source for row in rows for source in row} - set(model.joint_names)
    unknown = sorted(sources - set(model.extra_vertices))
    if unknown:
        raise ValueError(
            f"joint set {name!r} needs the vertices of {', '.join(unknown)}, which are not known "
            f"for body model {model.name!r}: its mesh is not SMPL's; add extra_vertex_names and "
            "extra_vertex_ids to the .npz"
        )
    landmarks = sorted(sources)
    joint_weights = np.zeros((len(rows), len(model.joint_names)), np.float32)
    vertex_weights = np.zeros((len(rows), len(landmarks)), np.float32)
    for k, row in enumerate(rows):
        for source, weight in row.items():
            if source in sources:
                vertex_weights[k, landmarks.index(source)] = weight
            else:
                joint_weights[k, model.joint_names.index(source)] = weight
    ids = np.array([model.extra_vertices[n] for n in landmarks], np.int64)
    return Mixture(joint_weights, ids, vertex_weights)


def keypoints(
    model: BodyModel,
    rotations: np.ndarray,
    betas: np.ndarray,
    transl: np.ndarray | None,
    name: str,
) -> np.ndarray:
    """Keypoints [N, K, 3] in metres of bodies posed as for ``skinning.vertices``.

    name: blazepose33, coco17, h36m17, h36m14 or smpl24. Joints come from the skeleton, landmarks
    from the skin; only their few vertices are skinned. Raises ValueError as ``mixture`` does.
    """
    parts = mixture(model, name)
    rest = rest_joints(model, np.asarray(betas, rotations.dtype))
    joints, global_rotations = forward_kinematics(rotations, rest, model.parents)
    points = np.einsum("kj,njc->nkc", parts.joint_weights, joints)
    if len(parts.vertex_ids):
        skin = skinned(
            model, rotations, betas, rest, joints, global_rotations, None, parts.vertex_ids
        )
        points = points + np.einsum("km,nmc->nkc", parts.vertex_weights, skin)
    if transl is not None:
        points = points + np.asarray(transl, rotations.dtype)[:, None]
    return points.astype(rotations.dtype, copy=False)


def bone_parts(model: BodyModel, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each bone carries of each keypoint at rest, for solvers that turn bones.

    Returns template [K, 24, 3], shape [K, 24, 3, 10] and share [K, 24], float64: bone b adds
    ``G_b (template + shape @ betas - share * rest_b) + share * joint_b`` to keypoint k. The sum
    over bones is ``keypoints`` without pose correctives (millimetres, on landmarks only).
    """
    parts = mixture(model, name)
    ids, on_skin = parts.vertex_ids, parts.vertex_weights.astype(np.float64)
    weight = np.einsum("km,mb->kbm", on_skin, model.weights[ids])
    template = np.einsum("kbm,mc->kbc", weight, model.v_template[ids])
    shape = np.einsum("kbm,mcs->kbcs", weight, model.shapedirs[ids])
    # A joint is carried by its own bone, at the bone's rest position.
    template += parts.joint_weights[..., None] * model.joint_template
    shape += parts.joint_weights[..., None, None] * model.joint_shapedirs
    return template, shape, weight.sum(-1) + parts.joint_weights
