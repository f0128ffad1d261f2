"""The TensorRT backend on a stand-in of TensorRT and CUDA: buffers, streams, checks, failures.

What the stand-in cannot show stands in docs/tensorrt.md.
"""

import sys
from dataclasses import replace

import numpy as np
import pycuda_double
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_graphs import some_inputs, write_small_graph

from hmr_ros.runtime.backends import engine_build, nvidia_libraries
from hmr_ros.runtime.backends.backend import BackendError, BackendOptions, open_backend
from hmr_ros.runtime.graph_description import answers
from hmr_ros.runtime.graph_file import Tensor


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return write_small_graph(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """With one cache for all tests: the engine is built once."""
    return BackendOptions(max_batch=4, cache=tmp_path_factory.mktemp("cache") / "engines")


@pytest.fixture
def backend(machine, graph, options):
    backend = open_backend("tensorrt", graph, options)
    yield backend
    backend.close()


def equal(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6, err_msg=name)


def test_answers_are_the_networks_for_every_number_of_people(backend, graph):
    for people in (1, 4, 2, 3, 1):
        inputs = some_inputs(people, seed=people)
        equal(backend.run(inputs), answers(graph.path, inputs))


def test_backend_says_what_really_runs(backend):
    assert backend.name == "tensorrt" and backend.device == "Orin"
    assert backend.provider == "TensorRT 10.3.0" and backend.precision == "float32"
    assert backend.note == ""


def test_two_runs_at_once_are_answered_in_their_order(backend, graph, machine):
    frames = [some_inputs(1 + n % 4, seed=n) for n in range(7)]
    found = []
    backend.submit(frames[0])
    for following in frames[1:]:
        backend.submit({name: value.copy() for name, value in following.items()})
        found.append(backend.collect())
    found.append(backend.collect())
    for inputs, outputs in zip(frames, found, strict=True):
        equal(outputs, answers(graph.path, inputs))


def test_next_inputs_are_uploaded_while_the_device_computes(backend, machine):
    backend.run(some_inputs(1))
    machine.order.choice = lambda ready: ready[-1]  # the stream of uploads was made last
    machine.done.clear()
    backend.submit(some_inputs(2))
    backend.submit(some_inputs(2, seed=1))
    backend.collect()
    assert machine.done.index("execute") > max(
        n for n, d in enumerate(machine.done) if d == "upload"
    )
    assert machine.done.count("upload") == 4, "both runs' inputs are up before the first is done"
    backend.collect()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**16),
    steps=st.lists(st.integers(0, 4), min_size=1, max_size=12),
)
def test_no_order_of_the_device_changes_an_answer(backend, graph, machine, seed, steps):
    """steps: submit so many people, 0 collects. The caller spoils its arrays after each submit."""
    machine.order.seed(seed)
    expected = []

    def collect():
        equal(backend.collect(), expected.pop(0))

    for n, people in enumerate(steps):
        if people and len(expected) < 2:
            inputs = some_inputs(people, seed=n)
            expected.append(answers(graph.path, inputs))
            backend.submit(inputs)
            for value in inputs.values():
                value.fill(np.nan)
        elif expected:
            collect()
    while expected:
        collect()


def test_outputs_outlive_the_backend(machine, graph, options):
    backend = open_backend("tensorrt", graph, options)
    inputs = some_inputs(2)
    found = backend.run(inputs)
    backend.run(some_inputs(2, seed=5))
    backend.close()
    backend.close()
    equal(found, answers(graph.path, inputs))
    with pytest.raises(BackendError, match="closed"):
        backend.run(inputs)


def test_wrong_use_is_the_callers_fault_and_harmless(backend, graph):
    inputs = some_inputs(1)
    with pytest.raises(ValueError, match="1 to 4 rows"):
        backend.run(some_inputs(5))
    with pytest.raises(ValueError, match="input image: float64"):
        backend.run({**inputs, "image": inputs["image"].astype(np.float64)})
    with pytest.raises(RuntimeError, match="nothing was submitted"):
        backend.collect()
    backend.submit(inputs)
    backend.submit(inputs)
    with pytest.raises(RuntimeError, match="collect one"):
        backend.submit(inputs)
    with pytest.raises(RuntimeError, match="collect it first"):
        backend.run(inputs)
    for _ in range(2):
        equal(backend.collect(), answers(graph.path, inputs))
    equal(backend.run(inputs), answers(graph.path, inputs))


def test_closing_waits_for_what_still_runs(machine, graph, options):
    backend = open_backend("tensorrt", graph, options)
    backend.submit(some_inputs(1))
    backend.submit(some_inputs(2))
    backend.close()  # the stand-in refuses to free memory that a run still needs


def test_other_contexts_of_the_thread_stay_current(machine, graph, options):
    mine = pycuda_double.Context()
    mine.push()
    backend = open_backend("tensorrt", graph, options)
    backend.run(some_inputs(1))
    assert machine.stack() == [mine]
    backend.close()
    assert machine.stack() == [mine]
    mine.pop()


def test_opened_and_closed_often_nothing_is_left(machine, graph, tmp_path):
    options = BackendOptions(cache=tmp_path / "engines")
    for _ in range(3):
        open_backend("tensorrt", graph, options).close()
        assert machine.leaks() == (0, 0, 0, 0)
    assert machine.builds == ["tiny-float32"]


@pytest.mark.parametrize("call", ["cuMemcpyHtoDAsync", "execute", "enqueue", "cuEventSynchronize"])
def test_error_of_the_device_ends_the_backend_until_it_is_opened_anew(
    machine, graph, options, call
):
    backend = open_backend("tensorrt", graph, options)
    machine.fail.add(call)
    with pytest.raises(BackendError, match="Orin|does not start"):
        backend.run(some_inputs(1))
    machine.fail.clear()
    with pytest.raises(BackendError, match="open it anew"):
        backend.run(some_inputs(1))
    backend.close()
    again = open_backend("tensorrt", graph, options)
    equal(again.run(some_inputs(1)), answers(graph.path, some_inputs(1)))
    again.close()


def test_device_that_fails_while_warming_up_is_given_back(machine, graph, options):
    machine.fail.add("enqueue")
    with pytest.raises(BackendError, match="TensorRT does not start"):
        open_backend("tensorrt", graph, options)


def test_dead_device_can_still_be_closed(machine, graph, options):
    backend = open_backend("tensorrt", graph, options)
    machine.fail.add("push")
    backend.close()
    del backend
    machine.allocated.clear()  # it is lost with the device
    machine.pinned.clear()
    machine.orphans = 0


@pytest.mark.parametrize("memory", [0, 100, 2000, 9000])
def test_too_little_memory_is_said_and_all_of_it_given_back(machine, graph, options, memory):
    open_backend("tensorrt", graph, options).close()
    machine.memory = memory
    with pytest.raises(BackendError, match="out of device memory.*max_batch"):
        open_backend("tensorrt", graph, options)
    assert machine.leaks() == (0, 0, 0, 0)


def test_no_room_for_an_execution_context(machine, graph, options):
    machine.fail.add("context")
    with pytest.raises(BackendError, match="no room on Orin"):
        open_backend("tensorrt", graph, options)


def test_engine_of_another_graph_is_not_run(machine, graph, options):
    """Names, shapes, types and profile are compared, whatever the side-car says."""
    engine = engine_build.build(graph, options)
    changes = [
        {"inputs": {**graph.inputs, "more": Tensor((None, 2))}},
        {"inputs": {"image": graph.inputs["image"]}},
        {"inputs": {**graph.inputs, "image": Tensor((None, 13))}},
        {"inputs": {**graph.inputs, "image": Tensor((None, 12), "float16")}},
        {"outputs": {**graph.outputs, "betas": Tensor((None, 11))}},
        {"outputs": {**graph.outputs, "betas": Tensor((1, 10))}},
    ]
    libraries = nvidia_libraries.libraries()
    device = engine_build.cuda_device(libraries.cuda)

    def opened(graph, key):
        engine_build.EngineSession(libraries, device, engine.kept.plan, graph, key).close()

    opened(graph, engine.key)
    for change in changes:
        with pytest.raises(engine_build.UnusableEngine, match="manifest says"):
            opened(replace(graph, **change), engine.key)
    with pytest.raises(engine_build.UnusableEngine, match="takes .*for image"):
        opened(graph, replace(engine.key, profile=(1, 4, 5)))


@pytest.mark.parametrize(
    "module, version, said",
    [
        ("tensorrt", "8.6.2", "8.6.2 is too old, 10.3"),
        ("tensorrt", "10.2.0.19", "10.2.0.19 is too old"),
        ("tensorrt", None, "needs tensorrt, which cannot be imported here.*JetPack"),
        ("pycuda.driver", None, "needs pycuda.driver.*pip install pycuda"),
    ],
)
def test_missing_and_old_libraries_are_named(machine, graph, options, module, version, said):
    if version is None:
        sys.modules[module] = None
    else:
        sys.modules[module].__version__ = version
    with pytest.raises(BackendError, match=said):
        open_backend("tensorrt", graph, options)


@pytest.mark.parametrize("version", ["10.3.0", "10.3.0.26", "10.13.3.9", "11.4.0.106", "12.0.0"])
def test_versions_from_jetpack_6_on_serve(machine, version):
    sys.modules["tensorrt"].__version__ = version
    assert nvidia_libraries.libraries().trt.__version__ == version


def test_no_device_is_said(machine, graph, options):
    machine.fail.add("init")
    with pytest.raises(BackendError, match="no CUDA device can be used"):
        open_backend("tensorrt", graph, options)
