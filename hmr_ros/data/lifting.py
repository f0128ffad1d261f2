"""Training and evaluation samples of the lifter, made on the fly from motion clips.

A sample is a posed body, a camera, and the keypoints that a detector might have given. Two
distributions: ``crop`` (crop cameras, missing points; the one that figures are compared on) and
``robot`` (robot cameras, a detector's own errors). Everything is vectorised torch on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from hmr_ros.data import camera_sampling, keypoint_noise
from hmr_ros.data.detections.stand_in import stand_in
from hmr_ros.data.measured_errors import CLASSES, MeasuredErrors
from hmr_ros.data.motions import load_motions

UPPER = [3, 6, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
# Left upper and lower joint of a limb (the right ones follow) and the axis-angle of a full bend.
BENDS = {
    (1, 4): ((-1.5, 0.0, 0.0), (1.8, 0.0, 0.0)),
    (16, 18): ((0.0, -0.8, 0.6), (0.0, -1.9, 0.0)),
}
LIMBS = [[1, 4, 7, 10], [2, 5, 8, 11], [13, 16, 18, 20, 22], [14, 17, 19, 21, 23]]
MIRRORED_JOINT = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20]
MIRRORED_JOINT += [23, 22]

# Posed bodies: rotations [N, 24, 3, 3] and betas [N, 10] to joints [N, 24, 3] and landmarks
# [N, K, 3] about the pelvis (``hmr_ros.models.skeleton.Skeleton`` is one).
Skeleton = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass
class Samples:
    """N samples; camera optical frame, metres; image coordinates on the plane at z = 1.

    rotations [N, 24, 3, 3], betas [N, 10], joints [N, 24, 3], landmarks [N, K, 3];
    visible [N, 24] of the joints; keypoints [N, K, 3] with confidence, box [N, 4], image [N, 4]
    are the lifter's input.
    """

    rotations: Tensor
    betas: Tensor
    joints: Tensor
    landmarks: Tensor
    visible: Tensor
    keypoints: Tensor
    box: Tensor
    image: Tensor

    def __len__(self) -> int:
        return len(self.betas)

    def map(self, change) -> Samples:
        """The same samples with ``change`` applied to every tensor."""
        return Samples(**{f.name: change(getattr(self, f.name)) for f in fields(self)})


def join(*parts: Samples) -> Samples:
    """All samples of ``parts``, one after the other."""
    return Samples(
        **{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Samples)}
    )


class PoseSource:
    """Poses of one split of a motion file; long clips count with the root of their length.

    path: see ``hmr_ros.data.motions.load_motions``, whose MotionError is raised here too.
    """

    def __init__(self, path: str | Path, split: str) -> None:
        motions = load_motions(path).split(split)
        lengths = np.diff(motions.starts)
        weight = np.repeat(1 / np.sqrt(lengths), lengths)
        self.poses = torch.tensor(motions.poses)
        self._cumulative = torch.tensor(np.cumsum(weight) / weight.sum())

    def draw(self, n: int, rng: Generator) -> Tensor:
        """[n, 24, 3] axis-angle."""
        at = torch.searchsorted(self._cumulative, torch.rand(n, generator=rng).double())
        return self.poses[at.clamp(max=len(self.poses) - 1)].clone()


def rotation_from_axis_angle(rotation: Tensor) -> Tensor:
    """[..., 3] to [..., 3, 3] (Rodrigues)."""
    angle = rotation.norm(dim=-1, keepdim=True) + 1e-8
    x, y, z = (rotation / angle).unbind(-1)
    c, s = angle[..., 0].cos(), angle[..., 0].sin()
    t = 1 - c
    rows = [t * x * x + c, t * x * y - s * z, t * x * z + s * y]
    rows += [t * x * y + s * z, t * y * y + c, t * y * z - s * x]
    rows += [t * x * z - s * y, t * y * z + s * x, t * z * z + c]
    return torch.stack(rows, -1).reshape(*rotation.shape[:-1], 3, 3)


def varied(source: PoseSource, n: int, rng: Generator) -> Tensor:
    """Poses with 0.06 rad of noise, one in three with another frame's upper body."""
    poses = source.draw(n, rng)
    poses[:, 1:] += torch.randn(n, 23, 3, generator=rng) * 0.06
    mixed = torch.rand(n, 1, 1, generator=rng) < 0.35
    poses[:, UPPER] = torch.where(mixed, source.draw(n, rng)[:, UPPER], poses[:, UPPER])
    return poses


def varied_mirrored(source: PoseSource, n: int, rng: Generator) -> Tensor:
    """``varied``, half of the people as in a mirror."""
    poses = varied(source, n, rng)
    flip = torch.rand(n, 1, 1, generator=rng) < 0.5
    return torch.where(flip, mirrored(poses), poses)


def varied_more(source: PoseSource, n: int, rng: Generator) -> Tensor:
    """``varied_mirrored``, and single limbs of other frames, stronger noise, bent limbs.

    Photographs show people who sit, crouch, reach and climb; motion clips mostly do not.
    """
    poses = varied_mirrored(source, n, rng)
    for limb in LIMBS:
        mixed = torch.rand(n, 1, 1, generator=rng) < 0.15
        poses[:, limb] = torch.where(mixed, source.draw(n, rng)[:, limb], poses[:, limb])
    strong = (torch.rand(n, 1, 1, generator=rng) < 0.15) * 0.15
    poses[:, 1:] += torch.randn(n, 23, 3, generator=rng) * strong
    for (upper, lower), bend in BENDS.items():
        for side in range(2):
            bent = torch.rand(n, 1, generator=rng) < 0.12
            swing = torch.randn(n, 3, generator=rng) * 0.4
            amount = torch.rand(n, 1, generator=rng)
            mirror = torch.tensor([1.0, -1.0, -1.0]) if side else torch.ones(3)
            for joint, axis in zip((upper + side, lower + side), bend, strict=True):
                poses[:, joint] += bent * amount * mirror * torch.tensor(axis)
            poses[:, upper + side] += bent * swing
    sitting = (torch.rand(n, 1, 1, generator=rng) < 0.08) * torch.rand(n, 1, 1, generator=rng)
    hip, knee = torch.tensor([-1.6, 0.0, 0.0]), torch.tensor([1.6, 0.0, 0.0])
    poses[:, [1, 2]] += sitting * hip
    poses[:, [4, 5]] += sitting * knee
    return poses


def mirrored(poses: Tensor) -> Tensor:
    """Axis-angle poses [N, 24, 3] of the mirror image: sides exchanged, x kept, y and z negated."""
    return poses[:, MIRRORED_JOINT] * torch.tensor([1.0, -1.0, -1.0])


def shapes(n: int, rng: Generator) -> Tensor:
    return torch.randn(n, 10, generator=rng).clamp(-2.5, 2.5)


def crop_samples(poses: Tensor, skeleton: Skeleton, rng: Generator) -> Samples:
    """People in square crops with occluders and missing points. poses [N, 24, 3] axis-angle."""
    rotations, betas = rotation_from_axis_angle(poses), shapes(len(poses), rng)
    cameras = camera_sampling.crop_cameras(skeleton(rotations, betas)[0], rng)
    rotations, joints, landmarks = _seen_by(cameras, rotations, betas, skeleton)
    points, centres = _flat(landmarks), _flat(joints)
    side = cameras.image[:, 2] - cameras.image[:, 0]
    hidden, joint_hidden = keypoint_noise.occluders(points, centres, side, rng)
    visible = keypoint_noise.inside(points, cameras.image) & ~hidden
    detected = keypoint_noise.dropped(points, visible, side, rng)
    return Samples(
        rotations=rotations,
        betas=betas,
        joints=joints,
        landmarks=landmarks,
        visible=keypoint_noise.inside(centres, cameras.image) & ~joint_hidden,
        keypoints=_packed(detected),
        box=cameras.image,
        image=cameras.image,
    )


@dataclass(frozen=True)
class Blazepose:
    """BlazePose's errors as training uses them.

    skeleton: like the body's, with the landmarks where BlazePose puts them.
    """

    skeleton: Skeleton
    errors: MeasuredErrors


def robot_samples(
    poses: Tensor, skeleton: Skeleton, blazepose: Blazepose, rng: Generator
) -> Samples:
    """People in robots' images with a detector's errors. poses [N, 24, 3] axis-angle.

    Two thirds are seen by BlazePose, the others by a detector with all kinds of errors. A camera
    that sees next to nothing of its person gives its place to one that sees more.
    """
    n = len(poses)
    rotations, betas = rotation_from_axis_angle(poses), shapes(n, rng)
    cameras = camera_sampling.robot_cameras(skeleton(rotations, betas)[1], rng)
    rotations, joints, landmarks = _seen_by(cameras, rotations, betas, skeleton)
    points, centres = _flat(landmarks), _flat(joints)
    in_image = keypoint_noise.inside(points, cameras.image)
    size = (points.amax(1) - points.amin(1)).amax(1)
    hidden, joint_hidden = keypoint_noise.occluders(points, centres, size * 1.2, rng)

    shift = blazepose.skeleton(rotations, betas)[1] + joints[:, :1] - landmarks
    strength = camera_sampling.uniform(n, 0.3, 1.2, rng)[:, None, None]
    state = keypoint_noise.self_occluded(landmarks, joints).long()
    state = torch.where(hidden, CLASSES.index("hidden"), state)
    state = torch.where(in_image, state, CLASSES.index("outside"))
    by_blazepose = _by_blazepose(
        _flat(landmarks + strength * shift), state, cameras, blazepose.errors, rng
    )
    by_another = keypoint_noise.detector_errors(points, in_image & ~hidden, size, rng)
    which = torch.rand(n, 1, generator=rng) < 2 / 3
    detected = keypoint_noise.Detected(
        torch.where(which[..., None], by_blazepose.positions, by_another.positions),
        torch.where(which, by_blazepose.confidence, by_another.confidence),
    )
    blur = torch.randn(points.shape, generator=rng) * cameras.pixel[:, None, None]
    detected.positions += blur
    # Our front end drops what it puts outside the image; other detectors extrapolate or give
    # nothing.
    beyond = which & ~keypoint_noise.inside(detected.positions, cameras.image)
    beyond |= ~which & ~in_image & (torch.rand(in_image.shape, generator=rng) < 0.6)
    detected.confidence[beyond] = 0
    detected = keypoint_noise.drop_groups(detected, rng)
    samples = Samples(
        rotations=rotations,
        betas=betas,
        joints=joints,
        landmarks=landmarks,
        visible=keypoint_noise.inside(centres, cameras.image) & ~joint_hidden,
        keypoints=_packed(detected),
        box=_box(points, in_image, detected, rng),
        image=cameras.image,
    )
    usable = (in_image.sum(1) >= 8) & (landmarks[..., 2].amin(1) > 0.3)
    usable &= points.norm(dim=-1).amax(1) < 4
    good = usable.nonzero()[:, 0]
    rows = torch.arange(n)
    rows[~usable] = good[torch.arange(n - len(good)) % len(good)]
    return samples.map(lambda value: value[rows])


def _by_blazepose(
    points: Tensor,
    state: Tensor,
    cameras: camera_sampling.Cameras,
    errors: MeasuredErrors,
    rng: Generator,
) -> keypoint_noise.Detected:
    """The stand-in's answer, on the plane at z = 1."""
    unit = cameras.pixel[:, None, None]
    drawn = stand_in(points / unit, state, cameras.image / cameras.pixel[:, None], errors, rng)
    wrong = 0.3 * torch.rand(len(points), generator=rng) ** 2
    positions = keypoint_noise.inverted(drawn.positions * unit, wrong, rng)
    return keypoint_noise.Detected(positions, drawn.confidence)


def _seen_by(
    cameras: camera_sampling.Cameras, rotations: Tensor, betas: Tensor, skeleton: Skeleton
) -> tuple[Tensor, Tensor, Tensor]:
    rotations = rotations.clone()
    rotations[:, 0] = cameras.rotation @ rotations[:, 0]
    joints, landmarks = skeleton(rotations, betas)
    pelvis = cameras.pelvis[:, None]
    return rotations, joints + pelvis, landmarks + pelvis


def _flat(points: Tensor) -> Tensor:
    """Project [N, P, 3] onto the plane at z = 1."""
    return points[..., :2] / points[..., 2:].clamp(min=0.1)


def _packed(detected: keypoint_noise.Detected) -> Tensor:
    present = detected.confidence > 0
    positions = torch.where(present[..., None], detected.positions, 0.0)
    return torch.cat([positions, detected.confidence[..., None]], -1)


def _box(
    points: Tensor, in_image: Tensor, detected: keypoint_noise.Detected, rng: Generator
) -> Tensor:
    """Boxes as front ends give them: around the found keypoints or the visible person, loose.

    People of whom the image shows nothing have no box (infinite); the caller drops them.
    """
    n = len(points)
    sure = detected.confidence > 0.2
    by_keypoints = (torch.rand(n, 1, generator=rng) < 0.6) & (sure.sum(1, keepdim=True) >= 4)
    around = torch.where(by_keypoints, sure, in_image)
    where = torch.where(by_keypoints[..., None], detected.positions, points)
    top = torch.where(around[..., None], where, torch.inf).amin(1)
    bottom = torch.where(around[..., None], where, -torch.inf).amax(1)
    side = (bottom - top).amax(1, keepdim=True)
    loose = torch.rand(n, 4, generator=rng) * 0.15 + torch.randn(n, 4, generator=rng) * 0.04
    return torch.cat([top - side * loose[:, :2], bottom + side * loose[:, 2:]], 1)
