"""``hmr export temporal``: the shipped file written again from the weights beside it."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnxscript", reason="torch's exporter needs it")

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.cli.main import main  # noqa: E402
from hmr_ros.runtime.graph_file import read_graph, verify  # noqa: E402


@pytest.mark.long
@pytest.mark.timeout(400)
def test_it_is_the_shipped_network_with_what_is_known_of_it(tmp_path, capsys):
    assert main(["export", "temporal", "--out", str(tmp_path)]) == 0
    assert "temporal.onnx: largest difference to torch" in capsys.readouterr().out
    made, shipped = (
        read_graph(folder / "temporal.onnx", "temporal")
        for folder in (tmp_path, asset("weights", "temporal.onnx").parent)
    )
    verify(made)
    assert made.inputs == shipped.inputs and made.outputs == shipped.outputs
    measured = {"graph", "largest_difference_to_torch_m"}
    told = [{k: v for k, v in g.manifest.items() if k not in measured} for g in (made, shipped)]
    assert told[0] == told[1] and made.manifest["largest_difference_to_torch_m"] <= 1e-4
    (given, found), (kept, expected) = made.references(), shipped.references()
    for name, value in kept.items():
        np.testing.assert_array_equal(given[name], value, err_msg=name)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=2e-3, err_msg=name)


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_other_precisions_are_refused(tmp_path, capsys, precision):
    assert main(["export", "temporal", "--precision", precision, "--out", str(tmp_path)]) == 2
    assert "over time runs on the processor, in float32" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
