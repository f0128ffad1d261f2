"""A network of a few numbers as the exporter writes one: ONNX file, manifest, reference answers."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hmr_ros.runtime.graph_description import described, reference_path, write_references
from hmr_ros.runtime.graph_file import GraphFile, read_graph

NUMBERS = 12


def some_inputs(people: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Pictures of a few numbers, and rotations."""
    rng = np.random.default_rng(seed)
    rotations, _ = np.linalg.qr(rng.standard_normal((people, 24, 3, 3)))
    rotations *= np.sign(np.linalg.det(rotations))[..., None, None]
    return {
        "image": rng.standard_normal((people, NUMBERS)).astype(np.float32),
        "pose": rotations.astype(np.float32),
    }


def write_small_graph(
    folder: Path, name: str = "tiny", precision: str = "float32", scale: float = 1.0
) -> GraphFile:
    """The network passes ``pose`` on as ``rotations`` and makes everything else of ``image``.

    The float16 file multiplies in half precision; it has the float32 file's reference, which must
    be written before. scale: of the weights, to make another network of the same name.
    """
    rng = np.random.default_rng(1)
    half = precision == "float16"
    element = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    nodes = [
        helper.make_node("Cast", ["image"], ["typed"], to=element),
        helper.make_node("Identity", ["pose"], ["rotations"]),
    ]
    weights = []
    for output, size in (("betas", 10), ("pelvis", 3), ("visibility", 24)):
        values = (0.2 * scale * rng.standard_normal((NUMBERS, size))).astype(np.float32)
        values = values.astype(np.float16 if half else np.float32)
        weights.append(numpy_helper.from_array(values, f"w_{output}"))
        nodes += [
            helper.make_node("MatMul", ["typed", f"w_{output}"], [f"raw_{output}"]),
            helper.make_node("Cast", [f"raw_{output}"], [f"sum_{output}"], to=TensorProto.FLOAT),
            helper.make_node(
                "Sigmoid" if output == "visibility" else "Identity", [f"sum_{output}"], [output]
            ),
        ]
    shapes = {"image": (NUMBERS,), "pose": (24, 3, 3)}
    outputs = {"rotations": (24, 3, 3), "betas": (10,), "pelvis": (3,), "visibility": (24,)}
    graph = helper.make_graph(
        nodes, f"{name}-{precision}", _values(shapes), _values(outputs), weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = folder / (f"{name}.onnx" if not half else f"{name}-{precision}.onnx")
    onnx.save(model, path)
    if half:
        reference = reference_path(folder / f"{name}.onnx")
    else:
        reference = write_references(path, some_inputs(3))
    manifest = {"estimator": name, "graph": described(path, precision, reference)}
    path.with_suffix(".json").write_text(json.dumps(manifest))
    return read_graph(path)


def _values(shapes: dict[str, tuple]) -> list:
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ("people", *shape))
        for name, shape in shapes.items()
    ]
