"""Official SMPL pickles, read through the ``smplx`` package."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np


def read_pickle(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an official SMPL ``.pkl`` under SMPL's keys.

    The reading is left to ``smplx``: it knows the releases, and a pickle can run code, so this
    package opens none by itself. Raises ModuleNotFoundError without ``smplx`` (or without
    ``chumpy`` for an uncleaned release) and ValueError for another file.
    """
    try:
        import smplx
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{path}: a pickle is read only through smplx; pip install smplx torch, or convert the "
            "file to .npz"
        ) from error
    try:
        # smplx reports the number of shape coefficients on stdout, which may carry our results.
        with contextlib.redirect_stdout(io.StringIO()):
            body = smplx.SMPL(str(path))
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path}: needs {error.name} to be unpickled; remove its chumpy objects with smplx's "
            "tools/clean_ch.py, or use the .npz release"
        ) from error
    except Exception as error:
        raise ValueError(f"{path}: smplx cannot read it as SMPL ({error})") from error
    vertices = len(body.v_template)
    parents = body.parents.numpy()
    return {
        "v_template": body.v_template.numpy(),
        "shapedirs": body.shapedirs.numpy(),
        "posedirs": body.posedirs.numpy().T.reshape(vertices, 3, -1),
        "J_regressor": body.J_regressor.numpy(),
        "weights": body.lbs_weights.numpy(),
        "kintree_table": np.stack([parents, np.arange(len(parents))]),
        "f": body.faces.astype(np.int64),
    }
