"""Which backend answers: as asked, in its place, and once its engine is there."""

from __future__ import annotations

import shutil
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="runs the networks")
onnx = pytest.importorskip("onnx", reason="the stand-in of TensorRT reads graphs")

from made_bodies import CAMERA, somebody  # noqa: E402

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.body.keypoints import keypoints  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.frontend.description import nothing_in  # noqa: E402
from hmr_ros.parameters import validated  # noqa: E402
from hmr_ros.runtime import serving as serving_module  # noqa: E402
from hmr_ros.runtime.backends.backend import BackendError, BackendOptions  # noqa: E402
from hmr_ros.runtime.backends.engine_build import build  # noqa: E402
from hmr_ros.runtime.estimators import graphs_of  # noqa: E402
from hmr_ros.runtime.graph_file import WeightsError  # noqa: E402
from hmr_ros.runtime.quantization import export_int8  # noqa: E402
from hmr_ros.runtime.sampling import Sampling  # noqa: E402
from hmr_ros.runtime.serving import Serving, UnservedError  # noqa: E402

MODULES = ("tensorrt", "pycuda", "pycuda.driver")
ON_CPU = "onnxruntime (CPU, CPUExecutionProvider, float32)"


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture
def no_libraries(monkeypatch):
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def serve(body, tmp_path):
    """Makes a ``Serving`` of the lifter; closes all of them."""
    made = []

    def make(**values) -> Serving:
        values = {"estimator": "lifter", "engine_cache": str(tmp_path / "engines"), **values}
        made.append(Serving(validated({"max_batch": 2, **values}), body))
        return made[-1]

    yield make
    for serving in made:
        serving.close()


@pytest.fixture(scope="module")
def people(body):
    """One person, with keypoints."""
    bodies = somebody(body, 0.3, 4.0)
    points = keypoints(body, bodies.rotations, bodies.betas, bodies.transl, "blazepose33")
    pixels = CAMERA.project(points)
    low, high = pixels.min(1), pixels.max(1)
    one = nothing_in(np.concatenate([low, high - low], 1).astype(np.float32), np.array(["given"]))
    seen = np.concatenate([pixels, np.full((1, 33, 1), 0.9)], 2).astype(np.float32)
    return one.replace(found=np.ones(1, bool), keypoints=seen)


def until(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return holds


def test_what_is_asked_for_is_what_serves(serve):
    served = serve().served
    assert str(served) == ON_CPU and served.note == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"provider": "cuda"}, "onnxruntime-gpu"),
        ({"backend": "tensorrt"}, "needs tensorrt, which cannot be imported"),
        ({"backend": "torch", "provider": "cuda"}, "no CUDA device"),
    ],
)
def test_another_serves_and_says_why_or_none_does(no_libraries, serve, people, values, words):
    if values.get("backend") == "torch":
        torch = pytest.importorskip("torch", reason="torch is not installed")
        if torch.cuda.is_available():
            pytest.skip("there is a GPU")
    serving = serve(**values)
    assert until(lambda: words in serving.served.note)
    assert str(serving.served) == ON_CPU and serving.served.note.startswith("instead of ")
    assert len(serving.estimator(people, CAMERA)) == 1 and not serving.renewed()
    with pytest.raises(UnservedError, match=f"{words}.*require_backend allows no other"):
        serve(require_backend=True, **values)


def test_files_that_are_missing_are_an_error_and_no_reason_for_another_backend(serve):
    with pytest.raises(WeightsError, match="nothing.onnx does not exist"):
        serve(backend="tensorrt", weights_path="nothing.onnx")


def test_an_engine_is_built_while_another_backend_serves(machine, serve, people):
    half_way, go_on = threading.Event(), threading.Event()

    def step():
        if len(steps) == 2:
            half_way.set()
            assert go_on.wait(20)
        steps.append(1)

    steps: list[int] = []
    machine.step = step
    serving = serve(backend="tensorrt")
    assert str(serving.served) == ON_CPU
    before = serving.estimator
    expected = before(people, CAMERA)
    assert half_way.wait(20) and not serving.renewed()
    note = "instead of tensorrt: the engine of lifter.onnx is being built, 50%"
    assert until(lambda: serving.served.note == note)
    go_on.set()
    assert until(serving.renewed) and serving.estimator is not before
    assert str(serving.served) == "tensorrt (Orin, TensorRT 10.3.0, float32)"
    assert serving.served.note == "" and not serving.renewed()
    found = serving.estimator(people, CAMERA)
    np.testing.assert_allclose(found.joints, expected.joints, atol=1e-4)
    with pytest.raises(BackendError, match="was closed"):
        before(people, CAMERA)
    # From now on it is in the cache.
    again = serve(backend="tensorrt", require_backend=True)
    assert again.served == serving.served and machine.builds == ["main_graph"]


def test_an_engine_that_is_missing_is_an_error_if_no_other_backend_may_serve(machine, serve):
    with pytest.raises(BackendError, match="no TensorRT engine of lifter.onnx.*hmr build-engine"):
        serve(backend="tensorrt", require_backend=True)
    assert machine.builds == []


def test_closing_ends_a_build_and_leaves_nothing_half_written(machine, serve, tmp_path):
    started = threading.Event()

    def step():
        started.set()
        time.sleep(0.05)

    machine.step, machine.steps = step, 1000
    serving = serve(backend="tensorrt")
    assert started.wait(20)
    began = time.monotonic()
    serving.close()
    assert time.monotonic() - began < 2
    assert not [t for t in threading.enumerate() if t.name == "engine build"]
    left = {path.suffix for path in (tmp_path / "engines").iterdir()}
    assert left <= {".lock"}


def test_what_was_made_too_late_is_given_back(machine, serve, tmp_path, monkeypatch):
    """The build is over and its engine is being loaded when the node closes, and that takes long.
    The fixture of the machine sees what is not given back."""
    late, go_on = threading.Event(), threading.Event()

    def spoil(outputs, model):
        if list((tmp_path / "engines").glob("*.plan")):  # kept, so these are the warming runs
            late.set()
            assert go_on.wait(20)
        return outputs

    machine.spoil = spoil
    monkeypatch.setattr(serving_module, "END_S", 0.01)
    serving = serve(backend="tensorrt")
    assert late.wait(20)
    serving.close()
    go_on.set()
    assert until(lambda: not [t for t in threading.enumerate() if t.name == "engine build"])


def test_an_engine_that_tensorrt_cannot_read_is_built_anew(machine, serve):
    """Its file is as it was written, so that building without force finds it."""
    assert until(serve(backend="tensorrt").renewed)
    machine.readable = False
    machine.step = lambda: setattr(machine, "readable", True)
    with pytest.raises(UnservedError, match="cannot read the engine.* --force"):
        serve(backend="tensorrt", require_backend=True)
    serving = serve(backend="tensorrt")
    assert until(serving.renewed) and serving.served.backend == "tensorrt"
    assert len(machine.builds) == 2


def test_an_engine_that_tensorrt_never_reads_is_given_up(machine, serve):
    assert until(serve(backend="tensorrt").renewed)
    machine.readable = False
    serving = serve(backend="tensorrt")
    assert until(lambda: "cannot be used" in serving.served.note)
    assert not serving.renewed() and len(machine.builds) == 2


def test_of_several_graphs_those_before_the_failing_one_are_given_back(machine, serve, tmp_path):
    (network, options), _ = graphs_of(
        "factorized",
        options=BackendOptions(max_batch=1, cache=tmp_path / "engines", build=False),
        sampling=Sampling(samples=1),
    )
    build(network, options)
    with pytest.raises(UnservedError, match="no TensorRT engine of factorized_field.onnx"):
        serve(
            estimator="factorized",
            n_samples=1,
            max_batch=1,
            backend="tensorrt",
            require_backend=True,
        )
    assert machine.leaks() == (0, 0, 0, 0)


def test_wrong_numbers_keep_the_other_backend(machine, serve):
    machine.spoil = lambda outputs, model: {name: v + 1 for name, v in outputs.items()}
    serving = serve(backend="tensorrt")
    assert until(lambda: "wrong numbers" in serving.served.note)
    assert not serving.renewed() and str(serving.served) == ON_CPU


def test_a_device_that_fails_raises_and_serves_again_when_it_is_taken_anew(machine, serve, people):
    serving = serve(backend="tensorrt")
    assert until(serving.renewed)
    expected = serving.estimator(people, CAMERA)
    machine.fail.add("execute")
    with pytest.raises(BackendError, match="unspecified launch failure"):
        serving.estimator(people, CAMERA)
    serving.close()
    machine.fail.clear()
    found = serve(backend="tensorrt", require_backend=True).estimator(people, CAMERA)
    np.testing.assert_array_equal(found.joints, expected.joints)


def test_the_pipeline_switches_between_two_images(machine, people, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    from hmr_ros.frame import Frame
    from hmr_ros.pipeline import Pipeline

    go_on = threading.Event()
    machine.step = lambda: go_on.wait(20)
    settings = {"estimator": "lifter", "backend": "tensorrt", "engine_cache": str(tmp_path / "e")}
    pipeline = Pipeline(validated({**settings, "max_batch": 2}))
    frame = Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), CAMERA, 0.0)
    first = pipeline.bodies(frame, people)
    assert pipeline.serving.served.backend == "onnxruntime"
    go_on.set()

    def switched() -> bool:
        pipeline.bodies(frame, people)
        return pipeline.serving.served.backend == "tensorrt"

    assert until(switched)
    np.testing.assert_allclose(pipeline.bodies(frame, people).joints, first.joints, atol=1e-4)
    pipeline.close()
    pipeline.close()


def test_a_pipeline_that_cannot_be_loaded_ends_what_it_began(machine, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    from hmr_ros.pipeline import Pipeline

    machine.step, machine.steps = lambda: time.sleep(0.05), 1000
    settings = {"estimator": "lifter", "backend": "tensorrt", "engine_cache": str(tmp_path / "e")}
    wrong = {"detector": "onnx", "detector_onnx": "nothing.onnx"}
    with pytest.raises(ValueError, match="nothing.onnx"):
        Pipeline(validated(settings | wrong))
    assert not [t for t in threading.enumerate() if t.name == "engine build"]


def test_eight_bits_stay_eight_bits_on_another_backend(no_libraries, serve, tmp_path):
    for suffix in (".onnx", ".json", "-reference.npz"):
        shutil.copy(asset("weights", f"lifter{suffix}"), tmp_path)
    export_int8(tmp_path / "lifter.onnx")
    serving = serve(
        backend="tensorrt", precision="int8", weights_path=str(tmp_path / "lifter.onnx")
    )
    assert str(serving.served) == "onnxruntime (CPU, CPUExecutionProvider, int8)"


def test_the_lifter_runs_on_one_thread():
    ((_, options),) = graphs_of("lifter", options=BackendOptions(threads=4))
    assert options.threads == 1


def test_a_velocity_field_is_opened_only_for_samples_and_for_more_rows():
    (network,) = graphs_of("factorized")
    assert (network[0].path.name, network[1].max_batch) == ("factorized.onnx", 8)
    _, (field, options) = graphs_of("factorized", sampling=Sampling(samples=2))
    assert (field.path.name, options.max_batch) == ("factorized_field.onnx", 64)
