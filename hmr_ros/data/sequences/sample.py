"""Whole films drawn at random from a mix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import MotionError, Motions
from hmr_ros.data.render.projection import projected
from hmr_ros.data.scenes.cameras import sample_camera, sample_finish, sample_light
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.scene import Finish
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.sequences.camera_path import KINDS, CameraPath, sample_camera_path
from hmr_ros.data.sequences.casting import APART, Role, cast, sample_plan, sample_role
from hmr_ros.data.sequences.drive import STEP
from hmr_ros.data.sequences.floor_clips import FloorClips, floor_clips
from hmr_ros.data.sequences.odometry import (
    SMALL_ROBOT,
    OdometryFaults,
    sample_odometry,
    sample_stamps,
)
from hmr_ros.data.sequences.passing import (
    FROM_CAMERA,
    carried,
    furniture_before,
    passer_by,
    passing_cart,
)
from hmr_ros.data.sequences.sequence import Sequence
from hmr_ros.data.sequences.stage import Stage, sample_stage
from hmr_ros.geometry.camera import Camera

FRAMES = (2, 300)
RATES = (10.0, 15.0, 30.0)
FROM_WALLS = 0.3  # metres of the camera
# Share of the frames at which the first person is in the picture; who is passed by leaves it.
IN_VIEW = {kind: 0.55 if kind == "drive_by" else 0.75 for kind in KINDS}
_LAYOUTS, _CAMERAS = 24, 16
_CHOICE = 3  # cameras with the first person in view, of which the one that sees most is taken


def sample_sequence(
    rng: np.random.Generator,
    body: BodyModel,
    motions: Motions,
    mix: Mix,
    frames: int = 100,
    kind: str | None = None,
    fps: float | None = None,
    width: int = 640,
    height: int = 480,
    photos: tuple[Path, ...] = (),
    faults: OdometryFaults = SMALL_ROBOT,
) -> Sequence:
    """A film of one to four people, and sometimes of others who pass, by a camera that may move.

    motions: of one split. mix: ``people``, ``activities``, ``occluders`` (people and carts that
    pass, furniture that stands before people), rooms and photographs, the camera and its height.
    kind: of the camera's motion, one of ``KINDS``; None for any. fps: of the film, None for one
    of ``RATES``; motions keep their speed. A motion that is too short goes on in another one of
    the same sort, see ``takes``.

    The same ``rng`` state gives the same film. Raises ValueError for a number of frames outside
    ``FRAMES`` or an unknown kind, MotionError for clips of several splits, or where nobody can
    be filmed so.
    """
    if not FRAMES[0] <= frames <= FRAMES[1]:
        raise ValueError(f"frames={frames}: expected {FRAMES[0]} to {FRAMES[1]}")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind {kind!r} is unknown; known: {', '.join(KINDS)}")
    clips = floor_clips(motions, body)
    fps = float(fps or RATES[int(rng.integers(len(RATES)))])
    times, stamps = sample_stamps(rng, frames, fps, faults)
    tempo = rng.uniform(0.92, 1.08)
    at = times * clips.fps * tempo  # the roles' frame, with a fraction, at each exposure
    steps = int(np.ceil(at[-1])) + 2
    for _ in range(_LAYOUTS):
        stage = sample_stage(rng, mix, photos)
        roles = _people(rng, body, clips, steps, mix, stage)
        if not roles:
            continue
        wanted = kind or KINDS[int(rng.integers(len(KINDS)))]
        camera = sample_camera(rng, mix, width, height)
        path = _camera_path(rng, wanted, camera, times, at, roles, stage, mix)
        if path is not None:
            break
    else:
        raise MotionError(
            f"no camera of the kind {kind!r} finds a way with people of these clips in view; "
            "give other clips, fewer frames or another kind"
        )
    seen = _in_view(camera, path, roles[0].joints, at)
    eyes = np.stack([np.interp(np.arange(steps), at, p) for p in path.positions.T], 1)
    shown = np.interp(np.arange(steps), at, seen) > 0.5
    roles, movers, props = _occluders(
        rng, body, clips, steps, mix, stage, eyes, roles, shown, at, clips.fps * tempo
    )
    actors = tuple(cast(rng, body, role, at, n + 1, mix.clothes) for n, role in enumerate(roles))
    finish = replace(sample_finish(rng), motion=(0.0, 0.0)) if mix.finish else Finish()
    return Sequence(
        camera=camera,
        path=path,
        stamps=stamps,
        fps=fps,
        odometry=sample_odometry(rng, path, faults),
        actors=actors,
        props=stage.props + props,
        movers=movers,
        light=sample_light(rng, mix.shadows),
        background=np.tile(stage.beyond, (height, width, 1)),
        finish=finish,
        exposure=rng.uniform(0.001, 0.012) if mix.finish else 0.0,
    )


def _people(rng, body, clips: FloorClips, steps, mix: Mix, stage: Stage) -> list[Role]:
    most = min(4, max(1, mix.people[1]))
    count = int(rng.integers(min(max(1, mix.people[0]), most), most + 1))
    roles: list[Role] = []
    for _ in range(count):
        plan = sample_plan(rng, mix.activities)
        role = sample_role(rng, body, clips, steps, plan, stage, roles)
        if role is not None:
            roles.append(role)
    return roles


def _camera_path(rng, kind, camera, times, at, roles, stage, mix) -> CameraPath | None:
    """A path that keeps off walls, furniture and people, and the first person mostly in view."""
    own = np.arange(int(np.ceil(times[-1] / STEP)) + 2) * STEP
    rate = at[-1] / times[-1]
    first = roles[0]
    frames = np.arange(len(first.pelvis))
    target = np.stack([np.interp(own * rate, frames, c) for c in first.pelvis.T], 1)
    near = mix.distance[0]
    far = min(mix.distance[1], 1.6 * float(stage.half.max()))
    best, most, found = None, 0.0, 0
    for _ in range(_CAMERAS):
        path = sample_camera_path(
            rng, kind, times, target, mix.height, (near, far), mix.pitch_sd, mix.roll_sd
        )
        if not stage.holds(path.positions[:, [0, 2]], FROM_WALLS):
            continue
        if (stage.clearance(carried(path.positions)) < FROM_CAMERA).any():
            continue
        eyes = np.stack([np.interp(frames, at, p) for p in path.positions.T], 1)
        if any(_touches(eyes, r) for r in roles):
            continue
        shares = [_in_view(camera, path, r.joints, at).mean() for r in roles]
        if shares[0] >= IN_VIEW[kind]:
            found += 1
            if sum(shares) > most:
                best, most = path, sum(shares)
            if found == _CHOICE or min(shares) > 0.5:
                break
    return best


def _touches(eyes: np.ndarray, role: Role) -> bool:
    gap = np.sqrt(((eyes[:, [0, 2]] - role.plane) ** 2).sum(1))
    return bool((gap < FROM_CAMERA + 0.5 * APART).any())


def _in_view(camera: Camera, path: CameraPath, joints: np.ndarray, at: np.ndarray) -> np.ndarray:
    """[T] bool: a third of the joints or more is inside the picture."""
    rows = np.minimum(np.round(at).astype(int), len(joints) - 1)
    seen = joints[rows] - path.positions[:, None]
    seen = np.einsum("tab,tjb->tja", path.rotations, seen)
    pixels = projected(seen.reshape(-1, 3), camera).reshape(*seen.shape[:2], 2)
    good = (pixels > -0.5) & (pixels < [camera.width - 0.5, camera.height - 0.5])
    return good.all(-1).mean(1) > 1 / 3


def _occluders(rng, body, clips, steps, mix, stage, eyes, roles, shown, at, rate):
    """Furniture before people, then somebody and something that pass, each by its chance."""
    placed = []
    chance = mix.occluders.get(Thing.FURNITURE, 0.0)
    while rng.random() < chance and len(placed) < 4:
        chance = mix.more
        target = roles[int(rng.integers(len(roles)))]
        piece = furniture_before(rng, stage, eyes, target, roles)
        if piece is not None:
            placed.append(piece)
            stage = replace(stage, placed=(*stage.placed, piece))
    movers = []
    if rng.random() < 0.5 * mix.occluders.get(Thing.FURNITURE, 0.0):
        times = np.arange(steps) / rate
        cart = passing_cart(rng, stage, eyes, roles[0], roles, shown, times, at)
        if cart is not None:
            movers.append(cart)
    chance = mix.occluders.get(Thing.PERSON, 0.0)
    while not movers and rng.random() < chance and len(roles) < 6:
        chance = mix.more
        passer = passer_by(rng, body, clips, steps, stage, eyes, roles[0], roles, shown)
        if passer is not None:
            roles = [*roles, passer]
    return roles, tuple(movers), tuple(p.prop(rng) for p in placed)
