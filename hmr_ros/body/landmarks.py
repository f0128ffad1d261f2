"""Named surface points of a body: which vertex is the nose, a heel, a knuckle."""

from __future__ import annotations

import numpy as np

# Surface points of SMPL's own mesh (the ids its community uses for COCO and OpenPose joints).
SMPL_VERTICES = {
    "nose": 332,
    "reye": 6260,
    "leye": 2800,
    "rear": 4071,
    "lear": 583,
    "rthumb": 6191,
    "rindex": 5782,
    "rmiddle": 5905,
    "rring": 6016,
    "rpinky": 6133,
    "lthumb": 2746,
    "lindex": 2319,
    "lmiddle": 2445,
    "lring": 2556,
    "lpinky": 2673,
    "LBigToe": 3216,
    "LSmallToe": 3226,
    "LHeel": 3387,
    "RBigToe": 6617,
    "RSmallToe": 6624,
    "RHeel": 6787,
}
_SIDES = (("l", "left_", 1.0, 20), ("r", "right_", -1.0, 21))
# Share of the way from the wrist joint to the finger tip, measured on the open body's finger bones.
_KNUCKLES = {"pinky": 0.65, "index": 0.58, "thumb": 0.53}
# Metres from the eye, outwards and downwards; adults vary by less than the vertex spacing.
_EYE_CORNERS = {"eye_inner": -0.014, "eye_outer": 0.014}
_MOUTH = (0.024, 0.034)


def landmark_vertices(
    template: np.ndarray, joints: np.ndarray, named: dict[str, int] | None
) -> dict[str, int]:
    """Vertex of every landmark of the T-posed ``template`` [V, 3] with rest ``joints`` [24, 3].

    named: landmarks that the file itself names; None for a foreign file, which is taken to have
    SMPL's mesh if SMPL's vertices lie where they must on it. The result is empty if they do not.
    Eye corners, mouth corners and knuckles that are not named are placed by geometry.
    """
    vertices = dict(SMPL_VERTICES if named is None else named)
    if named is None and not _plausible(template, joints, vertices):
        return {}
    points = {name: template[vertex].astype(np.float64) for name, vertex in vertices.items()}
    for name, point in _derived(points, joints).items():
        if name not in vertices:
            vertices[name] = int(np.linalg.norm(template - point, axis=1).argmin())
    vertices.setdefault("head_top", int(template[:, 1].argmax()))
    return vertices


def _derived(points: dict[str, np.ndarray], joints: np.ndarray) -> dict[str, np.ndarray]:
    derived = {}
    for letter, side, sign, wrist in _SIDES:
        for name, outwards in _EYE_CORNERS.items():
            derived[side + name] = points[letter + "eye"] + [sign * outwards, 0, 0]
        outwards, downwards = _MOUTH
        mouth = points["nose"] + [0, -downwards, -0.02]
        derived[side + "mouth"] = mouth + [sign * outwards, 0, 0]
        for name, share in _KNUCKLES.items():
            tip = points[letter + name]
            derived[f"{side}{name}_knuckle"] = joints[wrist] + share * (tip - joints[wrist])
    return derived


def _plausible(template: np.ndarray, joints: np.ndarray, vertices: dict[str, int]) -> bool:
    """Whether SMPL's vertex ids name the right places: nose ahead of the ears, heels behind."""
    if len(template) <= max(vertices.values()):
        return False
    x, y, z = (template[:, axis] for axis in range(3))
    v = vertices
    return bool(
        abs(x[v["nose"]]) < 0.03
        and z[v["nose"]] > max(z[v["lear"]], z[v["rear"]]) + 0.03
        and y[v["nose"]] > joints[12, 1]
        and x[v["leye"]] > 0.01 > -0.01 > x[v["reye"]]
        and z[v["LBigToe"]] > z[v["LHeel"]] + 0.1
        and z[v["RBigToe"]] > z[v["RHeel"]] + 0.1
        and x[v["lmiddle"]] > joints[20, 0] > 0 > joints[21, 0] > x[v["rmiddle"]]
    )
