"""Which people and joints a figure counts: by visibility, body region, occluder and level."""

from __future__ import annotations

import numpy as np

from hmr_ros.body.model import JOINT_NAMES
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.scenes.things import Thing

TORSO = (3, 6, 9, 12, 13, 14, 15)  # spine, neck, collars, head
LIMB = (1, 2, 4, 5, 7, 8, 16, 17, 18, 19, 20, 21)  # hips to ankles, shoulders to wrists
OUTER_LIMB = (4, 5, 7, 8, 18, 19, 20, 21)  # knees, ankles, elbows, wrists
REGIONS = {"torso": TORSO, "limb": LIMB, "distal": OUTER_LIMB}
STATES = {"visible": VISIBLE, "self_occluded": SELF_OCCLUDED, "hidden": HIDDEN}
ROOT = 0

# People by the share of their 24 joints that other things hide: up to and including the value.
LEVELS = {"light": 0.15, "medium": 0.45, "heavy": 1.0}


def joint_masks(
    visibility: np.ndarray, left_out: tuple[int, ...] = (ROOT,)
) -> dict[str, np.ndarray]:
    """Masks [N, 24] bool: all, the three states, the regions, and region_state such as limb_hidden.

    visibility: [N, 24] values of ``hmr_ros.data.joint_visibility``. left_out: joints that no mask
    counts. The pelvis is left out because its error is zero by construction where it is the root;
    give () for errors in the camera or world frame.
    """
    visibility = _joints(visibility, "visibility")
    if not np.isin(visibility, list(STATES.values())).all():
        raise ValueError(f"visibility holds {np.unique(visibility)}, expected {STATES}")
    everything = np.ones(visibility.shape, bool)
    everything[:, list(left_out)] = False
    states = {name: everything & (visibility == state) for name, state in STATES.items()}
    masks = {"all": everything, **states}
    for region, joints in REGIONS.items():
        chosen = np.zeros(visibility.shape[1], bool)
        chosen[list(joints)] = True
        masks[region] = everything & chosen
        for name, state in states.items():
            masks[f"{region}_{name}"] = state & chosen
    return masks


def occluder_masks(
    occluder: np.ndarray, left_out: tuple[int, ...] = (ROOT,)
) -> dict[str, np.ndarray]:
    """Masks [N, 24] bool by what hides a joint: ``by_self``, ``by_person``, ``by_furniture``, ...

    occluder: [N, 24] values of ``hmr_ros.data.scenes.things.Thing``; ``by_nothing`` is free sight.
    """
    occluder = _joints(occluder, "occluder")
    if not np.isin(occluder, list(Thing)).all():
        raise ValueError(f"occluder holds {np.unique(occluder)}, expected values of Thing")
    counted = np.ones(occluder.shape, bool)
    counted[:, list(left_out)] = False
    return {f"by_{kind.name.lower()}": counted & (occluder == kind) for kind in Thing}


def each_joint(count: int, left_out: tuple[int, ...] = (ROOT,)) -> dict[str, np.ndarray]:
    """Masks [count, 24] bool that count one joint of everybody, by its name."""
    return {
        name: np.broadcast_to(np.arange(len(JOINT_NAMES)) == number, (count, len(JOINT_NAMES)))
        for number, name in enumerate(JOINT_NAMES)
        if number not in left_out
    }


def hidden_share(visibility: np.ndarray) -> np.ndarray:
    """Share [N] of each person's joints that other things or the image's border hide.

    visibility: [N, 24]. Self-occlusion does not count: it goes with the pose, not with the scene.
    """
    return (_joints(visibility, "visibility") == HIDDEN).mean(1)


def level_masks(
    visibility: np.ndarray, levels: dict[str, float] | None = None
) -> dict[str, np.ndarray]:
    """Masks [N] bool of people by ``hidden_share``: each person is in exactly one level.

    levels: greatest share by name, rising; ``LEVELS`` if None. The last must be 1.
    """
    levels = LEVELS if levels is None else levels
    ends = list(levels.values())
    if not ends or ends != sorted(set(ends)) or ends[-1] != 1:
        raise ValueError(f"levels must rise to 1, got {levels}")
    row = np.searchsorted(ends, hidden_share(visibility), side="left")
    return {name: row == number for number, name in enumerate(levels)}


def _joints(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] != len(JOINT_NAMES):
        raise ValueError(f"{name} must be [N, {len(JOINT_NAMES)}], got {values.shape}")
    return values
