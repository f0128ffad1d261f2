"""The decoding of bodies as a graph of its own, against the numpy body."""

from __future__ import annotations

import numpy as np
import pytest
from smpl_files import smpl_arrays, write_npz

torch = pytest.importorskip("torch", reason="torch is not installed")

from hmr_ros.body.kinematics import forward_kinematics, rest_joints  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.body.skinning import vertices  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.runtime import body_export  # noqa: E402


def expected(body, rotations, betas, pelvis, ids=None):
    """Skin and joints by the numpy body, in double precision."""
    rotations, betas, pelvis = (v.astype(np.float64) for v in (rotations, betas, pelvis))
    rest = rest_joints(body, betas)
    shift = pelvis - rest[:, 0]
    joints, _ = forward_kinematics(rotations, rest, body.parents)
    return vertices(body, rotations, betas, shift, ids), joints + shift[:, None]


@pytest.mark.parametrize("ids", [None, np.array([5, 3, 400, 1000])], ids=["all", "some"])
@pytest.mark.parametrize("name", ["open_body", "made"])
def test_decoding_equals_numpy(name, ids, tmp_path):
    made = None if name == "open_body" else write_npz(tmp_path / "made.npz", smpl_arrays())
    body = load_body_model(made)
    given = body_export.possible(3)
    with torch.no_grad():
        decoded = body_export.Decoded(body, ids)(*map(torch.from_numpy, given.values()))
    skin, joints = expected(body, *given.values(), ids)
    assert np.abs(decoded[0].numpy() - skin).max() < 1e-5
    assert np.abs(decoded[1].numpy() - joints).max() < 1e-5
    np.testing.assert_allclose(joints[:, 0], given["pelvis"], atol=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_coarse_mesh_is_exported_and_described(tmp_path, capsys):
    pytest.importorskip("onnxscript")
    onnx = pytest.importorskip("onnx")
    from hmr_ros.runtime.graph_description import answers
    from hmr_ros.runtime.graph_file import read_graph, verify

    assert main(["export", "body", "--faces", "600", "--out", str(tmp_path)]) == 0
    assert "body.onnx: largest difference to numpy" in capsys.readouterr().out
    graph = read_graph(tmp_path / "body.onnx", "body")
    verify(graph)
    body, count = load_body_model(), graph.manifest["vertices"]
    faces = np.load(tmp_path / graph.manifest["faces"])
    assert len(faces) <= 600 and faces.max() == count - 1 and count < 600
    assert graph.outputs["vertices"].shape == (None, count, 3)
    kinds = {node.op_type for node in onnx.load(graph.path).graph.node}
    assert not kinds & {"If", "Loop", "Scan"}
    given = body_export.possible(2, seed=7)
    found = answers(graph.path, given)
    skin, joints = expected(body, *given.values())
    assert np.abs(found["joints"] - joints).max() < 1e-5
    # Each vertex of the coarse mesh is one of the full one.
    gaps = np.linalg.norm(found["vertices"][0][:, None] - skin[0][None], axis=-1)
    assert gaps.min(1).max() < 1e-5


def test_a_body_in_half_precision_is_refused(tmp_path, capsys):
    command = ["export", "body", "--precision", "float16", "--out", str(tmp_path)]
    assert main(command) == 2
    assert "kinematics and skinning stay in float32" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
