"""The same network in another precision: ONNX files that share a folder and reference answers."""

from __future__ import annotations

import shlex

from hmr_ros.runtime.graph_file import GraphFile, WeightsError, read_graph, variant_path

# Parts of the networks, by their names in torch, that are float32 in every precision: the body from
# the last features on.
FLOAT32_PARTS = {"skeleton", "first_head", "second_head", "spread"}
FIELD = "_field"  # ends the name of a velocity field, which is a part of a network


def in_precision(graph: GraphFile, precision: str) -> GraphFile:
    """The file of ``graph``'s network in ``precision``, which may be itself: it takes and gives
    the same, so that either may stand in for the other.

    Raises WeightsError if there is none beside it, or one of another network.
    """
    if graph.precision == precision:
        return graph
    path = variant_path(graph.path, precision)
    if not path.is_file():
        raise WeightsError(f"there is no {path}: {_command(graph, precision)} writes it")
    other = read_graph(path, graph.manifest["estimator"])
    if (other.precision, *_signature(other)) != (precision, *_signature(graph)):
        raise WeightsError(
            f"{path} is not the network of {graph.path} in {precision}: "
            f"{_command(graph, precision)} writes it anew"
        )
    return other


def _signature(graph: GraphFile) -> tuple:
    return graph.reference, dict(graph.inputs), dict(graph.outputs)


def _command(graph: GraphFile, precision: str) -> str:
    """What writes the file of ``graph``'s network in ``precision``, to be typed into a shell."""
    # A velocity field is a part of a network, and written with it.
    name, folder = graph.manifest["estimator"].removesuffix(FIELD), graph.path.parent
    words = ["hmr", "export", name, "--precision", precision, "--out", str(folder)]
    weights = folder / f"{name}.safetensors"
    return shlex.join([*words, "--weights", str(weights)] if weights.is_file() else words)
