"""What is refused before an exported file takes its place."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnxscript", reason="torch's exporter needs it")

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.models import lifter_weights, weights  # noqa: E402
from hmr_ros.models.merging import fused  # noqa: E402
from hmr_ros.runtime import lifter_export, network_export  # noqa: E402
from hmr_ros.runtime.onnx_writing import _translations, write_onnx  # noqa: E402


class Twice(torch.nn.Module):
    def forward(self, x):
        return 2 * x


def test_half_precision_of_a_network_without_layers_is_refused(tmp_path):
    """Else a file would be called float16 and hold nothing of it, as when torch's exporter notes
    down the origin of nodes in another way."""
    path = tmp_path / "twice.onnx"
    path.write_bytes(b"what was there")
    half = tmp_path / "twice-float16.onnx"
    with pytest.raises(RuntimeError, match="twice-float16.onnx would be float32"):
        write_onnx(Twice(), {"x": torch.rand(3, 2)}, path, pytest.fail, ("y",), half)
    assert [p.name for p in tmp_path.iterdir()] == ["twice.onnx"]
    assert path.read_bytes() == b"what was there"


def test_a_network_that_gives_no_numbers_equals_no_file():
    body = load_body_model()
    lifter = lifter_weights.load(asset("weights", "lifter.safetensors"), body)
    baseline = fused(weights.load(asset("weights", "baseline.safetensors"), body, "baseline"))
    path = asset("weights", "lifter.onnx")
    assert lifter_export.compare(lifter, path) <= lifter_export.TOLERANCE
    for network in (lifter, baseline):
        with torch.no_grad():
            for value in network.parameters():
                value.fill_(np.nan)
    assert np.isnan(lifter_export.compare(lifter, path))
    found = network_export.compare(baseline, asset("weights", "baseline.onnx"))
    assert np.isnan(found).all()


def test_variants_that_are_not_translated_are_refused():
    """A mask or another GELU that was left out would give other answers in silence."""
    attention, gelu = _translations().values()
    for variant in ({"attn_mask": 0}, {"is_causal": True}, {"scale": 2.0}, {"enable_gqa": True}):
        with pytest.raises(ValueError, match="not translated"):
            attention(None, None, None, **variant)
    with pytest.raises(ValueError, match="approximated by tanh"):
        gelu(None, "tanh")
