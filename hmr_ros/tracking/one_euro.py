"""One-Euro filter (Casiez et al., CHI 2012) for vectors and for rotations."""

from __future__ import annotations

import numpy as np

from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle

SPEED_CUTOFF_HZ = 1.0  # of the filter on the speed itself, as in the paper


def smoothing_factor(cutoff_hz: np.ndarray | float, dt: float) -> np.ndarray | float:
    """Weight in (0, 1] of the new sample in a first-order low pass."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * dt))


class OneEuro:
    """A low pass whose cut-off grows with speed: steady at rest, quick in motion.

    The state lives on vectors [..., D]; speed is the norm over the last axis, so that all
    coordinates of one point are filtered alike and no axis lags behind the others.
    """

    def __init__(self, cutoff_hz: float, speed_gain: float) -> None:
        self.cutoff_hz, self.speed_gain = cutoff_hz, speed_gain
        self.restart()

    def restart(self) -> None:
        """Take the next value as it is."""
        self.value: np.ndarray | None = None
        self.velocity: np.ndarray | float = 0.0

    def __call__(self, value: np.ndarray, dt: float, unit: float = 1.0) -> np.ndarray:
        """The filtered value after ``dt`` seconds; dt <= 0 changes nothing.

        unit: metres (or radians) that a step of one means, so that ``speed_gain`` is in Hz for
        each m/s whatever the value is measured in.
        """
        if self.value is None:
            self.value = value
        elif dt > 0:
            step = self._difference(value)
            self.velocity = self._low_passed(step / dt, dt)
            speed = unit * np.linalg.norm(self.velocity, axis=-1, keepdims=True)
            gain = smoothing_factor(self.cutoff_hz + self.speed_gain * speed, dt)
            self.value = self._moved(gain * step)
        return self.value

    def _low_passed(self, velocity: np.ndarray, dt: float) -> np.ndarray:
        gain = smoothing_factor(SPEED_CUTOFF_HZ, dt)
        return self.velocity + gain * (velocity - self.velocity)

    def _difference(self, value: np.ndarray) -> np.ndarray:
        return value - self.value

    def _moved(self, step: np.ndarray) -> np.ndarray:
        return self.value + step


class OneEuroRotation(OneEuro):
    """The same on rotation matrices [..., 3, 3]: steps are axis-angle vectors at the estimate.

    The filtered value stays a rotation, and it does not matter how the axes are chosen.
    """

    def _difference(self, value: np.ndarray) -> np.ndarray:
        return axis_angle_from_matrix(np.swapaxes(self.value, -1, -2) @ value)

    def _moved(self, step: np.ndarray) -> np.ndarray:
        return self.value @ matrix_from_axis_angle(step)
