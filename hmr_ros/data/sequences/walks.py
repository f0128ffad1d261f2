"""From a motion to a way through the world: feet that carry stay where they are.

A body of another shape takes other steps, and a walker must turn at walls, furniture and people.
So the way is not copied from the recording: a sole that touches the floor is held, and the body
moves as this demands; it turns about that sole as well. In the air it moves as captured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, grey_opening, uniform_filter1d

from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.body.skinning import vertices
from hmr_ros.compiled import reproducible
from hmr_ros.data.sequences.floor_clips import LEAP_SECONDS, sole_vertices, touching_vertices
from hmr_ros.data.sequences.takes import Take

TOUCH_HEIGHT, TOUCH_SPEED = 0.012, 0.35  # metres, m/s: a sole is held with exp(-(x / these)^2)
HOVER = 0.03  # metres; less is noise of the recording, more is a leap
TURN_RATE = 0.9  # rad/s that a walker turns at most for a goal
_TURN_RADIUS = 0.5  # metres
_MINDFUL = 1.1  # metres from an obstacle's border at which a walker begins to turn
_REACHED = 0.6  # metres from a goal


@dataclass(frozen=True, eq=False)
class Footing:
    """What a walk needs to know of a take in a shape.

    soles: [S, K, 2] (x, z) of points under the feet, seen from the pelvis; held: [S, K] 0 .. 1;
    moves: [S, 2] as captured, for legs of this length; height: [S] of the pelvis over the floor;
    going: [S, 2] direction and share (0: standing .. 1) of progress, in the take's own heading.
    """

    soles: np.ndarray
    held: np.ndarray
    moves: np.ndarray
    height: np.ndarray
    going: np.ndarray
    fps: float


def footing(body: BodyModel, take: Take, betas: np.ndarray, fps: float) -> Footing:
    """Soles and heights of a take by a body of shape ``betas`` [10] at ``fps`` frames a second."""
    shapes = np.stack([np.zeros(10), betas]).astype(np.float32)
    mean, rest = rest_joints(body, shapes).astype(float)
    stride = (rest[0, 1] - rest[7, 1]) / (mean[0, 1] - mean[7, 1])
    # In float64: what is rounded later is then the same on every machine.
    rotations = take.rotations
    many = np.repeat(np.asarray(betas, float)[None], len(rotations), 0)
    touching = touching_vertices(body)
    left, right = sole_vertices(body)
    skin = vertices(body, rotations, many, subset=np.concatenate([touching, left, right]))
    skin = skin - rest[0]
    lowest = skin[..., 1].min(1)
    soles = skin[:, len(touching) :]
    rise = take.height * stride + lowest
    above = rise - grey_opening(rise, max(3, int(LEAP_SECONDS * fps)), mode="nearest")
    above = np.maximum(0, above - HOVER)
    height = above - lowest
    over = soles[..., 1] - lowest[:, None] + above[:, None]
    captured = np.cumsum(take.moves * stride, 0)
    flat = soles[..., [0, 2]]
    speed = np.gradient(flat + captured[:, None], 1 / fps, axis=0)
    speed = np.sqrt((speed**2).sum(-1))
    held = np.exp(-((over / TOUCH_HEIGHT) ** 2) - (speed / TOUCH_SPEED) ** 2)
    smooth = uniform_filter1d(take.moves * fps, max(3, int(fps)), axis=0, mode="nearest")
    smooth = gaussian_filter1d(smooth, 0.2 * fps, axis=0, mode="nearest")
    pace = np.sqrt((smooth**2).sum(1))
    share = np.clip((pace - 0.15) / 0.35, 0, 1)
    going = smooth / np.maximum(pace, 1e-6)[:, None] * share[:, None]
    return Footing(flat, held, take.moves * stride, height, going, fps)


def walk(
    feet: Footing,
    start: np.ndarray,
    yaw: float,
    goals: np.ndarray,
    obstacles: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions [S, 2] (x, z) of the pelvis, and yaw [S] by which the take is turned.

    start: [2]; yaw: at the start. goals: [G, 2] headed for one after the other, round and round;
    with none the walker goes straight on. obstacles: [S, O, 3] x, z and radius, metres.
    """
    steps = len(feet.moves)
    position, turned = np.empty((steps, 2)), np.empty(steps)
    _walk(
        feet.soles,
        feet.held,
        feet.moves,
        feet.going,
        1.0 / feet.fps,
        np.array([start[0], start[1], yaw], float),
        np.ascontiguousarray(goals, float).reshape(-1, 2),
        np.ascontiguousarray(obstacles, float).reshape(steps, -1, 3),
        np.array([TURN_RATE, _TURN_RADIUS, _MINDFUL, _REACHED]),
        position,
        turned,
    )
    return position, turned


@reproducible
def _walk(soles, held, moves, going, dt, start, goals, obstacles, limits, position, turned):
    x, z, yaw = start
    turn_rate, radius, mindful, reached = limits
    rate = 0.0
    goal = 0
    for t in range(len(moves)):
        if t > 0:
            # How fast to turn: towards the goal, away from what is near and ahead.
            gx, gz = going[t, 0], going[t, 1]
            pace = np.sqrt(gx * gx + gz * gz)
            wanted = 0.0
            if pace > 0.05:
                c, s = np.cos(yaw), np.sin(yaw)
                ax, az = (c * gx + s * gz) / pace, (c * gz - s * gx) / pace
                wx, wz = ax, az
                if len(goals) > 0:
                    wx, wz = goals[goal, 0] - x, goals[goal, 1] - z
                    far = np.sqrt(wx * wx + wz * wz)
                    if far < reached:
                        goal = (goal + 1) % len(goals)
                    wx, wz = wx / (far + 1e-9), wz / (far + 1e-9)
                for o in range(obstacles.shape[1]):
                    ox, oz = x - obstacles[t, o, 0], z - obstacles[t, o, 1]
                    far = np.sqrt(ox * ox + oz * oz) + 1e-9
                    gap = far - obstacles[t, o, 2]
                    if gap < mindful and ox * ax + oz * az < 0.2 * far:
                        push = 2.0 * (1 - max(0.0, gap) / mindful)
                        # Sideways past it, on the side where one is already.
                        side = 1.0 if ax * oz - az * ox > 0 else -1.0
                        wx += push * (ox / far * 0.5 - side * az)
                        wz += push * (oz / far * 0.5 + side * ax)
                # The angle from where the walker goes to where it wants to, about Y.
                error = np.arctan2(az * wx - ax * wz, ax * wx + az * wz)
                wanted = min(turn_rate, max(-turn_rate, 1.8 * error)) * pace
            rate += (wanted - rate) * min(1.0, dt / 0.25)
            before_c, before_s = np.cos(yaw), np.sin(yaw)
            yaw += rate * dt
            c, s = np.cos(yaw), np.sin(yaw)
            mx, mz = moves[t, 0], moves[t, 1]
            free_x, free_z = c * mx + s * mz, c * mz - s * mx
            total, most, hx, hz = 0.0, 0.0, 0.0, 0.0
            for k in range(soles.shape[1]):
                w = min(held[t, k], held[t - 1, k])
                bx, bz = soles[t - 1, k, 0], soles[t - 1, k, 1]
                nx, nz = soles[t, k, 0], soles[t, k, 1]
                hx += w * (before_c * bx + before_s * bz - c * nx - s * nz)
                hz += w * (before_c * bz - before_s * bx - c * nz + s * nx)
                total += w
                most = max(most, w)
            share = min(1.0, 2.0 * most)
            if total > 1e-9:
                hx, hz = hx / total, hz / total
            x += share * hx + (1 - share) * free_x
            z += share * hz + (1 - share) * free_z
        position[t, 0], position[t, 1] = x, z
        turned[t] = yaw
