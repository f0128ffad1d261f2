"""Is this a human skeleton in metres, in the order of its names?

Files of another release may hold millimetres or the joints in another order, with every shape as
expected. Bones tell: their lengths lie within narrow limits for everybody.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmr_ros.data.datasets.fields import Fields

# Bone: ends, shortest and longest in metres, from a child of three to a very tall adult.
_BONES = {
    "thigh": ("hip", "knee", 0.16, 0.65),
    "shin": ("knee", "ankle", 0.16, 0.65),
    "upper arm": ("shoulder", "elbow", 0.10, 0.50),
    "forearm": ("elbow", "wrist", 0.09, 0.45),
}
FARTHEST = 200.0


def check_skeleton(fields: Fields, field: str, joints: np.ndarray, names: Sequence[str]) -> None:
    """Raises DatasetError unless ``joints`` [M, J, 3] have the limbs of people in metres.

    The median over M counts, so that a single wild frame is no reason to refuse a file.
    """
    for side in ("left", "right"):
        for bone, (upper, lower, shortest, longest) in _BONES.items():
            ends = [names.index(f"{side}_{joint}") for joint in (upper, lower)]
            length = float(
                np.median(np.linalg.norm(joints[:, ends[0]] - joints[:, ends[1]], axis=1))
            )
            if shortest <= length <= longest:
                continue
            if shortest <= length / 1000 <= longest:
                raise fields.error(
                    field,
                    f"the {side} {bone} is {length:.0f} long: millimetres, expected metres",
                    "divide by 1000",
                )
            if shortest <= length * 1000 <= longest:
                raise fields.error(
                    field,
                    f"the {side} {bone} is {length * 1000:.2g} mm long: metres where this data set "
                    "has millimetres",
                    "multiply by 1000",
                )
            raise fields.error(
                field,
                f"the {side} {bone} is {length:.3g} m long: the joints are in another order than "
                f"{', '.join(names[:4])}, ..., or not in metres",
                "put them into this order",
            )


def check_drawn_skeleton(
    fields: Fields, field: str, points: np.ndarray, names: Sequence[str]
) -> None:
    """Raises DatasetError unless pixels [M, K, 2] have limbs of human proportion.

    A limb seen from any side is at most about a third of a person's extent.
    """
    low, high = points.min(1), points.max(1)
    extent = np.maximum(np.linalg.norm(high - low, axis=1), 1e-9)
    for side in ("left", "right"):
        for bone, (upper, lower, _, _) in _BONES.items():
            ends = [names.index(f"{side}_{joint}") for joint in (upper, lower)]
            length = np.linalg.norm(points[:, ends[0]] - points[:, ends[1]], axis=1)
            share = float(np.median(length / extent))
            if share > 0.45:
                raise fields.error(
                    field,
                    f"the {side} {bone} takes {100 * share:.0f} % of the person: the joints are in "
                    f"another order than {', '.join(names[:4])}, ...",
                    "put them into this order",
                )


def check_depth(fields: Fields, field: str, depth: np.ndarray) -> None:
    """Raises DatasetError unless people stand before the camera, within 200 m."""
    middle = float(np.median(depth))
    if middle > FARTHEST:
        raise fields.error(
            field,
            f"people are {middle:.0f} m away: millimetres, expected metres",
            "divide by 1000",
        )
    if middle <= 0:
        raise fields.error(
            field,
            f"people are {-middle:.2f} m behind the camera",
            "the extrinsics must take the world into the camera: invert them",
        )
