"""The GPU's side: device, TensorRT, pycuda, engines, and on a Jetson its release and power mode."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from hmr_ros.doctor.finding import Finding, ok, warn
from hmr_ros.doctor.modules import import_error

# Of the kernel's drivers: a discrete GPU, and a Jetson's.
DEVICES = tuple(map(Path, ("/dev/nvidia0", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/nvmap")))
L4T = Path("/etc/nv_tegra_release")
OLDEST_L4T = (36, 4)  # JetPack 6.1, the first with TensorRT 10
NVPMODEL_TIMEOUT_S = 10
GUIDE = "docs/jetson.md"


def gpu_findings() -> list[Finding]:
    """One line where there is no NVIDIA GPU: the networks run on the processor then, as meant."""
    if not any(device.exists() for device in DEVICES):
        return [ok("GPU", "no NVIDIA device here; networks run on the processor")]
    found = [jetson_release(L4T), power_mode(), *libraries_found()]
    found = [finding for finding in found if finding is not None]
    if all(finding.state == "ok" for finding in found if finding.name.startswith("backend")):
        found += device_and_engine()
    return found


def jetson_release(file: Path) -> Finding | None:
    """None where this is no Jetson."""
    if not file.is_file():
        return None
    text = file.read_text().partition("\n")[0]
    match = re.search(r"R(\d+).*REVISION: (\d+)", text)
    if match is None:
        return warn("Jetson", f"{file} says {text!r}", f"tested against L4T 36.4: {GUIDE}")
    release = tuple(map(int, match.groups()))
    name = f"L4T {release[0]}.{release[1]}"
    if release < OLDEST_L4T:
        return warn(
            "Jetson",
            f"{name}: its TensorRT is too old",
            f"flash JetPack 6.1 or newer (L4T 36.4), {GUIDE}; until then onnxruntime serves",
        )
    return ok("Jetson", name)


def power_mode() -> Finding | None:
    """None where there is no ``nvpmodel``."""
    if shutil.which("nvpmodel") is None:
        return None
    name = "power mode"
    try:
        done = subprocess.run(
            ["nvpmodel", "-q"], capture_output=True, text=True, timeout=NVPMODEL_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return warn(name, f"nvpmodel does not answer ({error})", f"see {GUIDE}")
    match = re.search(r"Power Mode: *(\S+)", done.stdout)
    if match is None:
        said = (done.stdout + done.stderr).strip() or "nothing"
        return warn(name, f"nvpmodel says {said}", "ask it as root: sudo nvpmodel -q")
    if not match[1].startswith("MAXN"):
        return warn(
            name,
            f"{match[1]}: clocks are held down, figures are lower than the board's best",
            f"sudo nvpmodel -m 0 (MAXN; the number differs by board: {GUIDE}), sudo jetson_clocks",
        )
    return ok(name, match[1])


def libraries_found() -> list[Finding]:
    """What the backend ``tensorrt`` needs."""
    from hmr_ros.runtime.backends.nvidia_libraries import REMEDIES

    found = []
    for module, remedy in REMEDIES.items():
        name, error = f"backend: {module}", import_error(module)
        said = error or "can be imported"
        found.append(warn(name, said, f"{remedy}; {GUIDE}") if error else ok(name, said))
    return found


def device_and_engine() -> list[Finding]:
    """The device, and the default estimator's engines for it."""
    from hmr_ros.runtime.backends.backend import BackendError
    from hmr_ros.runtime.backends.cuda_device import cuda_device
    from hmr_ros.runtime.backends.nvidia_libraries import libraries

    try:
        loaded = libraries()
        device = cuda_device(loaded.cuda)
    except BackendError as error:
        return [warn("CUDA device", str(error), f"see {GUIDE}")]
    version = f"TensorRT {loaded.trt.__version__}"
    said = f"{device.name}, compute capability {device.capability}, {version}"
    return [ok("CUDA device", said), *engines_of_default(loaded, device)]


def engines_of_default(loaded, device) -> list[Finding]:
    """One finding a precision that the default estimator has a file in. loaded, device: of
    ``hmr_ros.runtime.backends``."""
    from hmr_ros.assets import asset
    from hmr_ros.parameters import validated
    from hmr_ros.runtime.graph_file import WeightsError, read_graph
    from hmr_ros.runtime.precisions import in_precision

    found = []
    for precision in ("float16", "float32"):
        try:
            named = read_graph(asset("weights", f"{validated().estimator}.onnx"))
            graph = in_precision(named, precision)
        except WeightsError:
            continue  # the models' own finding says what is wrong with the weights
        found.append(engine_of(loaded, device, graph))
    return found


def engine_of(loaded, device, graph) -> Finding:
    """Whether a graph's engine is there and may be run."""
    from hmr_ros.runtime.backends.backend import BackendError, BackendOptions
    from hmr_ros.runtime.backends.engine_build import command, find
    from hmr_ros.runtime.graph_file import WeightsError

    name, options = f"engine: {graph.precision}", BackendOptions()
    try:
        engine = find(loaded, device, graph, options)
    except (BackendError, WeightsError) as error:
        return warn(name, str(error), command(graph, options, force=True))
    if engine is None:
        said = f"{graph.path.stem} has none for this device yet"
        return warn(name, said, command(graph, options))
    if engine.note:
        return warn(name, f"{engine.kept.path} ({engine.note})", "see docs/tensorrt.md")
    return ok(name, str(engine.kept.path))
