"""Which joints of a motion capture skeleton are SMPL's, by their names.

Known: the names of the CMU data base's BVH conversions and of MotionBuilder and Mixamo (Hips,
LeftUpLeg, LeftArm, ...), and those of CMU's own ASF skeleton (root, lfemur, lhumerus, ...).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Names of a joint, lower case; {} is the side in full or as one letter. The first found counts.
_PELVIS = ("hips", "hip", "root", "pelvis")
_HEAD = ("head",)
_SIDED: dict[int, tuple[str, ...]] = {
    1: ("leftupleg", "lfemur", "leftthigh", "lefthip", "lthigh"),
    4: ("leftleg", "ltibia", "leftlowleg", "leftknee", "leftshin", "lshin"),
    7: ("leftfoot", "lfoot", "leftankle"),
    10: ("lefttoebase", "ltoes", "lefttoe"),
    13: ("leftcollar", "leftshoulder", "lclavicle", "lcollar"),
    16: ("leftarm", "lhumerus", "leftuparm", "leftshoulder", "lshldr"),
    18: ("leftforearm", "lradius", "leftlowarm", "leftelbow", "lforearm"),
    20: ("lefthand", "lwrist", "leftwrist", "lhand"),
    22: ("leftfingerbase", "lefthandindex1", "lefthandmiddle1", "lhand", "lfingers"),
}
# Without these there is no body to speak of.
_NEEDED = (0, 1, 2, 4, 5, 7, 8, 16, 17, 18, 19, 20, 21)


def smpl_sources(names: Sequence[str], parents: np.ndarray) -> dict[int, int]:
    """SMPL joint -> joint of the skeleton, for those that it has.

    Spine and neck go by the tree: the joints between pelvis and arms are spine1 to spine3, those
    between them and the head are the neck. Raises ValueError naming what was not found.
    """
    place = {_plain(name): n for n, name in reversed(list(enumerate(names)))}
    found: dict[int, int] = {}

    def look(joint: int, wanted: Sequence[str]) -> None:
        for name in wanted:
            if name in place and place[name] not in found.values():
                found[joint] = place[name]
                return

    look(0, _PELVIS)
    order = sorted(_SIDED, key=lambda joint: joint == 13)  # a shoulder may be a collar or an arm
    for joint in order:
        look(joint, _SIDED[joint])
        look(joint + 1, [_other_side(name) for name in _SIDED[joint]])
    look(15, _HEAD)
    missing = [joint for joint in _NEEDED if joint not in found]
    if missing:
        from hmr_ros.body.model import JOINT_NAMES

        raise ValueError(
            f"joints for {', '.join(JOINT_NAMES[j] for j in missing)} are not found by name; the "
            f"skeleton has {', '.join(names)}"
        )
    left = _above(found[16], parents)
    right = _above(found[17], parents)
    trunk = [n for n in left if n in right and n not in _above(found[0], parents)]
    trunk = [n for n in reversed(trunk) if n != found[0]]
    if trunk:
        found[9] = trunk[-1]
        if len(trunk) > 1:
            found[3] = trunk[0]
        if len(trunk) > 2:
            found[6] = trunk[(len(trunk) - 1) // 2] if len(trunk) > 3 else trunk[1]
    if 15 in found:
        neck = [n for n in _above(found[15], parents) if n not in left and n != found[0]]
        if neck:
            found[12] = neck[0]
    return found


def _plain(name: str) -> str:
    """``mixamorig:LeftArm`` and ``Left_Arm`` to ``leftarm``."""
    return name.rsplit(":", 1)[-1].replace("_", "").replace(" ", "").lower()


def _other_side(name: str) -> str:
    return "right" + name[4:] if name.startswith("left") else "r" + name[1:]


def _above(joint: int, parents: np.ndarray) -> list[int]:
    """Ancestors, the nearest first."""
    found = []
    while parents[joint] >= 0:
        joint = int(parents[joint])
        found.append(joint)
    return found
