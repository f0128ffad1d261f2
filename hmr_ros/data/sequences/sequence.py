"""A film as data, and its truth in the frames of the world and of the moving camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.render.projection import projected
from hmr_ros.data.scenes.scene import Finish, Light, Outfit, Person, Prop, Scene
from hmr_ros.data.sequences.camera_path import CameraPath
from hmr_ros.data.sequences.odometry import Odometry, angular_velocity
from hmr_ros.data.viewpoints import Viewpoint
from hmr_ros.geometry.camera import Camera

_LONGEST_SMEAR = 8.0  # pixels


@dataclass(frozen=True, eq=False)
class Actor:
    """A person for T frames; world frame, Y up, floor at y = 0.

    rotations: [T, 24, 3, 3] float32 local, joint 0 to the world. transl: [T, 3] float32, SMPL's.
    betas: [10] float32. contact: [T, 2] bool, left and right foot on the floor. identity: stays
    the person's, also while they are out of the picture. activity: what they mostly do.
    """

    rotations: np.ndarray
    transl: np.ndarray
    betas: np.ndarray
    contact: np.ndarray
    outfit: Outfit
    identity: int
    activity: str


@dataclass(frozen=True, eq=False)
class Mover:
    """A thing that moves on the floor. prop: around the origin. positions: [T, 3] metres and yaw:
    [T] radians about Y, from the prop's frame to the world."""

    prop: Prop
    positions: np.ndarray
    yaw: np.ndarray

    def at(self, frame: int) -> Prop:
        c, s = np.cos(self.yaw[frame]), np.sin(self.yaw[frame])
        x, y, z = self.prop.vertices.astype(float).T
        turned = np.stack([c * x + s * z, y, c * z - s * x], 1) + self.positions[frame]
        return replace(self.prop, vertices=turned.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Sequence:
    """T frames of moving people before a moving camera.

    path: where the camera is at the T exposures. stamps: [T] seconds, what the camera's driver
    says. fps: nominal. props stay, movers do not. exposure: seconds that smear a turning camera's
    picture. background: [H, W, 3] uint8 BGR where no mesh is.
    """

    camera: Camera
    path: CameraPath
    stamps: np.ndarray
    fps: float
    odometry: Odometry
    actors: tuple[Actor, ...]
    props: tuple[Prop, ...]
    movers: tuple[Mover, ...]
    light: Light
    background: np.ndarray
    finish: Finish
    exposure: float

    def __len__(self) -> int:
        return len(self.path)

    def view(self, frame: int) -> Viewpoint:
        """The camera and where it is at a frame."""
        return Viewpoint(self.camera, self.path.rotations[frame], self.path.positions[frame])

    def scene(self, frame: int, body: BodyModel | None = None) -> Scene:
        """The scene at one frame. All people and things are in it, also those out of the picture;
        people are in the order of ``actors``. The camera's noise differs from frame to frame."""
        if not 0 <= frame < len(self):
            raise IndexError(f"frame {frame} of a sequence of {len(self)} frames")
        people = tuple(
            Person(a.rotations[frame], a.betas, a.transl[frame], a.outfit, a.activity)
            for a in self.actors
        )
        return Scene(
            view=self.view(frame),
            people=people,
            props=self.props + tuple(m.at(frame) for m in self.movers),
            light=self.light,
            background=self.background,
            finish=replace(self.finish, seed=self.finish.seed + frame, motion=self._smear(frame)),
        )

    def _smear(self, frame: int) -> tuple[float, float]:
        """Pixels that far things move across the picture during the exposure."""
        part = slice(max(0, frame - 1), max(2, frame + 1))
        rate = angular_velocity(self.path.rotations[part], self.path.times[part])[-1]
        smear = self.exposure * np.array([-self.camera.fx * rate[1], self.camera.fy * rate[0]])
        length = float(np.sqrt((smear**2).sum()))
        if length < 0.5:
            return (0.0, 0.0)
        smear = smear * min(1.0, _LONGEST_SMEAR / length)
        return (float(smear[0]), float(smear[1]))

    def truth(self, body: BodyModel) -> SequenceTruth:
        """All that is true of the T frames and the P people."""
        frames, people = len(self), len(self.actors)
        joints = np.zeros((frames, people, 24, 3))
        rest = np.zeros((people, 3))
        for p, actor in enumerate(self.actors):
            shaped = rest_joints(body, actor.betas[None].astype(float))
            posed, _ = forward_kinematics(
                actor.rotations.astype(float), np.repeat(shaped, frames, 0), body.parents
            )
            joints[:, p] = posed + actor.transl[:, None]
            rest[p] = shaped[0, 0]
        turn, eye = self.path.rotations, self.path.positions
        seen = np.einsum("tab,tpjb->tpja", turn, joints - eye[:, None, None])
        rotations = np.zeros((frames, people, 24, 3, 3), np.float32)
        for p, actor in enumerate(self.actors):
            rotations[:, p] = actor.rotations
        turned = rotations.copy()
        turned[:, :, 0] = np.einsum("tab,tpbc->tpac", turn, rotations[:, :, 0].astype(float))
        pixels = projected(seen.astype(np.float32).reshape(-1, 3), self.camera)
        pixels = pixels.reshape(frames, people, 24, 2)
        size = [self.camera.width - 0.5, self.camera.height - 0.5]
        inside = ((pixels >= -0.5) & (pixels < size)).all(-1)
        return SequenceTruth(
            times=self.path.times,
            stamps=self.stamps,
            identities=np.array([a.identity for a in self.actors], np.int32),
            betas=np.stack([a.betas for a in self.actors]),
            contact=np.stack([a.contact for a in self.actors], 1),
            joints_world=joints.astype(np.float32),
            rotations_world=rotations,
            transl_world=np.stack([a.transl for a in self.actors], 1),
            joints=seen.astype(np.float32),
            joints_2d=pixels.astype(np.float32),
            rotations=turned,
            transl=(seen[:, :, 0] - rest).astype(np.float32),
            in_view=inside.any(-1),
            camera_positions=eye,
            camera_rotations=turn,
            angular_velocity=angular_velocity(turn, self.path.times),
            odometry=self.odometry,
        )


@dataclass(frozen=True, eq=False)
class SequenceTruth:
    """The truth of T frames of P people; metres, radians, seconds.

    times, stamps:    [T] exposures, and what the driver says of them.
    identities:       [P] int32. betas: [P, 10]. contact: [T, P, 2] bool, left and right foot.
    joints_world:     [T, P, 24, 3]. rotations_world: [T, P, 24, 3, 3], joint 0 to the world.
                      transl_world: [T, P, 3], SMPL's. World: Y up, floor at y = 0.
    joints, rotations, transl: the same in the camera's optical frame of each moment.
    joints_2d:        [T, P, 24, 2] pixels, NaN behind the camera and where the lens cannot see.
    in_view:          [T, P] bool: a joint lies within the picture, hidden or not. People enter and
                      leave the picture where it changes.
    camera_positions: [T, 3] and camera_rotations: [T, 3, 3] world to optical frame, float64.
    angular_velocity: [T, 3] rad/s of the camera, optical frame, see ``odometry.angular_velocity``.
    odometry:         the same as a robot measures it.
    """

    times: np.ndarray
    stamps: np.ndarray
    identities: np.ndarray
    betas: np.ndarray
    contact: np.ndarray
    joints_world: np.ndarray
    rotations_world: np.ndarray
    transl_world: np.ndarray
    joints: np.ndarray
    joints_2d: np.ndarray
    rotations: np.ndarray
    transl: np.ndarray
    in_view: np.ndarray
    camera_positions: np.ndarray
    camera_rotations: np.ndarray
    angular_velocity: np.ndarray
    odometry: Odometry
