"""One contract for all backends that this machine has, on the shipped graphs."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorrt_double

from hmr_ros.assets import asset
from hmr_ros.runtime.backends import backend as backends
from hmr_ros.runtime.backends.backend import Backend, BackendError, BackendOptions, open_backend
from hmr_ros.runtime.graph_file import GraphFile, WeightsError, manifest_path, read_graph

GRAPHS = ("lifter", "baseline", "factorized_field")
MOST = 4  # rows of a run
# Largest difference to the float32 graph's own answers, by the values' own size.
CLOSE = 1e-4
ENGINES = Path(tempfile.gettempdir())  # see stand_in


def shipped(name: str) -> GraphFile:
    return read_graph(asset("weights", f"{name}.onnx"))


def on_cpu(graph: GraphFile) -> Backend:
    return open_backend("onnxruntime", graph, BackendOptions(threads=1, max_batch=MOST))


def on_cuda(graph: GraphFile) -> Backend:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no CUDA provider")
    return open_backend(
        "onnxruntime", graph, BackendOptions(threads=1, max_batch=MOST, provider="cuda")
    )


def in_torch(graph: GraphFile) -> Backend:
    pytest.importorskip("torch", reason="torch is not installed")
    return open_backend("torch", graph, BackendOptions(threads=1, max_batch=MOST))


def in_tensorrt(graph: GraphFile) -> Backend:
    """On a stand-in of TensorRT and CUDA; the engine is built by the first who asks."""
    options = BackendOptions(threads=1, max_batch=MOST, cache=ENGINES)
    return open_backend("tensorrt", graph, options)


# Ways to have a backend: each skips where its library or its device is missing.
SWEPT: dict[str, Callable[[GraphFile], Backend]] = {
    "onnxruntime": on_cpu,
    "onnxruntime on cuda": on_cuda,
    "torch": in_torch,
    "tensorrt": in_tensorrt,
}


@pytest.fixture(scope="module", autouse=True)
def threads_of_torch():
    """The backend sets those of the whole process; other tests shall have theirs."""
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def stand_in(tmp_path_factory):
    """Of TensorRT and pycuda, with a cache of engines of its own; afterwards all is given back."""
    with pytest.MonkeyPatch.context() as patch, tensorrt_double.installed():
        patch.setitem(globals(), "ENGINES", tmp_path_factory.mktemp("cache") / "engines")
        yield


@pytest.fixture(scope="module", params=GRAPHS)
def graph(request) -> GraphFile:
    return shipped(request.param)


@pytest.fixture(scope="module", params=SWEPT)
def backend(request, graph):
    opened = SWEPT[request.param](graph)
    yield opened
    opened.close()


def some(graph: GraphFile, rows: slice) -> dict[str, np.ndarray]:
    """Reference inputs of some people."""
    return {name: value[rows] for name, value in graph.references()[0].items()}


def kept(outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value.copy() for name, value in outputs.items()}


def assert_close(found, expected) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        size = max(1.0, float(np.abs(value).max()))
        np.testing.assert_allclose(found[name], value, atol=CLOSE * size, rtol=0, err_msg=name)


def test_answers_are_the_reference_answers(backend, graph):
    inputs, expected = graph.references()
    assert len(next(iter(inputs.values()))) >= MOST
    assert_close(
        backend.run({name: value[:MOST] for name, value in inputs.items()}),
        {name: value[:MOST] for name, value in expected.items()},
    )


def test_a_person_is_answered_alike_alone_and_in_a_batch(backend, graph):
    together = kept(backend.run(some(graph, slice(0, 3))))
    for row in range(3):
        rows = slice(row, row + 1)
        alone = backend.run(some(graph, rows))
        assert_close(alone, {name: value[rows] for name, value in together.items()})


@pytest.mark.parametrize("rows", [1, 3, MOST])
def test_outputs_are_as_the_manifest_says(backend, graph, rows):
    found = backend.run(some(graph, slice(0, rows)))
    assert list(found) == list(graph.outputs)
    for name, tensor in graph.outputs.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.sized(rows)


def test_the_same_inputs_give_the_same_bits_and_stay_as_they_are(backend, graph):
    inputs = some(graph, slice(0, 3))
    before = kept(inputs)
    first = kept(backend.run(inputs))
    backend.run(some(graph, slice(1, 2)))
    again = backend.run(inputs)
    for name, value in first.items():
        np.testing.assert_array_equal(again[name], value)
    for name, value in before.items():
        np.testing.assert_array_equal(inputs[name], value)


def without_one(inputs):
    inputs.popitem()


def with_another(inputs):
    inputs["surprise"] = next(iter(inputs.values()))


def in_double_precision(inputs):
    name, value = inputs.popitem()
    inputs[name] = value.astype(np.float64)


def of_another_size(inputs):
    name = next(iter(inputs))
    inputs[name] = inputs[name][..., :-1]


def of_unequal_length(inputs):
    name, value = inputs.popitem()
    inputs[name] = value[:1]


def of_nobody(inputs):
    inputs.update({name: value[:0] for name, value in inputs.items()})


def of_too_many(inputs):
    inputs.update({name: np.repeat(value, MOST, 0) for name, value in inputs.items()})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_one, "takes .*; given: "),
        (with_another, "given: .*surprise"),
        (in_double_precision, "float64 .* expected float32"),
        (of_another_size, "expected float32"),
        (of_unequal_length, "expected float32"),
        (of_nobody, f"1 to {MOST} rows in one run, not 0"),
        (of_too_many, f"1 to {MOST} rows in one run, not {2 * MOST}"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(backend, graph, spoil, words):
    inputs = some(graph, slice(0, 2))
    spoil(inputs)
    with pytest.raises(ValueError, match=f"{graph.path.name}.*{words}"):
        backend.run(inputs)
    assert len(backend.run(some(graph, slice(0, 2)))) == len(graph.outputs)


def test_a_backend_says_what_it_really_is(backend):
    assert backend.name in backends.BACKENDS
    assert backend.precision == "float32"
    assert backend.device and backend.provider


@pytest.mark.parametrize("kind", SWEPT)
def test_closing_twice_does_nothing_and_nothing_runs_afterwards(kind):
    graph = shipped("lifter")
    first, second = SWEPT[kind](graph), SWEPT[kind](graph)
    first.close()
    first.close()
    with pytest.raises(BackendError, match="lifter.onnx.*was closed"):
        first.run(some(graph, slice(0, 1)))
    assert len(second.run(some(graph, slice(0, 1)))) == len(graph.outputs)
    second.close()


def test_an_unknown_backend_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'openvino' is unknown; known: onnxruntime, torch"):
        open_backend("openvino", shipped("lifter"))


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(backends.BACKENDS, "tensorrt", "hmr_ros_no_such_library")
    with pytest.raises(BackendError, match="'tensorrt' cannot be loaded.*hmr_ros_no_such_library"):
        open_backend("tensorrt", shipped("lifter"))


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_that_onnxruntime_lacks_is_an_error_not_another_provider(provider):
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has GPU providers")
    with pytest.raises(BackendError, match=f"provider '{provider}'.*onnxruntime-gpu.*to cpu"):
        open_backend("onnxruntime", shipped("lifter"), BackendOptions(provider=provider))


def test_torch_without_the_gpu_that_was_asked_for_is_an_error():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(BackendError, match="no CUDA device.*provider to cpu"):
        open_backend("torch", shipped("lifter"), BackendOptions(provider="cuda"))


def test_onnxruntime_does_not_wait_at_full_speed_and_takes_the_threads_it_is_given():
    opened = open_backend("onnxruntime", shipped("lifter"), BackendOptions(threads=1))
    options = opened._session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def copied(name: str, folder, *also: str) -> GraphFile:
    """A shipped graph's files elsewhere, to be spoilt."""
    for suffix in (".onnx", ".json", "-reference.npz", *also):
        shutil.copy(asset("weights", f"{name}{suffix}"), folder)
    return read_graph(folder / f"{name}.onnx")


def test_a_file_that_is_not_what_its_manifest_says_is_refused(tmp_path):
    graph = copied("lifter", tmp_path)
    manifest = json.loads(manifest_path(graph.path).read_text())
    manifest["graph"]["inputs"]["box"]["shape"][1] = 5
    manifest["graph"]["outputs"]["colour"] = {"shape": [None], "dtype": "uint8"}
    manifest_path(graph.path).write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match=r"box: float32 \[N, 4\], not float32 \[N, 5\]"):
        on_cpu(read_graph(graph.path))
    manifest["graph"]["inputs"]["box"]["shape"][1] = 4
    manifest_path(graph.path).write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match=r"colour: nothing, not uint8 \[N\]"):
        on_cpu(read_graph(graph.path))


def test_a_damaged_file_is_refused(tmp_path):
    graph = copied("lifter", tmp_path)
    graph.path.write_bytes(graph.path.read_bytes()[:5000])
    with pytest.raises(WeightsError, match="lifter.onnx is no usable ONNX file"):
        on_cpu(graph)


def test_torch_weights_of_another_training_are_noticed(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from hmr_ros.body.model import load_body_model
    from hmr_ros.models import lifter_weights

    graph = copied("lifter", tmp_path)
    with pytest.raises(WeightsError, match="lifter.safetensors does not exist"):
        in_torch(graph)
    path = graph.path.with_suffix(".safetensors")
    network = lifter_weights.load(asset("weights", path.name), load_body_model())
    torch.manual_seed(0)
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(1 + 0.2 * torch.randn_like(value))
    lifter_weights.save(network, path)
    with pytest.raises(WeightsError, match="are not the same network: "):
        in_torch(graph)


def test_torch_tells_what_a_velocity_field_must_know():
    graph = shipped("factorized")
    expected = graph.references()[1]
    opened = in_torch(graph)
    assert_close(opened.run(some(graph, slice(0, 1))), {n: v[:1] for n, v in expected.items()})


def test_torch_computes_in_half_precision_where_that_is_safe():
    """Under the autocast that the networks were trained with."""
    pytest.importorskip("torch", reason="torch is not installed")
    graph = shipped("baseline-float16")
    opened = in_torch(graph)
    inputs, expected = graph.references()
    rows = {name: value[:MOST] for name, value in inputs.items()}
    found = opened.run(rows)
    assert opened.precision == "float16"
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
    off = np.abs(found["rotations"] - expected["rotations"][:MOST]).max()
    assert 1e-5 < off < 5e-3  # rounded, and by no more than that
    np.testing.assert_allclose(found["pelvis"], expected["pelvis"][:MOST], atol=0.02)
    gram = found["rotations"] @ found["rotations"].swapaxes(2, 3)
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(3), gram.shape), atol=1e-5)


def test_torch_casts_no_weight_anew_in_a_run():
    """They are half floats from the start; what is cast are activations."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils._python_dispatch import TorchDispatchMode

    class Casts(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function.overloadpacket in (torch.ops.aten.to, torch.ops.aten._to_copy):
                made = function(*args, **(kwargs or {}))
                cast.extend([args[0].data_ptr()] if made.dtype != args[0].dtype else [])
                return made
            return function(*args, **(kwargs or {}))

    cast: list[int] = []
    graph = shipped("baseline-float16")
    opened = in_torch(graph)
    if opened.provider != "eager":
        pytest.skip("on a GPU the launches were recorded before")
    with Casts():
        opened.run(some(graph, slice(0, 2)))
    weights = {value.data_ptr() for value in opened._network.state_dict().values()}
    assert len(cast) == 29 and not weights.intersection(cast)


def test_onnxruntime_says_that_a_cpu_computes_half_floats_in_single_precision():
    graph = shipped("baseline-float16")
    opened = on_cpu(graph)
    assert graph.precision == "float16" and opened.precision == "float32"
    inputs, expected = graph.references()
    found = opened.run({name: value[:MOST] for name, value in inputs.items()})
    assert np.abs(found["rotations"] - expected["rotations"][:MOST]).max() < 5e-3


def test_torch_runs_no_quantised_graph():
    pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(BackendError, match="quantised, which only onnxruntime runs"):
        in_torch(dataclasses.replace(shipped("lifter"), precision="int8"))


def test_buffers_of_a_cuda_graph_are_views_of_one_block():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from hmr_ros.runtime.backends.cuda_graph import ALIGNMENT, Block
    from hmr_ros.runtime.backends.torch_backend import batch_sizes
    from hmr_ros.runtime.graph_file import Tensor

    tensors = {"a": Tensor((None, 3)), "b": Tensor((None,), "float16"), "c": Tensor((None, 2, 2))}
    block = Block(tensors, 5, torch.device("cpu"))
    rng = np.random.default_rng(0)
    sent = {name: rng.random(t.sized(5)).astype(t.dtype) for name, t in tensors.items()}
    for name, value in sent.items():
        block.host[name][:] = value
    block.upload()
    for name, value in sent.items():
        np.testing.assert_array_equal(block.device[name].numpy(), value)
        assert block.device[name].storage_offset() * value.itemsize % ALIGNMENT == 0
        block.device[name].mul_(2)
    block.download()
    for name, value in sent.items():
        np.testing.assert_array_equal(block.host[name], 2 * value)
    assert batch_sizes(1) == [1] and batch_sizes(8) == [1, 2, 4, 8]
    assert batch_sizes(12) == [1, 2, 4, 8, 12]
