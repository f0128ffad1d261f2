"""Who may import whom, read from the sources; and that importing does nothing but import."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "hmr_ros"

# Containers and the like, on which everything stands.
FOUNDATION = {
    "assets",
    "batch",
    "bodies",
    "compiled",
    "frame",
    "machine",
    "parameters",
    "crop_views",
    "people",
    "person_crops",
    "regions",
    "sighting_fields",
    "tracks",
    "walk",
    "whole_file",
}

# Folders, and modules beside them, that each folder or module may import beyond the foundation.
PERCEPTION = {"body", "frontend", "geometry", "placement", "refinement", "runtime", "tracking"}
OFFLINE = {"given_boxes", "results"}
ALLOWED = {
    "body": set(),
    "geometry": set(),
    "frame": {"geometry"},
    "crop_views": {"geometry"},
    "person_crops": {"geometry"},
    "frontend": {"body", "geometry"},
    "models": {"body", "geometry"},
    "data": {"body", "geometry"},
    "training": {"body", "data", "geometry", "models"},
    "evaluation": {"body", "data", "geometry", "models", "occupancy", "pipeline", "runtime"}
    | OFFLINE,
    "runtime": {"body", "geometry"},
    "tracking": {"body", "geometry"},
    "drawing": {"body", "geometry", "occupancy"},
    "sources": {"geometry"},
    "placement": {"body", "geometry"},
    "refinement": {"body", "geometry"},
    "occupancy": {"body", "geometry"},
    "given_boxes": set(),
    "results": {"body", "geometry"},
    "pipeline": PERCEPTION,
    "node": PERCEPTION | {"drawing", "occupancy", "pipeline", "sources"},
    "demo": {"body", "drawing", "geometry", "node", "sources"},
    "doctor": PERCEPTION | {"node", "pipeline"},
    "cli": PERCEPTION
    | OFFLINE
    | {
        "doctor",
        "data",
        "demo",
        "drawing",
        "evaluation",
        "models",
        "node",
        "pipeline",
        "sources",
        "training",
    },
}

# One module that may reach further than its folder, and why.
EXCEPTIONS = {
    ("runtime/backends/torch_backend.py", "models"): "it runs the torch network behind a graph",
    ("runtime/lifter_export.py", "models"): "a network is exported from its torch module",
    ("runtime/network_export.py", "models"): "a network is exported from its torch module",
    ("runtime/estimator_export.py", "models"): "weights are read by their torch modules",
    ("training/crop_release.py", "runtime"): "released weights are exported and described",
    ("training/crop_release.py", "evaluation"): "and calibrated as the lifter's are",
    ("training/lifter_release.py", "runtime"): "released weights are exported and described",
    ("training/lifter_release.py", "evaluation"): "and calibrated and measured",
    ("runtime/temporal_export.py", "models"): "a network is exported from its torch module",
    ("training/film_making.py", "pipeline"): "people of films are followed by the product itself",
    ("training/film_making.py", "evaluation"): "and matched as in the benchmark",
    ("training/film_making.py", "runtime"): "and its weights are told in the manifest",
    ("training/temporal_task.py", "evaluation"): "validation has the benchmark's figures",
    ("training/temporal_release.py", "runtime"): "released weights are exported and described",
    ("training/temporal_release.py", "evaluation"): "and calibrated as the others are",
    ("evaluation/recalibration.py", "placement"): "bodies are calibrated as they are published",
    ("evaluation/followed_films.py", "tracking"): "who is who is known: tracks without a tracker",
    ("sources/bag.py", "node"): "a bag's images are decoded as the node decodes them",
    ("node/planner.py", "demo"): "the demo's observer is a node; what it notes down is the demo's",
}

# The only places that may import a library, as folders or files.
TORCH = {
    "models",
    "training",
    "evaluation",
    "data",
    "cli",
    "body/torch_body.py",
    "runtime/backends/cuda_graph.py",
    "runtime/backends/torch_backend.py",
    "runtime/body_export.py",
    "runtime/lifter_export.py",
    "runtime/network_export.py",
    "runtime/onnx_writing.py",
    "runtime/temporal_export.py",
}
ROS = {"node", "cli/benchmarks/markers.py"}
HEAVY = ("torch", "cv2", "rclpy", "onnxruntime", "numba", "numpy", "scipy", "rich")


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Full names of the modules that a file imports, also inside functions."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            if node.module == "hmr_ros":
                yield from (f"hmr_ros.{alias.name}" for alias in node.names)
            else:
                yield node.module


def part(path: Path) -> str:
    """The folder of ``hmr_ros`` a file is in, or its own name if it lies beside them."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def within(path: Path, places: set[str]) -> bool:
    name = path.relative_to(PACKAGE).as_posix()
    return name in places or part(path) in places


def forbidden_imports(path: Path) -> list[str]:
    """What ``path`` imports and may not."""
    own = part(path)
    name = path.relative_to(PACKAGE).as_posix()
    found = []
    for module in imports(path):
        if module.split(".")[0] != "hmr_ros":
            continue
        other = module.split(".")[1] if "." in module else "__init__"
        if other in FOUNDATION | {own, "__init__", "__version__"}:
            continue
        if other == "msg":
            if not within(path, ROS):
                found.append(f"{name} imports {module}: messages belong into node/")
        elif other not in ALLOWED.get(own, set()) and (name, other) not in EXCEPTIONS:
            found.append(f"{name} imports {module}: {own} may not import {other}")
    return found


def test_folders_import_only_what_lies_below_them():
    assert [line for path in sources() for line in forbidden_imports(path)] == []


def test_exceptions_are_still_needed():
    for name, other in EXCEPTIONS:
        path = PACKAGE / name
        assert path.is_file(), f"{name} is gone: take it off the list"
        assert any(m.startswith(f"hmr_ros.{other}") for m in imports(path)), (name, other)


def test_a_forbidden_import_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    bad = tmp_path / "geometry" / "bad.py"
    bad.parent.mkdir()
    bad.write_text("def f():\n    from hmr_ros.pipeline import Pipeline\n")
    assert forbidden_imports(bad) == [
        "geometry/bad.py imports hmr_ros.pipeline: geometry may not import pipeline"
    ]


@pytest.mark.parametrize("library, places", [("torch", TORCH), ("rclpy", ROS)])
def test_library_is_imported_in_its_places_only(library, places):
    users = [p for p in sources() if library in {m.split(".")[0] for m in imports(p)}]
    assert [str(p) for p in users if not within(p, places)] == []


def test_ros_messages_are_imported_where_ros_is():
    users = [p for p in sources() if any(m.split(".")[0].endswith("_msgs") for m in imports(p))]
    assert users and [str(p) for p in users if not within(p, ROS)] == []


def loaded_by(statement: str) -> set[str]:
    """Top-level names of the modules that a fresh Python has loaded after ``statement``."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize("module", ["hmr_ros", "hmr_ros.cli.main", "hmr_ros.machine"])
def test_importing_the_package_loads_nothing_heavy(module):
    assert loaded_by(f"import {module}").isdisjoint(HEAVY)


def test_the_pipeline_needs_neither_ros_nor_a_backend_that_was_not_chosen():
    backends = {"onnxruntime", "torch", "tensorrt", "pycuda"}
    assert loaded_by("import hmr_ros.pipeline").isdisjoint(backends | {"rclpy"})


IMPORT_EVERYTHING = """
import contextlib, importlib, io, json, os, pathlib, signal, socket, sys, threading
import subprocess

def refuse(*arguments, **options):
    raise AssertionError("a module starts a process or connects while it is imported")

socket.socket.connect = socket.create_connection = refuse
import numpy, cv2, numba  # what they do at import is theirs
with contextlib.suppress(ImportError):
    import torch
subprocess.Popen = refuse
state = lambda: (dict(os.environ), [signal.getsignal(s) for s in (2, 15)], os.getcwd(), sys.argv[:],
                 threading.active_count(), sorted(os.listdir()))
before, unimported = state(), {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        unimported[name] = error.name
assert state() == before, "importing changed the process"
print(json.dumps(unimported), file=sys.stderr)
"""


def test_every_module_can_be_imported_without_side_effects(tmp_path):
    names = [
        ".".join(("hmr_ros", *p.relative_to(PACKAGE).with_suffix("").parts)) for p in sources()
    ]
    names = [n.removesuffix(".__init__") for n in names if not n.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING, *names],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "modules print while they are imported"
    unimported = json.loads(done.stderr.strip().splitlines()[-1])
    # Optional libraries may be missing; our own modules may not.
    ours = {n: missing for n, missing in unimported.items() if missing.startswith("hmr_ros.")}
    assert set(ours.values()) <= {"hmr_ros.msg"}
