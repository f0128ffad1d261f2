"""The API that the TensorRT backend uses, against the real Python bindings of three versions.

The bindings link to libraries that are not published with them; they import when libraries of
those names export the few functions that they look up. So every name, enum member and signature is
the real one, while nothing can be built or run. What our modules use is read from their syntax
tree (library_uses.py), and the stand-in of the other tests is held to the same bindings.
"""

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tensorrt_double
from library_uses import BACKENDS, HELD, Use, all_uses, uses

ROOT = Path(__file__).resolve().parents[1]
PINS = [
    line.split()[0]
    for line in (ROOT / "requirements" / "tensorrt-bindings.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
VERSIONS = [pin.partition("==")[2] for pin in PINS]
SYMBOLS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
)
LIBRARIES = ("libnvinfer", "libnvinfer_plugin", "libnvonnxparser")


@pytest.fixture(scope="module")
def stubs(tmp_path_factory):
    """A folder of libraries whose functions all give a null pointer."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("stubs")
    source = folder / "stubs.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in SYMBOLS))
    for major in {version.partition(".")[0] for version in VERSIONS}:
        for library in LIBRARIES:
            name = f"{library}.so.{major}"
            command = [compiler, "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", folder / name]
            subprocess.run([*command, source], check=True)
    return folder


def probed(version: str, stubs: Path, used: set[Use]) -> dict:
    """What tensorrt_probe.py says with these bindings."""
    folder = ROOT / ".cache" / "tensorrt" / version
    if not (folder / "tensorrt_bindings").is_dir():
        pytest.skip(f"bindings {version} are not here: make setup-dev fetches them")
    paths = [str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")]
    libraries = [str(stubs), os.environ.get("LD_LIBRARY_PATH", "")]
    done = subprocess.run(
        [sys.executable, ROOT / "test" / "tensorrt_probe.py"],
        input=json.dumps({"uses": [use.as_dict() for use in used], "double": double()}),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "LD_LIBRARY_PATH": os.pathsep.join(libraries),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def double() -> dict:
    """Classes of the stand-in, their members, and the parameters of methods (None: no method)."""
    made = {}
    for name in tensorrt_double.TENSORRT:
        kind = getattr(tensorrt_double, name)
        if hasattr(kind, "__members__"):
            made[name] = dict.fromkeys(kind.__members__)
            continue
        made[name] = {
            member: list(inspect.signature(value).parameters)[1:] if callable(value) else None
            for member, value in vars(kind).items()
            if not member.startswith("_") and not inspect.isclass(value)
        }
    own = {("ICudaEngine", "element")}  # what the stand-in needs for itself
    return {k: {m: p for m, p in v.items() if (k, m) not in own} for k, v in made.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_used_exists_in(version, stubs):
    used = all_uses("tensorrt")
    report = probed(version, stubs, used)
    assert report["version"] == version
    assert report["problems"] == []
    assert len(report["executed"]) == 6, report["executed"]


def test_uses_are_found():
    """The list that is checked holds what the code visibly does, and nothing was overlooked."""
    used = {(use.owner, use.member) for use in all_uses("tensorrt")}
    assert {
        ("IExecutionContext", "execute_async_v3"),
        ("IExecutionContext", "set_tensor_address"),
        ("ICudaEngine", "num_io_tensors"),
        ("IBuilderConfig", "progress_monitor"),
        ("MemoryPoolType", "WORKSPACE"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"),
        ("ILogger.Severity", "ERROR"),
        ("", "OnnxParser"),
    } <= used
    assert len(used) > 45


def test_no_other_module_touches_the_libraries():
    """Else its uses would not be checked: only modules in ``HELD`` look names up on them."""
    package = BACKENDS.parents[1]
    for path in package.rglob("*.py"):
        names = {"trt": "", "tensorrt": "", "pycuda": ""}
        if path.parent == BACKENDS and any(path.name in files for files in HELD.values()):
            continue
        source = path.read_text()
        if any(name in source for name in names):
            found = {use for use in uses(source, names) if use.member != "__version__"}
            assert not found, (path, found)


MISTAKES = {
    "set_tensor_address": ("engine_session.py", "set_tensor_address", "set_binding_address"),
    "before TensorRT 10": ("engine_session.py", "execute_async_v3(", "execute_async_v2("),
    "num_io_tensors": ("engine_session.py", "num_io_tensors", "num_bindings"),
    "FP16": ("plan_building.py", "BuilderFlag.TF32", "BuilderFlag.FP16"),
    "an argument too few": ("plan_building.py", "(measured, False)", "(measured)"),
    "an argument too many": (
        "engine_session.py",
        "self._stream.handle)",
        "self._stream.handle, 0)",
    ),
    "no such class": ("tensorrt_log.py", "trt.ILogger", "trt.ILog"),
    "a method assigned": ("plan_building.py", "config.progress_monitor =", "config.reset ="),
    "a type": ("plan_building.py", "STRONGLY_TYPED", "WEAKLY_TYPED"),
}


@pytest.mark.parametrize("version", VERSIONS[-1:])
def test_deliberate_mistakes_are_noticed(version, stubs):
    """Names that never were or are gone, and calls that do not fit, put into our own sources."""
    wrong, right = {}, all_uses("tensorrt")
    for mistake, (file, before, after) in MISTAKES.items():
        source = (BACKENDS / file).read_text()
        assert before in source, mistake
        wrong[mistake] = uses(source.replace(before, after), HELD["tensorrt"][file]) - right
        assert wrong[mistake], mistake
    problems = probed(version, stubs, set().union(*wrong.values()))["problems"]
    assert len(problems) == sum(map(len, wrong.values())), problems
