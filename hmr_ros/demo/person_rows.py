"""What a planner wants to know of each person now: where, how fast, and what it cannot see."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from hmr_ros.tracks import TrackState

SPEED_OVER_S = 1.0
HIDDEN_BELOW = 0.5


@dataclass(frozen=True)
class PersonRow:
    """Distances in metres from the camera, speed in metres a second.

    spread_seen, spread_hidden: standard deviation of joints relative to the pelvis, metres, mean
    over the seen and over the hidden joints; None if there are none.
    """

    id: int
    coasting: bool
    age_s: float
    position: tuple[float, float, float]
    distance: float
    speed: float | None
    hidden: int
    spread_seen: float | None
    spread_hidden: float | None
    metric: bool


@dataclass
class PersonRows:
    """Remembers where people were, to know how fast they are."""

    _paths: dict[int, deque] = field(default_factory=dict)

    def update(self, message) -> list[PersonRow]:
        """One row a person of a ``SmplBodyArray``, in its order."""
        stamp = message.header.stamp
        now = stamp.sec + stamp.nanosec * 1e-9
        rows = [self._row(body, now) for body in message.bodies]
        present = {body.id for body in message.bodies}
        self._paths = {number: path for number, path in self._paths.items() if number in present}
        return rows

    def _row(self, body, now: float) -> PersonRow:
        p = body.pelvis.pose.position
        position = (p.x, p.y, p.z)
        hidden = np.asarray(body.visibility) < HIDDEN_BELOW
        variances = np.asarray(body.joint_covariances).reshape(24, 9)[:, [0, 4, 8]].mean(1)
        spread = np.sqrt(np.maximum(variances, 0))
        return PersonRow(
            id=body.id,
            coasting=body.tracking_state == TrackState.COASTING,
            age_s=body.age,
            position=position,
            distance=float(np.linalg.norm(position)),
            speed=self._speed(body.id, now, position),
            hidden=int(hidden.sum()),
            spread_seen=float(spread[~hidden].mean()) if not hidden.all() else None,
            spread_hidden=float(spread[hidden].mean()) if hidden.any() else None,
            metric=body.metric,
        )

    def _speed(self, number: int, now: float, position: tuple) -> float | None:
        """Displacement over the last second; None for half a second after the first sight."""
        path = self._paths.setdefault(number, deque())
        path.append((now, position))
        while now - path[0][0] > SPEED_OVER_S:
            path.popleft()
        then, start = path[0]
        if now - then < SPEED_OVER_S / 2:
            return None
        return float(np.linalg.norm(np.subtract(position, start)) / (now - then))
