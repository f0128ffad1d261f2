"""Body files in SMPL's own layout, made for tests."""

import pickle
from pathlib import Path

import numpy as np
import scipy.sparse

from hmr_ros.body.model import load_body_model


def smpl_arrays(seed: int = 0) -> dict:
    """Random pose correctives everywhere and values that float32 cannot hold, on the open mesh.

    Mesh and shape differ from the open body by centimetres, so a mix-up cannot go unseen.
    """
    body = load_body_model()
    rng = np.random.default_rng(seed)
    vertices = len(body.v_template)
    return {
        "v_template": body.v_template + rng.normal(0, 0.01, (vertices, 3)),
        "shapedirs": body.shapedirs + rng.normal(0, 0.005, (vertices, 3, 10)),
        "posedirs": rng.normal(0, 0.002, (vertices, 3, 207)),
        "J_regressor": scipy.sparse.csc_matrix(body.J_regressor.astype(np.float64)),
        "weights": body.weights.astype(np.float64),
        "kintree_table": np.stack(
            [np.where(body.parents < 0, 2**32 - 1, body.parents), np.arange(24)]
        ).astype(np.uint32),
        "f": body.faces.astype(np.uint32),
        "bs_type": "lrotmin",
        "bs_style": "lbs",
    }


def write_pickle(path: Path, arrays: dict) -> Path:
    path.write_bytes(pickle.dumps(arrays, protocol=2))
    return path


def write_npz(path: Path, arrays: dict) -> Path:
    dense = {k: v.toarray() if scipy.sparse.issparse(v) else v for k, v in arrays.items()}
    np.savez(path, **dense)
    return path


def random_bodies(count: int, dtype=np.float32, seed: int = 0, spread: float = 0.6):
    """rotations [N, 24, 3, 3], betas [N, 10], transl [N, 3]."""
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    rotations = Rotation.from_rotvec(rng.normal(0, spread, (count * 24, 3))).as_matrix()
    return (
        rotations.reshape(count, 24, 3, 3).astype(dtype),
        rng.normal(size=(count, 10)).astype(dtype),
        rng.normal(size=(count, 3)).astype(dtype),
    )
