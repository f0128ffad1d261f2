"""The same network in another precision: ONNX files that share a folder and reference answers."""

from __future__ import annotations

from hmr_ros.runtime.graph_file import GraphFile, WeightsError, read_graph

# Parts of the networks, by their names in torch, that are float32 in every precision: the body from
# the last features on.
FLOAT32_PARTS = {"skeleton", "first_head", "second_head", "spread"}


def in_precision(graph: GraphFile, precision: str) -> GraphFile:
    """The file of ``graph``'s network in ``precision``, which may be itself: it takes and gives
    the same, so that either may stand in for the other.

    Raises WeightsError if there is none beside it.
    """
    if graph.precision == precision:
        return graph
    for path in sorted(graph.path.parent.glob("*.onnx")):
        try:
            other = read_graph(path)
        except WeightsError:
            continue  # another network's affair
        if other.precision == precision and _network(other) == _network(graph):
            return other
    name = graph.manifest["estimator"]
    raise WeightsError(
        f"there is no {precision} file of {name!r} beside {graph.path}: "
        f"hmr export {name} --precision {precision} --out {graph.path.parent} writes it"
    )


def _network(graph: GraphFile) -> tuple:
    return graph.manifest["estimator"], graph.reference, dict(graph.inputs), dict(graph.outputs)
