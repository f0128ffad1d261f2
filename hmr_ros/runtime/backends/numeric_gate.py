"""Are an engine's numbers those of the float32 graph? Judged on the manifest's reference inputs.

A builder may choose a kernel whose half-precision sums overflow, or that is wrong outright (of
TensorRT 10.3 NVIDIA/TensorRT#4723 reports wrong answers of a transformer in half precision).
Nothing but the numbers tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.runtime.graph_file import GraphFile, WeightsError

Arrays = Mapping[str, np.ndarray]

LIMIT_MM, LIMIT_DEG = 2.0, 0.5
POSED = {"rotations", "betas", "pelvis"}
METRES = ("joints", "vertices", "pelvis", "transl")
# Largest absolute difference of outputs that are numbers about 1.
ABSOLUTE = {"visibility": 0.02, "betas": 0.05}
# Of all others: root mean square of the difference over that of the reference. Covariances are
# products of standard deviations, whose error they double.
RELATIVE = 0.02
COVARIANCE = 0.05


@dataclass(frozen=True)
class Measure:
    """The largest difference of one output to the reference, and what it may be."""

    output: str
    difference: float
    limit: float
    unit: str

    @property
    def passed(self) -> bool:
        """False for a difference that is no number, too."""
        return bool(self.difference <= self.limit)

    def __str__(self) -> str:
        return f"{self.output} {self.difference:.3g} {self.unit} (limit {self.limit:g})"

    def as_dict(self) -> dict:
        """As plain JSON."""
        return asdict(self)


def judge(run: Callable[[Arrays], Arrays], graph: GraphFile, most: int) -> tuple[Measure, ...]:
    """Differences of ``run`` to the reference outputs of ``graph``: each person alone, and ``most``
    at once, which an engine may compute by another kernel.

    Raises WeightsError if the graph has no reference or one that is not finite.
    """
    inputs, expected = graph.references()
    people = len(next(iter(inputs.values())))
    if not all(np.isfinite(v).all() for v in expected.values()):
        raise WeightsError(f"{graph.reference} holds numbers that are not finite: export it anew")
    full = np.resize(np.arange(people), most)
    body = load_body_model() if expected.keys() >= POSED else None
    all_of: dict[str, list[Measure]] = {}
    for rows in (*np.arange(people)[:, None], full):
        # An array that the backend keeps is copied: the next run may overwrite it.
        answers = {n: np.array(v) for n, v in run({n: v[rows] for n, v in inputs.items()}).items()}
        for measure in measures({n: v[rows] for n, v in expected.items()}, answers, body):
            all_of.setdefault(measure.output, []).append(measure)
    # A difference that is no number is the largest of all.
    return tuple(
        max(some, key=lambda m: np.inf if np.isnan(m.difference) else m.difference)
        for some in all_of.values()
    )


def measures(expected: Arrays, found: Arrays, body: BodyModel | None = None) -> list[Measure]:
    """One measure an output, by its name; and with a body, of the joints that ``POSED`` give.

    The same body serves both sides, whatever body the network was trained for: the difference is
    one of the answers, and limbs of any person make it visible.
    """
    made = [_measure(name, expected[name], found[name]) for name in expected]
    if body is not None:
        off = np.linalg.norm(_joints(expected, body) - _joints(found, body), axis=-1)
        made.append(Measure("posed joints", _largest(1e3 * off), LIMIT_MM, "mm"))
    return made


def _measure(name: str, expected: np.ndarray, found: np.ndarray) -> Measure:
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    off = found - expected
    if name == "rotations":
        # Of two rotations this is their angle; other matrices are the further off.
        chord = np.linalg.norm(off, axis=(-2, -1)) / np.sqrt(8)
        angles = np.rad2deg(2 * np.arcsin(np.minimum(chord, 1)))
        return Measure(name, _largest(angles), LIMIT_DEG, "deg")
    if name in METRES:
        return Measure(name, _largest(1e3 * np.linalg.norm(off, axis=-1)), LIMIT_MM, "mm")
    if name in ABSOLUTE:
        return Measure(name, _largest(np.abs(off)), ABSOLUTE[name], "absolute")
    scale = max(float(np.sqrt(np.mean(expected**2))), 1e-6)
    limit = COVARIANCE if name.endswith("_cov") else RELATIVE
    return Measure(name, float(np.sqrt(np.mean(off**2))) / scale, limit, "relative")


def _largest(values: np.ndarray) -> float:
    """NaN if there is one."""
    return float(np.max(values))


def _joints(answers: Arrays, body: BodyModel) -> np.ndarray:
    rotations = answers["rotations"].astype(np.float32)
    rest = rest_joints(body, answers["betas"].astype(np.float32))
    posed, _ = forward_kinematics(rotations, rest, body.parents)
    return posed - posed[:, :1] + answers["pelvis"][:, None]
