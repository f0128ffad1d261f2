"""Short films of standing and walking people before a camera that does not move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.data.backgrounds import sample_background
from hmr_ros.data.motions import MotionError, Motions
from hmr_ros.data.outfits import sample_outfit
from hmr_ros.data.people_scene import Finish, Scene, sample_betas, seen_from
from hmr_ros.data.shading import Light, sample_light
from hmr_ros.data.surfaces import Surface
from hmr_ros.data.viewpoints import Viewpoint
from hmr_ros.geometry.rotations import matrix_from_axis_angle

_APART = 0.8  # metres between two people at any time
_TRIES = 60  # starts that are tried before one person fewer is in the film


@dataclass(frozen=True, eq=False)
class Walker:
    """One person for T frames; world frame, Y up, ground at y = 0.

    rotations: [T, 24, 3, 3] local, joint 0 to the world. pelvis: [T, 3] metres. betas: [10].
    """

    rotations: np.ndarray
    pelvis: np.ndarray
    betas: np.ndarray
    outfit: Surface


@dataclass(frozen=True, eq=False)
class Sequence:
    """T frames of a scene whose camera, light and background stay; ``fps`` frames a second."""

    view: Viewpoint
    walkers: tuple[Walker, ...]
    light: Light
    background: np.ndarray
    finish: Finish
    fps: float
    frames: int

    def __len__(self) -> int:
        return self.frames

    def scene(self, frame: int, body: BodyModel) -> Scene:
        """The scene at one frame; the camera's noise differs from frame to frame."""
        people = []
        for walker in self.walkers:
            rest = rest_joints(body, walker.betas[None])[0, 0]
            rotations, pelvis = walker.rotations[frame], walker.pelvis[frame]
            people.append(
                seen_from(self.view, rotations, walker.betas, pelvis, rest, walker.outfit)
            )
        return Scene(
            camera=self.view.camera,
            people=tuple(people),
            solids=(),
            light=self.light,
            background=self.background,
            finish=replace(self.finish, seed=self.finish.seed + frame),
        )


def upright_clips(motions: Motions, body: BodyModel, frames: int) -> list[int]:
    """Clips of at least ``frames`` frames in which the person stands or walks throughout.

    Upright means, in all frames: the pelvis is above the lower ankle by 88 % of a straight leg
    and tilted by less than 25 degrees. Raises MotionError if there is no such clip.
    """
    rest = rest_joints(body, np.zeros((1, 10), np.float32))
    ankles = [body.joint_names.index(name) for name in ("left_ankle", "right_ankle")]
    leg = rest[0, 0, 1] - rest[0, ankles, 1].mean()
    chosen = []
    for clip in range(len(motions)):
        rows = motions.frames(clip)
        if rows.stop - rows.start < frames:
            continue
        rotations = matrix_from_axis_angle(motions.poses[rows])
        joints, _ = forward_kinematics(rotations, np.repeat(rest, len(rotations), 0), body.parents)
        height = joints[:, 0, 1] - joints[:, ankles, 1].min(1)
        upright = rotations[:, 0, 1, 1] > np.cos(np.radians(25))
        if upright.all() and height.min() > 0.88 * leg:
            chosen.append(clip)
    if not chosen:
        raise MotionError(f"no clip shows {frames} frames of a standing or walking person")
    return chosen


def sample_sequence(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    view: Viewpoint,
    people: int,
    frames: int,
    distance: tuple[float, float] = (2.5, 8.0),
    photos: tuple = (),
) -> Sequence:
    """People who stand or walk in the field of view, each on the ground, never through another.

    motions: upright clips of at least ``frames`` frames, as ``upright_clips`` selects them.
    distance: metres along the ground that everybody keeps to all the time. Where no start fits
    after some tries, one person fewer is in the film.
    """
    walkers: list[Walker] = []
    for _ in range(people):
        walker = _walker(rng, body, motions, view, frames, distance, walkers)
        if walker is not None:
            walkers.append(walker)
    camera = view.camera
    return Sequence(
        view=view,
        walkers=tuple(walkers),
        light=sample_light(rng),
        background=sample_background(rng, camera.width, camera.height, photos),
        finish=Finish(
            blur=rng.uniform(0, 0.6), noise=rng.uniform(0, 4), seed=int(rng.integers(1 << 30))
        ),
        fps=motions.fps,
        frames=frames,
    )


def _walker(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    view: Viewpoint,
    frames: int,
    distance: tuple[float, float],
    others: list[Walker],
) -> Walker | None:
    betas = sample_betas(rng)
    outfit = sample_outfit(rng, body)
    mean, rest = rest_joints(body, np.stack([np.zeros(10), betas]).astype(np.float32))
    # Long legs take long steps: the path grows with the height of the pelvis over the ankles.
    stride = (rest[0, 1] - rest[7, 1]) / (mean[0, 1] - mean[7, 1])
    half = 0.5 * view.camera.width / view.camera.fx
    for _ in range(_TRIES):
        rows = motions.frames(int(rng.integers(len(motions))))
        first = int(rng.integers(rows.start, rows.stop - frames + 1))
        window = slice(first, first + frames)
        turn = matrix_from_axis_angle(np.array([0, rng.uniform(-np.pi, np.pi), 0]))
        path = (motions.trans[window] - motions.trans[window].mean(0)) * stride @ turn.T
        ahead = rng.uniform(*distance)
        path = path + [ahead * half * rng.uniform(-0.8, 0.8), 0, -ahead]
        if _fits(path, half, distance) and all(_apart(path, o.pelvis) for o in others):
            break
    else:
        return None
    rotations = matrix_from_axis_angle(motions.poses[window].astype(np.float64))
    rotations[:, 0] = turn @ rotations[:, 0]
    rotations = rotations.astype(np.float32)
    lowest = vertices(body, rotations, np.repeat(betas[None], frames, 0))[..., 1].min(1)
    path[:, 1] = rest[0, 1] - lowest
    return Walker(rotations, path, betas, outfit)


def _fits(path: np.ndarray, half: float, distance: tuple[float, float]) -> bool:
    ahead = -path[:, 2]
    inside = np.abs(path[:, 0]) < 0.85 * half * ahead
    return bool(inside.all() and ahead.min() >= distance[0] and ahead.max() <= distance[1])


def _apart(path: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.linalg.norm((path - other)[:, [0, 2]], axis=1).min() > _APART)
