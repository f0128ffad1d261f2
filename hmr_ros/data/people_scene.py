"""Scenes of people: who stands where, dressed how, seen by which camera, hidden by what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.data.backgrounds import sample_background
from hmr_ros.data.motions import Motions
from hmr_ros.data.occluders import Solid, sample_solid
from hmr_ros.data.outfits import sample_outfit
from hmr_ros.data.shading import Light, sample_light
from hmr_ros.data.surfaces import Surface
from hmr_ros.data.viewpoints import Viewpoint, camera_with_fov, viewpoint
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rotations import matrix_from_axis_angle

MAX_BETA = 2.5


@dataclass(frozen=True, eq=False)
class Person:
    """rotations [24, 3, 3] local, joint 0 to the camera's optical frame; betas [10]; transl [3]
    metres, as SMPL's; all float32. outfit: the paint."""

    rotations: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    outfit: Surface


@dataclass(frozen=True)
class Finish:
    """What the camera does to the light: blur (pixels), gamma, noise (grey levels of 255)."""

    blur: float = 0.0
    gamma: float = 1.0
    noise: float = 0.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a picture is made of; everything in the camera's optical frame, metres.

    background: [H, W, 3] uint8 BGR in the camera's size.
    """

    camera: Camera
    people: tuple[Person, ...]
    solids: tuple[Solid, ...]
    light: Light
    background: np.ndarray
    finish: Finish


@dataclass(frozen=True)
class SceneRanges:
    """From what ``sample_scene`` draws, uniformly unless said otherwise.

    width, height:  of the picture, pixels.
    people, solids: least and greatest number.
    distance:       metres from the camera along the ground.
    fov_deg:        along the longer side.
    camera_height:  metres over the ground.
    pitch_sd, roll_sd: radians; the pitch is around the one that centres the first person.
    pose_noise:     standard deviation on every joint but the pelvis, radians.
    mixed_pose:     chance of the upper body of another frame.
    finish:         whether to blur, change the gamma and add noise.
    photos:         background photographs; none for coloured noise.
    """

    width: int = 640
    height: int = 480
    people: tuple[int, int] = (1, 3)
    solids: tuple[int, int] = (0, 2)
    distance: tuple[float, float] = (2.0, 8.0)
    fov_deg: tuple[float, float] = (40.0, 75.0)
    camera_height: tuple[float, float] = (0.6, 2.2)
    pitch_sd: float = 0.06
    roll_sd: float = 0.03
    pose_noise: float = 0.06
    mixed_pose: float = 0.35
    finish: bool = True
    photos: tuple[Path, ...] = ()


UPPER_BODY = [3, 6, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]


def sample_scene(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    ranges: SceneRanges = SceneRanges(),
) -> Scene:
    """People on the ground before a camera at eye or robot height, with solids before some joints.

    The first person's middle is inside the image; the others stand anywhere in the field of view,
    also before or behind each other. Same ``rng`` state, same scene.
    """
    r = ranges
    camera = camera_with_fov(r.width, r.height, rng.uniform(*r.fov_deg))
    height = rng.uniform(*r.camera_height)
    count = int(rng.integers(r.people[0], r.people[1] + 1))
    places = _places(rng, camera, r.distance, count)
    pitch = 0.0
    if count:
        pitch = np.arctan2(height - 0.9, -places[0][2]) + rng.normal(0, r.pitch_sd)
    view = viewpoint(camera, height, pitch, rng.normal(0, r.roll_sd))
    people = []
    for place in places:
        pose = sample_pose(rng, motions, r.pose_noise, r.mixed_pose)
        turn = matrix_from_axis_angle(np.array([0, rng.uniform(-np.pi, np.pi), 0]))
        betas = sample_betas(rng)
        world = matrix_from_axis_angle(pose)
        world[0] = turn @ world[0]
        people.append(on_ground(body, world, betas, place, view, sample_outfit(rng, body)))
    solids = _solids(rng, body, people, int(rng.integers(r.solids[0], r.solids[1] + 1)))
    return Scene(
        camera=camera,
        people=tuple(people),
        solids=solids,
        light=sample_light(rng),
        background=sample_background(rng, r.width, r.height, r.photos),
        finish=_sample_finish(rng) if r.finish else Finish(),
    )


def sample_crop(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    size: int = 256,
    fill: tuple[float, float] = (0.62, 1.15),
    ranges: SceneRanges = SceneRanges(people=(1, 2)),
) -> Scene:
    """One person who fills a square picture, from any side, a little from above or below.

    fill: extent of the person in units of ``size``; above 1 the borders truncate. With
    ``ranges.people`` up to 2, a second person stands beside, before or behind in three of ten.
    """
    focal = size * rng.uniform(0.9, 2.2)
    camera = Camera(size, size, focal, focal, (size - 1) / 2, (size - 1) / 2)
    view = viewpoint(camera, 0.0, rng.normal(0.08, 0.2), rng.normal(0, 0.05))
    first = _facing(rng, body, motions, ranges, view)
    mesh = posed_vertices(body, first)
    low, high = mesh.min(0), mesh.max(0)
    extent = float((high - low)[:2].max())
    shift = np.array(
        [*rng.normal(0, 0.05 * extent, 2), focal * extent / (size * rng.uniform(*fill))]
    )
    people = [_moved(first, shift - (low + high) / 2)]
    if ranges.people[1] > 1 and rng.random() < 0.3:
        other = _facing(rng, body, motions, ranges, view)
        middle = np.mean(posed_vertices(body, other), 0)
        aside = rng.choice([-1, 1]) * rng.uniform(0.25, 0.8)
        ahead = rng.choice([-0.5, 0.6]) * rng.uniform(0.8, 1.4)
        ahead = max(ahead, 0.6 - shift[2])
        people.append(_moved(other, shift + [aside, rng.normal(0, 0.08), ahead] - middle))
    count = int(rng.integers(ranges.solids[0], ranges.solids[1] + 1))
    return Scene(
        camera=camera,
        people=tuple(people),
        solids=_solids(rng, body, people[:1], count),
        light=sample_light(rng),
        background=sample_background(rng, size, size, ranges.photos),
        finish=_sample_finish(rng) if ranges.finish else Finish(),
    )


def sample_pose(
    rng: np.random.Generator, motions: Motions, noise: float, mixed: float
) -> np.ndarray:
    """[24, 3] axis-angle. Long clips count with the root of their length."""
    pose = _frame(rng, motions)
    if rng.random() < mixed:
        pose[UPPER_BODY] = _frame(rng, motions)[UPPER_BODY]
    pose[1:] += rng.normal(0, noise, (len(pose) - 1, 3))
    return pose


def sample_betas(rng: np.random.Generator) -> np.ndarray:
    """[10] float32 from the normal distribution, cut at ``MAX_BETA``."""
    return np.clip(rng.normal(0, 1, 10), -MAX_BETA, MAX_BETA).astype(np.float32)


def on_ground(
    body: BodyModel,
    world_rotations: np.ndarray,
    betas: np.ndarray,
    place: np.ndarray,
    view: Viewpoint,
    outfit: Surface,
) -> Person:
    """A person whose lowest vertex touches y = 0, with the pelvis over ``place`` [3] (world)."""
    rotations = np.asarray(world_rotations, np.float32)
    rest = rest_joints(body, betas[None])[0, 0]
    mesh = vertices(body, rotations[None], betas[None])[0]
    pelvis = np.array([place[0], rest[1] - mesh[:, 1].min(), place[2]])
    return seen_from(view, rotations, betas, pelvis, rest, outfit)


def seen_from(
    view: Viewpoint,
    world_rotations: np.ndarray,
    betas: np.ndarray,
    pelvis: np.ndarray,
    rest_pelvis: np.ndarray,
    outfit: Surface,
) -> Person:
    """The person with the pelvis at the world position ``pelvis``, in the camera's frame."""
    rotations = np.array(world_rotations, np.float32)
    rotations[0] = view.rotation @ world_rotations[0]
    transl = view.to_camera(pelvis) - rest_pelvis
    return Person(rotations, betas.astype(np.float32), transl.astype(np.float32), outfit)


def posed_vertices(body: BodyModel, person: Person) -> np.ndarray:
    """[V, 3] float32 in the optical frame."""
    return vertices(body, person.rotations[None], person.betas[None], person.transl[None])[0]


def _frame(rng: np.random.Generator, motions: Motions) -> np.ndarray:
    weight = np.sqrt(np.diff(motions.starts))
    clip = rng.choice(len(motions), p=weight / weight.sum())
    rows = motions.frames(clip)
    return motions.poses[rng.integers(rows.start, rows.stop)].astype(np.float64)


def _places(
    rng: np.random.Generator, camera: Camera, distance: tuple[float, float], count: int
) -> list[np.ndarray]:
    """Points on the ground in the field of view, 0.6 m or more apart where there is room."""
    half = 0.5 * camera.width / camera.fx
    places: list[np.ndarray] = []
    for n in range(count):
        for _ in range(20):
            ahead = rng.uniform(*distance)
            aside = ahead * half * rng.uniform(-0.8, 0.8) * (1.0 if n else 0.8)
            place = np.array([aside, 0.0, -ahead])
            if all(np.linalg.norm(place - p) > 0.6 for p in places):
                break
        places.append(place)
    return places


def _facing(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    ranges: SceneRanges,
    view: Viewpoint,
) -> Person:
    """A person in a random pose and yaw at the world's origin."""
    world = matrix_from_axis_angle(sample_pose(rng, motions, ranges.pose_noise, ranges.mixed_pose))
    world[0] = matrix_from_axis_angle(np.array([0, rng.uniform(-np.pi, np.pi), 0])) @ world[0]
    betas = sample_betas(rng)
    rest = rest_joints(body, betas[None])[0, 0]
    return seen_from(view, world, betas, np.zeros(3), rest, sample_outfit(rng, body))


def _moved(person: Person, shift: np.ndarray) -> Person:
    transl = (person.transl + shift).astype(np.float32)
    return Person(person.rotations, person.betas, transl, person.outfit)


def _solids(
    rng: np.random.Generator, body: BodyModel, people: list[Person], count: int
) -> tuple[Solid, ...]:
    """Solids between the camera and random vertices of random people."""
    if not people:
        return ()
    solids = []
    for _ in range(count):
        mesh = posed_vertices(body, people[rng.integers(len(people))])
        target = mesh[rng.integers(len(mesh))]
        at = target * rng.uniform(0.62, 0.9) + [*rng.normal(0, 0.12, 2), 0]
        if at[2] > 0.7:
            solids.append(sample_solid(rng, at))
    return tuple(solids)


def _sample_finish(rng: np.random.Generator) -> Finish:
    return Finish(
        blur=rng.uniform(0.3, 1.0) if rng.random() < 0.5 else 0.0,
        gamma=rng.uniform(0.75, 1.3),
        noise=rng.uniform(0, 6),
        seed=int(rng.integers(1 << 30)),
    )
