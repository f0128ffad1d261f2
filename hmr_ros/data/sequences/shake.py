"""Band-limited shaking as sums of sinusoids: smooth, and known at any time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Shake:
    """D channels of N sinusoids: amplitude, frequency (Hz) and phase, each [N, D]."""

    amplitude: np.ndarray
    frequency: np.ndarray
    phase: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """[T, D] at ``times`` [T] seconds."""
        angle = 2 * np.pi * self.frequency * np.asarray(times, float)[:, None, None] + self.phase
        return (self.amplitude * np.sin(angle)).sum(1)

    def fastest(self) -> np.ndarray:
        """[D] bound on the rate of change, a second."""
        return (2 * np.pi * self.frequency * np.abs(self.amplitude)).sum(0)


def sample_shake(
    rng: np.random.Generator, rms: np.ndarray, band: tuple[float, float], waves: int = 6
) -> Shake:
    """Noise with the root mean squares ``rms`` [D] between two frequencies (Hz).

    Amplitudes fall as 1 / frequency, as those of a hand or of a wheeled base do.
    """
    rms = np.asarray(rms, float)
    shape = (waves, len(rms))
    frequency = np.exp(rng.uniform(np.log(band[0]), np.log(band[1]), shape))
    amplitude = rng.uniform(0.5, 1.0, shape) / frequency
    amplitude = amplitude * rms / np.sqrt(0.5 * (amplitude**2).sum(0))
    return Shake(amplitude, frequency, rng.uniform(0, 2 * np.pi, shape))
