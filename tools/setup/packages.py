"""The steps that install Python packages into `.venv`."""

from __future__ import annotations

import platform
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import console
from ros import Ros
from steps import Step

CPU_TORCH = "https://download.pytorch.org/whl/cpu"


def runtime(root: Path, venv: Path, source: Ros) -> Step:
    """The node, the demo, `hmr run`; without a sourced ROS its wheels, too."""
    files = [root / "requirements" / "runtime.txt"]
    title = "Python packages"
    if not source.sourced:
        files.append(root / "requirements" / "ros-wheels.txt")
        title += " and ROS 2 Jazzy"
    return _step("packages", title, root, venv, source, files)


def development(root: Path, venv: Path, source: Ros) -> Step:
    """Training, evaluation, export, tests."""
    files = [root / "requirements" / "development.txt"]
    return _step("development", "development packages", root, venv, source, files)


def torch(root: Path, venv: Path, source: Ros) -> Step:
    """By the exact pin and before anything that depends on it, which would choose another build."""
    pin = _pin(root, source, "torch")
    return Step(
        name="torch",
        inputs=(),
        words=(pin, platform.python_version(), str(source)),
        outputs=(),
        action=lambda log: console.run(
            f"{pin} (a few hundred MB)",
            [*_pip(venv), pin, "-c", constraints_for(root, source), *_cpu_build()],
            log,
            console.clean_environment(),
        ),
    )


def model_carrier(root: Path, venv: Path, source: Ros) -> Step:
    """The mediapipe wheel for the networks in it; its dependencies would pull in an old NumPy."""
    pin = _pin(root, source, "mediapipe")
    return Step(
        name="models",
        inputs=(),
        words=(pin, platform.python_version()),
        outputs=(),
        action=lambda log: console.run(
            f"BlazePose models ({pin})",
            [*_pip(venv), "--no-deps", *_any_machines_wheel(venv), pin],
            log,
            console.clean_environment(),
        ),
    )


def _any_machines_wheel(venv: Path) -> list[str | Path]:
    """Options that take the x86_64 wheel on other machines, for which none is published (a Jetson):
    the networks in it are data, its program is never loaded."""
    if platform.machine() == "x86_64":
        return []
    (packages,) = venv.glob("lib/python3*/site-packages")
    options = ["--upgrade", "--only-binary=:all:", "--target", packages]
    return [*options, "--platform", "manylinux_2_28_x86_64"]


def tensorrt_bindings(root: Path, venv: Path) -> Step:
    """Several TensorRT bindings, each in a folder of its own. Only a test reads them, and they are
    published for some machines only, so that test is skipped where they cannot be had."""
    listed = root / "requirements" / "tensorrt-bindings.txt"
    lines = [line.partition("#")[0].strip() for line in listed.read_text().splitlines()]
    folders = {pin: root / ".cache" / "tensorrt" / pin.partition("==")[2] for pin in lines if pin}

    def fetch(log: Path) -> None:
        for pin, folder in folders.items():
            options = ["--no-deps", "--upgrade", "--only-binary=:all:", "--target", folder]
            try:
                console.run(pin, [*_pip(venv), *options, pin], log, console.clean_environment())
            except console.SetupError as error:
                print(f"  without {pin}, its test will be skipped: {error}", flush=True)

    return Step(
        name="tensorrt",
        inputs=(listed,),
        words=(platform.python_version(),),
        outputs=tuple(folders.values()),
        action=fetch,
    )


def _step(
    name: str, title: str, root: Path, venv: Path, source: Ros, files: Sequence[Path]
) -> Step:
    constraints = constraints_for(root, source)
    options = [word for file in files for word in ("-r", file)] + ["-c", constraints]
    return Step(
        name=name,
        inputs=(*files, *sorted((root / "requirements").glob("constraints*.txt"))),
        words=(platform.python_version(), str(source)),
        outputs=(),
        action=lambda log: console.run(
            title, [*_pip(venv), *options], log, source.environment(venv)
        ),
    )


def constraints_for(root: Path, source: Ros) -> Path:
    """The tested versions beside this ROS."""
    kind = "sourced" if source.sourced else "wheels"
    return root / "requirements" / f"constraints-ros-{kind}.txt"


def _pip(venv: Path) -> list[str | Path]:
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    return [venv / "bin" / "python", "-m", "pip", "install", *quiet, "--prefer-binary"]


def _pin(root: Path, source: Ros, name: str) -> str:
    for file in (constraints_for(root, source), root / "requirements" / "constraints.txt"):
        for line in file.read_text().splitlines():
            if line.startswith(f"{name}=="):
                return line.strip()
    raise console.SetupError(f"{constraints_for(root, source)} does not pin {name}")


def _cpu_build() -> list[str]:
    """Options that prefer torch's build without CUDA where there is no NVIDIA GPU to use it."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or Path("/dev/nvidia0").exists():
        return []
    try:
        urllib.request.urlopen(f"{CPU_TORCH}/torch/", timeout=5).close()
    except OSError:
        return []  # the index at hand has to do
    return ["--extra-index-url", CPU_TORCH]
