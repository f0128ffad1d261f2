"""The torch body equals the numpy one, has finite gradients and survives export."""

import numpy as np
import pytest
from smpl_files import random_bodies, smpl_arrays, write_npz

from hmr_ros.body import keypoints, skinning
from hmr_ros.body.model import load_body_model

torch = pytest.importorskip("torch", reason="torch is not installed")


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    made = write_npz(tmp_path_factory.mktemp("smpl") / "made.npz", smpl_arrays())
    return {"open_body": load_body_model(), "made": load_body_model(made)}


@pytest.mark.parametrize("name", ["open_body", "made"])
@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
def test_equals_numpy(bodies, name, kind, tolerance):
    from hmr_ros.body.torch_body import TorchBody

    body = TorchBody(bodies[name], getattr(torch, kind))
    arrays = random_bodies(2, np.dtype(kind))
    with torch.no_grad():
        ours = body.vertices(*map(torch.from_numpy, arrays)).numpy()
    assert np.abs(ours - skinning.vertices(bodies[name], *arrays)).max() < tolerance


@pytest.mark.parametrize("joint_set", ["blazepose33", "coco17", "h36m17", "h36m14", "smpl24"])
def test_keypoints_equal_numpy(bodies, joint_set):
    from hmr_ros.body.torch_body import TorchBody

    rotations, betas, transl = random_bodies(2)
    body = TorchBody(bodies["open_body"])
    r, b, t = map(torch.from_numpy, (rotations, betas, transl))
    ours = body.keypoints(r, b, joint_set, t).numpy()
    truth = keypoints.keypoints(bodies["open_body"], rotations, betas, transl, joint_set)
    assert np.abs(ours - truth).max() < 1e-5


def test_gradients_are_finite_and_right(bodies):
    from hmr_ros.body.torch_body import TorchBody

    body = TorchBody(bodies["open_body"], torch.float64)
    rotations, betas, transl = random_bodies(1, np.float64)
    rotations[0, 5] = np.eye(3)
    inputs = [torch.tensor(x, requires_grad=True) for x in (rotations, betas, transl)]
    loss = body.vertices(*inputs).square().mean() + body.joints(*inputs[:2]).square().mean()
    loss.backward()
    for tensor in inputs:
        assert torch.isfinite(tensor.grad).all()
        assert tensor.grad.abs().max() > 0

    # One entry against a difference quotient.
    def value(step):
        moved = rotations.copy()
        moved[0, 18, 0, 1] += step
        args = [torch.from_numpy(x) for x in (moved, betas, transl)]
        total = body.vertices(*args).square().mean() + body.joints(*args[:2]).square().mean()
        return total.item()

    slope = (value(1e-5) - value(-1e-5)) / 2e-5
    assert inputs[0].grad[0, 18, 0, 1].item() == pytest.approx(slope, rel=1e-6)


def test_exported_body_equals_in_onnxruntime(bodies, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    from hmr_ros.body.torch_body import TorchBody

    body = TorchBody(bodies["open_body"]).eval()
    path = tmp_path / "body.onnx"
    torch.onnx.export(
        body,
        tuple(map(torch.from_numpy, random_bodies(2))),
        str(path),
        input_names=["rotations", "betas", "transl"],
        output_names=["vertices", "joints"],
        dynamic_axes={n: {0: "n"} for n in ("rotations", "betas", "transl", "vertices", "joints")},
        opset_version=17,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for count in (1, 3):
        rotations, betas, transl = random_bodies(count, seed=count)
        feed = {"rotations": rotations, "betas": betas, "transl": transl}
        exported, joints = session.run(None, feed)
        truth = skinning.vertices(bodies["open_body"], rotations, betas, transl)
        assert np.abs(exported - truth).max() < 1e-5
        expected = keypoints.keypoints(bodies["open_body"], rotations, betas, transl, "smpl24")
        assert np.abs(joints - expected).max() < 1e-5
