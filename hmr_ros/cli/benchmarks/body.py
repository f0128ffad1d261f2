"""One posed body mesh: this package in numba and in torch beside smplx, on the same file."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hmr_ros.body import skinning
from hmr_ros.body.model import BETAS, JOINTS, BodyModel, load_body_model
from hmr_ros.cli.timing import compare, row, timed
from hmr_ros.geometry.rotations import matrix_from_axis_angle

SUMMARY = "posed meshes against smplx, one thread each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, default=1, help="bodies a call")
    parser.add_argument("--rounds", type=int, default=200, help="calls of each")
    parser.add_argument("--body", type=Path, help="body model; default: the open body")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row each, beside smplx's. Raises ValueError if the
    three disagree by more than 1e-5 m."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            calls = contenders(load_body_model(args.body), args.batch)
            times = timed(calls, args.rounds)
    finally:
        torch.set_num_threads(threads)
    rows = {
        name: row(f"body, {name}", of_one, args.batch) | {"bodies_a_call": args.batch}
        for name, of_one in times.items()
    }
    for found in rows.values():
        compare(found, rows["smplx"])
    return list(rows.values())


def contenders(model: BodyModel, batch: int) -> dict[str, Callable[[], np.ndarray]]:
    """Calls that each give the same vertices [batch, V, 3] of the same random bodies."""
    import torch

    from hmr_ros.body.torch_body import TorchBody

    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.4, (batch, JOINTS, 3)).astype(np.float32)
    rotations = matrix_from_axis_angle(pose).astype(np.float32)
    betas = rng.normal(size=(batch, BETAS)).astype(np.float32)
    transl = rng.normal(size=(batch, 3)).astype(np.float32)
    tensors = [torch.from_numpy(array) for array in (rotations, betas, transl)]
    torch_body, reference = TorchBody(model), smplx_body(model, batch)
    calls = {
        "numba": lambda: skinning.vertices(model, rotations, betas, transl),
        "torch": lambda: torch_body.vertices(*tensors).numpy(),
        "smplx": lambda: reference(
            global_orient=tensors[0][:, :1],
            body_pose=tensors[0][:, 1:],
            betas=tensors[1],
            transl=tensors[2],
            pose2rot=False,
        ).vertices.numpy(),
    }
    expected = calls["smplx"]()
    for name, call in calls.items():
        error = np.abs(call() - expected).max()
        if error > 1e-5:
            raise ValueError(f"{name} differs from smplx by {error:.1e} m on {model.name}")
    return calls


def smplx_body(model: BodyModel, batch: int):
    """``smplx.SMPL`` of the same arrays."""
    import smplx
    from smplx.utils import Struct

    posedirs = model.posedirs
    if posedirs is None:
        posedirs = np.zeros((*model.v_template.shape, 9 * (JOINTS - 1)), np.float32)
    arrays = Struct(
        v_template=model.v_template,
        shapedirs=model.shapedirs,
        posedirs=posedirs,
        J_regressor=model.J_regressor,
        weights=model.weights,
        kintree_table=np.stack([model.parents, np.arange(JOINTS)]),
        f=model.faces,
    )
    # It prints the number of shape coefficients.
    with contextlib.redirect_stdout(io.StringIO()):
        return smplx.SMPL("", data_struct=arrays, batch_size=batch)
