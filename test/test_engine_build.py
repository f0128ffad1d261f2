"""Engines built, judged, kept and found again, on a stand-in of TensorRT: see docs/tensorrt.md."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorrt_double
from small_graphs import some_inputs, write_small_graph

from hmr_ros.cli.main import main
from hmr_ros.runtime.backends import engine_build, private_files
from hmr_ros.runtime.backends.backend import BackendError, BackendOptions, open_backend
from hmr_ros.runtime.backends.background_build import BackgroundBuild
from hmr_ros.runtime.backends.build_progress import Phases
from hmr_ros.runtime.backends.engine_build import build
from hmr_ros.runtime.backends.engine_key import key_of
from hmr_ros.runtime.backends.plan_building import BuildCancelled
from hmr_ros.runtime.graph_description import answers
from hmr_ros.runtime.graph_file import WeightsError, read_graph, sha256_of


@pytest.fixture
def graph(tmp_path):
    return write_small_graph(tmp_path)


@pytest.fixture
def options(tmp_path):
    return BackendOptions(max_batch=4, cache=tmp_path / "engines")


@pytest.fixture
def half(graph):
    return write_small_graph(graph.path.parent, precision="float16")


def runs(graph, options):
    """The precision of a backend that answers rightly."""
    backend = open_backend("tensorrt", graph, options)
    inputs = some_inputs(2, seed=9)
    found, expected = backend.run(inputs), answers(graph.path, inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=2e-2)
    backend.close()
    return backend.precision


def test_engine_is_built_once_and_kept_for_its_owner_only(machine, graph, options):
    engine = build(graph, options)
    assert engine.built and engine.note == "" and machine.workspace == 1024**3
    assert {m.output for m in engine.kept.measures} == {*graph.outputs, "posed joints"}
    assert all(m.passed and m.difference < 1e-4 for m in engine.kept.measures)
    modes = {p.suffix: p.stat().st_mode & 0o777 for p in options.cache.iterdir()}
    assert modes == {".plan": 0o600, ".json": 0o600, ".lock": 0o600, ".cache": 0o600}
    assert options.cache.stat().st_mode & 0o777 == 0o700
    again = build(graph, options)
    assert not again.built and again.kept == engine.kept
    assert build(graph, options, force=True).built
    assert len(machine.builds) == 2


def test_timings_are_reused_and_bad_ones_left_out(machine, graph, options):
    build(graph, options)
    (timing,) = options.cache.glob("timing-Orin-sm8.7-tensorrt-10.3.0.cache")
    assert timing.read_bytes() == b"TIMING\x01"
    build(graph, options, force=True)
    assert timing.read_bytes() == b"TIMING\x08"  # it was given the seven bytes of the first
    timing.write_bytes(b"damaged")
    build(graph, options, force=True)
    assert timing.read_bytes() == b"TIMING\x01"


def test_default_folder_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert engine_build.default_folder() == tmp_path / "hmr_ros" / "engines"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative, so to be ignored")
    monkeypatch.setenv("HOME", "/home/robot")
    assert engine_build.default_folder() == Path("/home/robot/.cache/hmr_ros/engines")


def test_everything_an_engine_depends_on_is_in_its_key(graph):
    options = BackendOptions(max_batch=4)
    same = key_of(graph, options, "10.3.0", "Orin", "8.7")
    others = [
        key_of(replace(graph, sha256="0" * 64), options, "10.3.0", "Orin", "8.7"),
        key_of(replace(graph, precision="float16"), options, "10.3.0", "Orin", "8.7"),
        key_of(graph, replace(options, max_batch=5), "10.3.0", "Orin", "8.7"),
        key_of(graph, replace(options, workspace_mib=64), "10.3.0", "Orin", "8.7"),
        key_of(graph, options, "10.3.0.1", "Orin", "8.7"),
        key_of(graph, options, "10.3.0", "Orin Nano", "8.7"),
        key_of(graph, options, "10.3.0", "Orin", "8.9"),
    ]
    assert same.stem == key_of(graph, options, "10.3.0", "Orin", "8.7").stem
    assert len({key.stem for key in (same, *others)}) == 1 + len(others)


@pytest.mark.parametrize("people, profile", [(1, (1, 1, 1)), (3, (1, 3, 3)), (8, (1, 4, 8))])
def test_profile_goes_from_one_person_to_the_most(graph, people, profile):
    key = key_of(graph, BackendOptions(max_batch=people), "10.3.0", "Orin", "8.7")
    assert key.profile == profile


# --- files that must not be run ------------------------------------------------------------------


def truncated(plan):
    plan.write_bytes(plan.read_bytes()[:-100])


def another(plan):
    plan.write_bytes(plan.read_bytes() + b"more")


def no_sidecar(plan):
    plan.with_suffix(".json").unlink()


def half_a_sidecar(plan):
    side = plan.with_suffix(".json")
    side.write_text(side.read_text()[:40])


def of_another_device(plan):
    side = plan.with_suffix(".json")
    side.write_text(side.read_text().replace('"Orin"', '"Thor"'))


def of_another_version(plan):
    side = plan.with_suffix(".json")
    side.write_text(side.read_text().replace("10.3.0", "10.4.0"))


def of_nothing(plan):
    side = plan.with_suffix(".json")
    side.write_text(json.dumps(json.loads(side.read_text()) | {"key": None}))


def writable_by_others(plan):
    plan.chmod(0o622)


def sidecar_writable_by_others(plan):
    plan.with_suffix(".json").chmod(0o666)


def a_link(plan):
    plan.rename(plan.with_name("elsewhere"))
    plan.symlink_to(plan.with_name("elsewhere"))


def a_pipe(plan):
    plan.unlink()
    os.mkfifo(plan, 0o600)


def of_another_user(plan):
    os.chown(plan, 12345, -1)


BAD = [truncated, another, no_sidecar, half_a_sidecar, of_another_device, of_another_version]
BAD += [of_nothing, writable_by_others, sidecar_writable_by_others, a_link, a_pipe, of_another_user]


@pytest.mark.parametrize("spoil", BAD)
def test_bad_file_is_never_run_but_built_anew_or_refused(machine, graph, options, spoil):
    if spoil is of_another_user and os.geteuid() != 0:
        pytest.skip("only root gives files away")
    plan = build(graph, options).kept.path
    spoil(plan)
    with pytest.raises(BackendError, match="hmr build-engine .* --force"):
        open_backend("tensorrt", graph, replace(options, build=False))
    assert len(machine.builds) == 1
    assert runs(graph, options) == "float32"
    assert len(machine.builds) == 2
    assert runs(graph, replace(options, build=False)) == "float32"
    assert plan.is_file() and not plan.is_symlink() and plan.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("wrong", [False, True], ids=["kept", "refused"])
def test_what_a_killed_builder_left_is_removed(machine, graph, options, wrong):
    key = key_of(graph, options, machine.version, machine.name, "8.7")
    options.cache.mkdir(mode=0o700)
    for suffix in (".plan", ".json"):
        (options.cache / f".{key.stem}{suffix}.abc.partial").write_bytes(b"half")
    if wrong:
        machine.spoil = wrong_in("tiny")
        with pytest.raises(BackendError, match="wrong numbers"):
            build(graph, options)
    else:
        build(graph, options)
    assert list(options.cache.glob(".*")) == []


@pytest.mark.parametrize("force", [False, True])
def test_engine_that_another_built_meanwhile_is_used(machine, graph, options, monkeypatch, force):
    """It began after we had looked into the cache and had the lock before us; who builds by force
    takes it only where it had to wait for it."""
    ours = engine_build.locked

    @contextmanager
    def too_late(path, cancelled, waiting):
        monkeypatch.setattr(engine_build, "locked", ours)
        assert build(graph, options).built
        if force:
            waiting()
        with ours(path, cancelled, waiting):
            yield

    monkeypatch.setattr(engine_build, "locked", too_late)
    assert not build(graph, options, force=force).built and len(machine.builds) == 1


def test_missing_engine_is_built_only_if_that_is_allowed(machine, graph, options):
    with pytest.raises(BackendError, match="no TensorRT engine of tiny.onnx.*--max-batch 4"):
        open_backend("tensorrt", graph, replace(options, build=False))
    assert machine.builds == [] and not options.cache.exists()


@pytest.mark.parametrize("damaged", [False, True], ids=["missing", "damaged"])
def test_the_command_in_an_error_mends_it(machine, graph, tmp_path, damaged):
    options = BackendOptions(max_batch=3, workspace_mib=64, cache=tmp_path / "my engines")
    if damaged:
        truncated(build(graph, options).kept.path)
    with pytest.raises(BackendError) as told:
        open_backend("tensorrt", graph, replace(options, build=False))
    command = re.search("hmr (build-engine .*)", str(told.value))[1]
    assert main(shlex.split(command)) == 0
    assert runs(graph, replace(options, build=False)) == "float32"


def test_engine_that_cannot_be_read_is_built_once_more_then_given_up(machine, graph, options):
    """The file is right, but TensorRT gives None for it."""
    build(graph, options)
    machine.readable = False
    with pytest.raises(BackendError, match="cannot be used.*Magic tag does not match"):
        open_backend("tensorrt", graph, options)
    assert len(machine.builds) == 2
    with pytest.raises(BackendError, match="cannot read the engine.*--force"):
        open_backend("tensorrt", graph, replace(options, build=False))


def test_engine_that_could_not_be_read_for_once_is_replaced(machine, graph, options):
    build(graph, options)
    machine.readable = False
    machine.step = lambda: setattr(machine, "readable", True)
    assert runs(graph, options) == "float32"
    assert len(machine.builds) == 2


def test_other_device_and_other_version_have_engines_of_their_own(machine, graph, options):
    build(graph, options)
    for change in ({"device": "Thor"}, {"version": "11.4.0"}, {"capability": (9, 0)}):
        other = tensorrt_double.install(tensorrt_double.Machine(**change))
        assert runs(graph, options) == "float32" and len(other.builds) == 1
        assert other.leaks() == (0, 0, 0, 0)
    tensorrt_double.install(machine)
    assert not build(graph, options).built


def test_other_network_of_the_same_name_has_its_own_engine(machine, graph, options):
    first = build(graph, options)
    changed = write_small_graph(graph.path.parent, scale=2.0)
    second = build(changed, options)
    assert second.built and second.kept.path != first.kept.path
    assert runs(changed, options) == "float32"


def test_network_that_is_not_its_manifests_is_refused(machine, graph, options):
    other = write_small_graph(graph.path.parent, scale=2.0)
    with pytest.raises(WeightsError, match="its manifest says"):
        build(replace(other, sha256=graph.sha256), options)
    assert machine.builds == []


# --- folders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_folder_open_to_others_is_refused(machine, graph, options, mode):
    options.cache.mkdir()
    options.cache.chmod(mode)
    for allowed in (True, False):
        with pytest.raises(BackendError, match="open to other users: chmod 700"):
            open_backend("tensorrt", graph, replace(options, build=allowed))
    assert machine.builds == []


def test_folder_that_is_a_link_or_anothers_is_refused(machine, graph, options, monkeypatch):
    aside = options.cache.with_name("aside")
    aside.mkdir(mode=0o700)
    options.cache.symlink_to(aside)
    with pytest.raises(BackendError, match="a link"):
        build(graph, options)
    options.cache.unlink()
    options.cache.mkdir(mode=0o700)
    monkeypatch.setattr(private_files.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(BackendError, match="belongs to user"):
        build(graph, options)
    assert machine.builds == []


def failing(number, message):
    def fail(*arguments, **words):
        raise OSError(number, message)

    return fail


def test_read_only_cache_is_noticed_before_minutes_are_spent(machine, graph, options, monkeypatch):
    build(graph, options)
    monkeypatch.setattr(private_files.fcntl, "flock", failing(30, "Read-only file system"))
    assert not build(graph, options).built, "what is there serves, and needs no lock"
    for plan in options.cache.glob("*.plan"):
        plan.unlink()
    with pytest.raises(BackendError, match="cannot be kept in .*Read-only file system.*--cache"):
        build(graph, options)
    assert len(machine.builds) == 1


def test_full_disk_costs_the_file_but_not_the_engine(machine, graph, options, monkeypatch):
    options.cache.mkdir(mode=0o700)
    monkeypatch.setattr(private_files.os, "fsync", failing(28, "No space left on device"))
    engine = build(graph, options)
    assert engine.built and engine.kept.path is None and "No space left on device" in engine.note
    assert runs(graph, options) == "float32"
    assert [p.name for p in options.cache.iterdir() if p.suffix != ".lock"] == []


def test_full_disk_leaves_the_engine_of_before(machine, graph, options, monkeypatch):
    plan = build(graph, options).kept.path
    before = plan.read_bytes()
    with monkeypatch.context() as full:
        full.setattr(private_files.os, "fsync", failing(28, "No space left on device"))
        build(graph, options, force=True)
    assert plan.read_bytes() == before and not build(graph, options).built


# --- the numeric gate ----------------------------------------------------------------------------


def wrong_in(precision, name="pelvis", by=0.003):
    """Outputs as of an engine whose kernels for one type are wrong."""

    def spoil(outputs, model):
        if precision in model.graph.name:
            outputs[name] = outputs[name] + np.float32(by)
        return outputs

    return spoil


def test_half_precision_is_used_while_its_numbers_are_right(machine, half, options):
    engine = build(half, options)
    assert (engine.graph.precision, engine.note) == ("float16", "")
    worst = max(m.difference / m.limit for m in engine.kept.measures)
    assert 0 < worst < 1, "half precision differs a little"
    assert runs(half, options) == "float16"
    assert machine.builds == ["tiny-float16"]


def test_float32_is_built_where_half_precision_is_wrong_and_remembered(machine, half, options):
    machine.spoil = wrong_in("float16")
    engine = build(half, options)
    assert engine.graph.precision == "float32"
    assert "the float16 engine has wrong numbers, pelvis 5.3" in engine.note
    assert machine.builds == ["tiny-float16", "tiny-float32"]
    assert runs(half, options) == runs(half, replace(options, build=False)) == "float32"
    assert len(machine.builds) == 2, "the next start does not try half precision again"
    machine.spoil = wrong_in("nothing")
    assert build(half, options, force=True).graph.precision == "float16"
    assert runs(half, options) == "float16"


def test_wrong_in_float32_too_is_refused(machine, half, options):
    machine.spoil = wrong_in("tiny")
    for _ in range(2):
        with pytest.raises(BackendError, match="float16 .*float32 .*Set the backend to"):
            open_backend("tensorrt", half, options)
    with pytest.raises(BackendError, match="wrong numbers"):
        open_backend("tensorrt", half, replace(options, build=False))
    assert machine.builds == ["tiny-float16", "tiny-float32"]
    assert list(options.cache.glob("*.plan")) == []


def test_engine_that_is_wrong_for_several_people_only_is_refused(machine, graph, options):
    def spoil(outputs, model):
        if len(outputs["pelvis"]) == 4:
            outputs["pelvis"][3] += 0.01
        return outputs

    machine.spoil = spoil
    with pytest.raises(BackendError, match="pelvis 17.3 mm"):
        build(graph, options)


def test_engine_that_gives_no_numbers_is_refused(machine, graph, options):
    machine.spoil = wrong_in("tiny", "betas", np.nan)
    with pytest.raises(BackendError, match="betas nan absolute"):
        build(graph, options)
    with pytest.raises(BackendError, match="betas nan absolute"):
        build(graph, options)
    assert len(machine.builds) == 1


def test_graph_without_reference_or_sibling_is_refused(machine, half, options):
    machine.spoil = wrong_in("float16")
    (half.path.parent / "tiny.onnx").unlink()
    with pytest.raises(WeightsError, match="there is no .*tiny.onnx: hmr export tiny "):
        build(half, options)
    half.reference.unlink()
    machine.builds.clear()
    with pytest.raises(WeightsError, match="no reference inputs"):
        build(half, options, force=True)
    assert machine.builds == [], "before minutes are spent"


def test_sibling_that_is_not_its_manifests_is_refused(machine, half, options):
    machine.spoil = wrong_in("float16")
    single = half.path.with_name("tiny.onnx")
    model = onnx.load(single)
    model.doc_string = "another file"
    onnx.save(model, single)
    with pytest.raises(WeightsError, match="tiny.onnx has sha256"):
        build(half, options)
    assert machine.builds == ["tiny-float16"]


def test_quantised_network_is_for_processors(machine, graph, options):
    with pytest.raises(BackendError, match="quantised for processors"):
        build(replace(graph, precision="int8"), options)


# --- failing builds, progress and cancelling -----------------------------------------------------


def test_what_tensorrt_says_is_passed_on(machine, graph, options):
    machine.fail.add("no kernel")
    with pytest.raises(BackendError, match="Could not find any implementation.*1024 MiB"):
        build(graph, options)
    machine.fail.clear()
    assert build(graph, options).built


def test_operation_that_tensorrt_does_not_know_is_named(machine, graph, options):
    model = onnx.load(graph.path)
    model.graph.node.append(onnx.helper.make_node("NonZero", ["image"], ["where"]))
    onnx.save(model, graph.path)
    manifest = json.loads(graph.path.with_suffix(".json").read_text())
    manifest["graph"]["sha256"] = sha256_of(graph.path)
    graph.path.with_suffix(".json").write_text(json.dumps(manifest))
    with pytest.raises(BackendError, match="cannot take .*NonZero.*onnxruntime"):
        build(read_graph(graph.path), options)


def test_progress_runs_from_nothing_to_all(machine, graph, options):
    told = []
    build(graph, options, progress=told.append)
    assert [p.fraction for p in told] == [0.25, 0.5, 0.75, 1.0]
    assert {p.step for p in told} == {"Building"}


def test_nested_phases_make_one_fraction_that_never_falls():
    phases = Phases()
    phases.start("all", None, 4)
    assert phases.step("all", 0).fraction == 0.25
    phases.start("tactics", "all", 10)
    assert phases.step("tactics", 4).fraction == pytest.approx(0.375)
    phases.start("timing", "tactics", 2)
    assert phases.step("timing", 0).fraction == pytest.approx(0.25 + 0.55 / 4)
    phases.finish("timing")
    phases.finish("tactics")
    assert phases.step("all", 1).fraction == 0.5
    phases.finish("all")
    phases.start("another", None, 10)
    assert phases.step("another", 0).fraction == 0.5


def test_error_in_the_progress_of_the_caller_ends_the_build(machine, graph, options):
    def progress(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build(graph, options, progress=progress)
    assert list(options.cache.glob("*.plan")) == []


def test_cancelled_build_leaves_nothing_and_the_lock_free(machine, graph, options):
    steps = []
    machine.step = lambda: steps.append(1)
    with pytest.raises(BuildCancelled):
        build(graph, options, cancelled=lambda: len(steps) == 2)
    assert len(steps) == 2
    assert [p.suffix for p in options.cache.iterdir()] == [".lock"]
    assert build(graph, options).built


def test_background_build_reports_and_can_be_cancelled(machine, graph, options):
    machine.step = lambda: time.sleep(0.05)
    machine.steps = 200
    building = BackgroundBuild(lambda *watching: build(graph, options, *watching))
    deadline = time.monotonic() + 10
    while building.progress.fraction == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 0 < building.progress.fraction < 1 and not building.future.done()
    building.cancel()
    with pytest.raises(BuildCancelled):
        building.future.result()
    machine.steps = 2
    again = BackgroundBuild(lambda *watching: build(graph, options, *watching))
    assert again.future.result().built


# --- the command, and several processes ----------------------------------------------------------


def test_command_builds_reports_and_finds_again(machine, graph, tmp_path, capsys):
    report = tmp_path / "report.json"
    command = ["build-engine", str(graph.path), "--max-batch", "3", "--cache", str(tmp_path / "c")]
    assert main([*command, "--json", str(report)]) == 0
    told = json.loads(report.read_text())
    assert told["built"] and Path(told["engine"]).is_file() and told["key"]["profile"] == [1, 3, 3]
    assert {row["name"] for row in told["measures"]} == {*graph.outputs, "posed joints"}
    assert "for 1 to 3 people" in capsys.readouterr().out
    assert main([*command, "--json", str(report)]) == 0
    assert not json.loads(report.read_text())["built"]


def test_command_takes_the_file_in_the_precision_asked_for(machine, half, tmp_path):
    command = ["build-engine", str(half.path.parent / "tiny.onnx"), "--cache", str(tmp_path / "c")]
    assert main([*command, "--precision", "float16"]) == 0
    assert machine.builds == ["tiny-float16"]


def test_command_fails_clearly(machine, graph, tmp_path, capsys):
    machine.fail.add("init")
    assert main(["build-engine", str(graph.path), "--cache", str(tmp_path / "c")]) == 1
    assert "no CUDA device can be used" in capsys.readouterr().err
    assert main(["build-engine", str(graph.path), "--max-batch", "0"]) == 2
    assert "--max-batch is 0" in capsys.readouterr().err


SLOW_COMMAND = """
import signal, sys, time
import tensorrt_double
from hmr_ros.cli.main import main

# Processes of a shell's background ignore Ctrl-C, and so would this one.
signal.signal(signal.SIGINT, signal.default_int_handler)
machine = tensorrt_double.install(tensorrt_double.Machine())
machine.steps = 10

def step():
    print("step", flush=True)
    time.sleep({seconds})

machine.step = step
status = main(sys.argv[1:])
print("builds", len(machine.builds), flush=True)
sys.exit(status)
"""


def started(graph, cache, seconds):
    """The command in a process of its own, whose builds take ten steps of so many seconds."""
    code = SLOW_COMMAND.format(seconds=seconds)
    command = [sys.executable, "-c", code, "build-engine", str(graph.path), "--cache", str(cache)]
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def wait_for_step(process):
    assert any(line.strip() == "step" for line in iter(process.stdout.readline, ""))


def test_two_builders_at_once_build_one_engine(graph, tmp_path):
    first = started(graph, tmp_path / "c", 0.3)
    wait_for_step(first)
    second = started(graph, tmp_path / "c", 0.3)
    said = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert "builds 1" in said[0] and "builds 0" in said[1]
    assert len(list((tmp_path / "c").glob("*.plan"))) == 1


@pytest.mark.parametrize("name, status", [("SIGINT", 130), ("SIGKILL", -9)])
def test_stopped_builder_leaves_no_partial_file_and_no_lock(machine, graph, options, name, status):
    process = started(graph, options.cache, 0.3)
    wait_for_step(process)
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=60)
    assert process.returncode == status
    assert [p.suffix for p in options.cache.iterdir()] == [".lock"]
    assert build(graph, replace(options, max_batch=8)).built
    assert len(list(options.cache.glob("*.lock"))) == 1, "the same engine, so the same lock"
