"""People for a film: who moves how, from where to where, without touching anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.clothes.outfit import sample_outfit
from hmr_ros.data.scenes.figures import sample_betas
from hmr_ros.data.scenes.scene import Outfit
from hmr_ros.data.sequences.contact import foot_contact
from hmr_ros.data.sequences.floor_clips import FloorClips, of_kinds
from hmr_ros.data.sequences.sequence import Actor
from hmr_ros.data.sequences.stage import Stage
from hmr_ros.data.sequences.takes import Take, sample_take
from hmr_ros.data.sequences.walks import Footing, footing, walk
from hmr_ros.geometry.rotations import slerp

APART = 0.55  # metres between the pelvises of two people, at any time
FLESH = 0.12  # metres from a bone to clothes
FROM_WALLS = 0.45
ROUND = 0.35  # metres that a person needs when others walk around
PLANS = {"walk": ("walk",), "stand": ("stand",), "lively": ("walk", "run", "other")}
_TRIES, _TAKES = 10, 5


@dataclass(frozen=True, eq=False)
class Role:
    """A person's whole motion at the rate of the clips, world frame, float64.

    rotations [S, 24, 3, 3], pelvis [S, 3], joints [S, 24, 3], contact [S, 2].
    """

    take: Take
    betas: np.ndarray
    rotations: np.ndarray
    pelvis: np.ndarray
    joints: np.ndarray
    contact: np.ndarray
    plan: str

    @property
    def plane(self) -> np.ndarray:
        """[S, 2] (x, z) of the pelvis."""
        return self.pelvis[:, [0, 2]]


def sample_plan(rng: np.random.Generator, activities: dict[str, float]) -> str:
    """Walk, stand, or all sorts, by the mix's weights of "walk", "stand" and everything else."""
    walks, stands = activities.get("walk", 0.0), activities.get("stand", 0.0)
    rest = max(0.0, sum(activities.values()) - walks - stands)
    weights = np.array([walks + 1e-6, stands, 0.5 * rest])
    row = int(np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(), side="right"))
    return list(PLANS)[min(row, 2)]


def sample_role(
    rng: np.random.Generator,
    body: BodyModel,
    clips: FloorClips,
    frames: int,
    plan: str,
    stage: Stage,
    others: list[Role],
    goals: np.ndarray | None = None,
    starts: np.ndarray | None = None,
    wanted=None,
) -> Role | None:
    """Somebody who moves on the stage for ``frames`` frames, or None where no try was clear.

    goals: [G, 2] to walk to in turn, else points all over the stage, the first one on the far
    side; starts: [N, 2] to begin near to. wanted: a further test of the way [S, 2].
    """
    chosen = of_kinds(clips, PLANS[plan])
    betas = sample_betas(rng)
    avoid = _obstacles(stage, others, frames)
    inside = stage.half - FROM_WALLS - 0.3
    for _ in range(_TAKES):
        take = sample_take(rng, chosen, frames)
        feet = footing(body, take, betas, clips.fps)
        for _ in range(_TRIES):
            if starts is None:
                start = rng.uniform(-inside, inside)
            else:
                start = starts[int(rng.integers(len(starts)))] + rng.normal(0, 0.2, 2)
            if goals is None:
                # Across the middle, where others cross, and on from there.
                first = -start * rng.uniform(0.5, 1.2) + rng.normal(0, 0.6, 2)
                first = np.clip(first, -inside, inside)
                to = np.concatenate([first[None], rng.uniform(-inside, inside, (6, 2))])
            else:
                to = goals
            yaw = _towards(feet, to[0] - start) + rng.normal(0, 0.3)
            if plan != "walk" and goals is None:
                yaw = rng.uniform(-np.pi, np.pi)
            way, turned = walk(feet, start, yaw, to, avoid)
            if not stage.holds(way, FROM_WALLS):
                continue
            if any((_gap(way, o.plane) < APART).any() for o in others):
                continue
            if wanted is not None and not wanted(way):
                continue
            role = _performed(body, take, betas, feet, way, turned, plan)
            if clear(role, stage, others):
                return _with_contact(body, role, clips.fps)
    return None


def clear(role: Role, stage: Stage, others: list[Role]) -> bool:
    """Whether the limbs stay off furniture, walls and other people."""
    some = role.joints[::3]
    if not stage.holds(some[..., [0, 2]], 0.08):
        return False
    if (stage.clearance(some.reshape(-1, 3)) < FLESH).any():
        return False
    for other in others:
        near = np.flatnonzero(_gap(role.plane, other.plane) < 1.6)[::2]
        gap = role.joints[near][:, :, None] - other.joints[near][:, None]
        if ((gap**2).sum(-1) < (1.6 * FLESH) ** 2).any():
            return False
    return True


def cast(
    rng: np.random.Generator,
    body: BodyModel,
    role: Role,
    at: np.ndarray,
    identity: int,
    clothes: bool,
) -> Actor:
    """The role at the (fractional) frames ``at`` [T], by somebody with looks."""
    first = np.minimum(at.astype(int), len(role.pelvis) - 2)
    share = at - first
    exact = bool((share == 0).all())
    rotations, pelvis = role.rotations[first], role.pelvis[first]
    if not exact:
        rotations = slerp(rotations, role.rotations[first + 1], share[:, None])
        pelvis = pelvis + share[:, None] * (role.pelvis[first + 1] - pelvis)
    outfit = sample_outfit(rng, body, clothes)
    rest = rest_joints(body, role.betas[None].astype(float))[0, 0]
    lift = np.array([0.0, sole_height(body, outfit), 0.0])
    nearest = np.minimum(np.round(at).astype(int), len(role.contact) - 1)
    kinds = role.take.kinds
    return Actor(
        rotations=rotations.astype(np.float32),
        transl=(pelvis + lift - rest).astype(np.float32),
        betas=role.betas,
        contact=role.contact[nearest],
        outfit=outfit,
        identity=identity,
        activity=max(set(kinds), key=lambda k: (kinds.count(k), k)),
    )


def sole_height(body: BodyModel, outfit: Outfit) -> float:
    """Metres by which what is worn reaches below the bare feet."""
    floor = float(body.v_template[:, 1].min())
    lowest = [
        float((body.v_template[s.anchor, 1] + s.offset[:, 1]).min())
        for s in outfit.shells
        if np.isin(s.part, (7, 8, 10, 11)).any()
    ]
    return max(0.0, floor - min(lowest, default=floor))


def _obstacles(stage: Stage, others: list[Role], frames: int) -> np.ndarray:
    """[S, O, 3] x, z and radius of furniture and people."""
    rows = []
    for placed in stage.placed:
        corners = placed.corners[:, [0, 2]]
        radius = np.sqrt(((corners - corners.mean(0)) ** 2).sum(1)).max()
        rows.append(np.tile([*corners.mean(0), 0.8 * radius + ROUND], (frames, 1)))
    for other in others:
        rows.append(np.concatenate([other.plane, np.full((frames, 1), 2 * ROUND)], 1))
    return np.stack(rows, 1) if rows else np.zeros((frames, 0, 3))


def _towards(feet: Footing, offset: np.ndarray) -> float:
    """Yaw that turns the take's first progress along plan offsets [2]."""
    moving = np.flatnonzero((feet.going**2).sum(1) > 0.01)
    ahead = feet.going[moving[0]] if len(moving) else np.array([0.0, 1.0])
    return float(np.arctan2(offset[0], offset[1]) - np.arctan2(ahead[0], ahead[1]))


def _performed(body, take, betas, feet, way, turned, plan) -> Role:
    c, s = np.cos(turned), np.sin(turned)
    o, i = np.zeros_like(c), np.ones_like(c)
    turn = np.stack([c, o, s, o, i, o, -s, o, c], -1).reshape(-1, 3, 3)
    rotations = take.rotations.copy()
    rotations[:, 0] = np.einsum("tab,tbc->tac", turn, rotations[:, 0])
    pelvis = np.stack([way[:, 0], feet.height, way[:, 1]], 1)
    rest = rest_joints(body, betas[None].astype(float))
    joints, _ = forward_kinematics(rotations, np.repeat(rest, len(way), 0), body.parents)
    joints = joints - rest[0, 0] + pelvis[:, None]
    none = np.zeros((len(way), 2), bool)
    return Role(take, betas, rotations, pelvis, joints, none, plan)


def _with_contact(body, role: Role, fps: float) -> Role:
    contact = foot_contact(body, role.rotations, role.pelvis, role.betas, fps)
    return Role(**{**role.__dict__, "contact": contact})


def _gap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(((a - b) ** 2).sum(-1))
