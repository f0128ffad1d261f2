"""Files of one network in several precisions: which is whose, and what is said where one lacks."""

import argparse
import json
import shlex
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="onnx writes the graphs")

from small_graphs import write_small_graph  # noqa: E402

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.cli import export  # noqa: E402
from hmr_ros.runtime.factorized import field_path  # noqa: E402
from hmr_ros.runtime.graph_file import (  # noqa: E402
    WeightsError,
    manifest_path,
    read_graph,
    variant_path,
)
from hmr_ros.runtime.precisions import in_precision  # noqa: E402


@pytest.fixture
def plain(tmp_path):
    return write_small_graph(tmp_path)


@pytest.fixture
def half(plain):
    return write_small_graph(plain.path.parent, precision="float16")


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_names_of_files_in_any_precision_lead_to_those_in_any_other(precision):
    names = {
        "float32": ("a/my-net.onnx", "a/my-net_field.onnx"),
        "float16": ("a/my-net-float16.onnx", "a/my-net_field-float16.onnx"),
        "int8": ("a/my-net-int8.onnx", "a/my-net_field-int8.onnx"),
    }
    network, field = map(Path, names[precision])
    assert field_path(network) == field
    for other, paths in names.items():
        assert [variant_path(path, other) for path in (network, field)] == [*map(Path, paths)]


def test_each_precision_is_found_from_each(plain, half):
    assert in_precision(plain, "float16") == half and in_precision(half, "float32") == plain
    assert in_precision(plain, "float32") is plain and in_precision(half, "float16") is half


def in_another_shape(manifest):
    manifest["graph"]["inputs"]["image"]["shape"][1] += 1


def with_another_output(manifest):
    manifest["graph"]["outputs"]["colour"] = {"shape": [None, 3], "dtype": "float32"}


def with_other_answers(manifest):
    manifest["graph"]["reference"] = "other-reference.npz"


def in_another_precision(manifest):
    manifest["graph"]["precision"] = "int8"


def of_another_network(manifest):
    manifest["estimator"] = "another"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (in_another_shape, "not the network of .*tiny.onnx in float16: hmr export tiny"),
        (with_another_output, "not the network of .*tiny.onnx in float16"),
        (with_other_answers, "not the network of .*tiny.onnx in float16"),
        (in_another_precision, "not the network of .*tiny.onnx in float16"),
        (of_another_network, "describes 'another', not 'tiny'"),
    ],
)
def test_a_file_that_does_not_belong_to_the_network_is_refused(plain, half, spoil, words):
    path = manifest_path(half.path)
    manifest = json.loads(path.read_text())
    spoil(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match=f"tiny-float16.*{words}"):
        in_precision(plain, "float16")


@pytest.mark.parametrize("name", ["lifter", "factorized", "factorized_field"])
def test_the_command_where_a_file_is_missing_is_one_that_hmr_takes(name):
    graph = read_graph(asset("weights", f"{name}.onnx"))
    with pytest.raises(WeightsError, match=f"{name}-int8.onnx: hmr export ") as told:
        in_precision(graph, "int8")
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    command = shlex.split(str(told.value).partition("hmr export ")[2].removesuffix(" writes it"))
    asked = parser.parse_args(command)
    network = graph.path.with_name(f"{asked.name}.onnx")
    assert graph.path in (network, field_path(network))
    assert (asked.out, asked.precision) == (graph.path.parent, "int8")
    assert asked.weights == network.with_suffix(".safetensors")
