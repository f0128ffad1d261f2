"""The set-up: does only what is needed, and says what is missing."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools" / "setup"))

import console  # noqa: E402
import environment  # noqa: E402
import packages  # noqa: E402
import prerequisites  # noqa: E402
import ros  # noqa: E402
import virtual_environment  # noqa: E402
from steps import Step, bring_up_to_date  # noqa: E402


def names_in(file: str) -> list[str]:
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def name_of(requirement: str) -> str:
    return re.split(r"[=<>;\s]", requirement)[0].lower()


def pinned(file: str) -> set[str]:
    found = set()
    for line in names_in(file):
        if line.startswith("-c "):
            found |= pinned(line[3:].strip())
        else:
            found.add(name_of(line))
    return found


@pytest.mark.parametrize("file", ["runtime.txt", "development.txt", "ros-wheels.txt", "cuda.txt"])
def test_every_required_package_has_a_tested_version(file):
    missing = set(map(name_of, names_in(file))) - pinned("constraints-ros-wheels.txt")
    assert missing == set()


def test_pip_installs_every_module_and_every_file_beside_them(monkeypatch):
    setuptools = pytest.importorskip("setuptools")
    described = {}
    monkeypatch.setattr(setuptools, "setup", lambda **words: described.update(words))
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"))
    files = [
        p for p in (ROOT / "hmr_ros").rglob("*") if p.is_file() and "__pycache__" not in str(p)
    ]
    modules = [p for p in files if p.suffix == ".py"]
    folders = {".".join(p.parent.relative_to(ROOT).parts) for p in modules}
    assert set(described["packages"]) == folders
    taken = {
        path
        for package, patterns in described["package_data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert [str(p) for p in files if p.suffix != ".py" and p not in taken] == []


def test_node_and_demo_need_no_torch():
    assert not {"torch", "smplx", "onnxscript"} & set(names_in("runtime.txt"))


@pytest.mark.parametrize("source", [ros.Ros(), ros.Ros("jazzy", Path("/opt/ros/jazzy/setup.sh"))])
def test_torch_and_the_model_carrier_are_pinned(source, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_cpu_build", lambda: [])
    assert packages.torch(ROOT, tmp_path, source).words[0] == "torch==2.13.0"
    assert packages.model_carrier(ROOT, tmp_path, source).words[0] == "mediapipe==0.10.21"


def test_model_carrier_is_unpacked_where_no_wheel_is_published(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(console, "run", lambda title, command, *rest: commands.append(command))
    site_packages = tmp_path / "lib" / "python3.10" / "site-packages"
    site_packages.mkdir(parents=True)
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr(packages.platform, "machine", lambda machine=machine: machine)
        packages.model_carrier(ROOT, tmp_path, ros.Ros()).action(tmp_path / "log")
    here, jetson = ([str(word) for word in command] for command in commands)
    assert "--platform" not in here
    assert jetson[jetson.index("--target") + 1] == str(site_packages)
    assert jetson[jetson.index("--platform") + 1].endswith("x86_64")


def test_tensorrt_bindings_that_cannot_be_had_do_not_stop_the_set_up(tmp_path, monkeypatch, capsys):
    def fail(*arguments):
        raise console.SetupError("no such package")

    monkeypatch.setattr(console, "run", fail)
    step = packages.tensorrt_bindings(ROOT, tmp_path)
    step.action(tmp_path / "log")
    assert len(step.outputs) == 3 and {p.name for p in step.outputs} >= {"10.3.0", "11.4.0.106"}
    assert "without tensorrt-cu12-bindings==10.3.0" in capsys.readouterr().out


class Counted:
    """A step's action that counts and may fail."""

    def __init__(self):
        self.done, self.error = 0, None

    def __call__(self, log):
        if self.error is not None:
            raise self.error
        self.done += 1


def test_step_is_done_again_only_when_inputs_or_outputs_change(tmp_path):
    source, output, action = tmp_path / "input.txt", tmp_path / "output", Counted()
    source.write_text("1")
    output.write_text("")
    asked = []

    def up_to_date(words=("3.11",)):
        step = Step("one", [source], words, [output], action)
        return bring_up_to_date(step, tmp_path / "stamps", tmp_path, lambda: asked.append(1))

    assert up_to_date() and not up_to_date()
    source.write_text("2")
    assert up_to_date() and not up_to_date()
    assert up_to_date(("3.12",)) and not up_to_date(("3.12",))
    output.unlink()
    assert up_to_date(("3.12",))
    assert action.done == len(asked) == 4


def test_failed_step_is_tried_again(tmp_path):
    action = Counted()
    step = Step("one", [], ["x"], [], action)
    action.error = console.SetupError("no network")
    with pytest.raises(console.SetupError):
        bring_up_to_date(step, tmp_path / "stamps", tmp_path, lambda: None)
    action.error = None
    assert bring_up_to_date(step, tmp_path / "stamps", tmp_path, lambda: None)


def test_failed_command_shows_the_end_of_its_output(tmp_path):
    log = tmp_path / "log"
    command = ["sh", "-c", "for i in $(seq 100); do echo line $i; done; exit 3"]
    with pytest.raises(console.SetupError) as error:
        console.run("counting", command, log)
    assert "line 100" in str(error.value) and "line 9\n" not in str(error.value)
    assert str(log) in str(error.value) and "line 9\n" in log.read_text()


def test_missing_system_packages_are_named_with_the_line_to_install_them(monkeypatch):
    monkeypatch.setattr(prerequisites.shutil, "which", lambda name: None)
    monkeypatch.setattr(prerequisites.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(prerequisites.sys, "executable", "/usr/bin/python3")
    with pytest.raises(console.SetupError) as error:
        prerequisites.check_system()
    line = str(error.value).splitlines()[-1]
    assert line.endswith("apt-get install -y " + line.split("-y ")[1])
    assert {"python3-venv", "make", "g++", "cmake"} <= set(line.split())


def test_this_machine_lacks_nothing():
    assert prerequisites.missing_packages() == []


def test_wheels_are_used_without_a_sourced_ros(tmp_path, monkeypatch):
    assert ros.detect({}, tmp_path) == ros.Ros()
    monkeypatch.setattr(ros.platform, "machine", lambda: "aarch64")
    with pytest.raises(console.SetupError, match="x86_64 Linux only"):
        ros.detect({}, tmp_path)


def test_sourced_ros_is_used_and_remembered(tmp_path, monkeypatch):
    distribution, workspace, venv = (tmp_path / n for n in ("jazzy", "workspace", "venv"))
    for prefix in (distribution, workspace):
        prefix.mkdir()
        (prefix / "setup.sh").write_text("export ROS_DISTRO=jazzy SOURCED=yes\n")
    (venv / ".setup").mkdir(parents=True)
    environ = {"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": f"{workspace}:{distribution}"}
    monkeypatch.setattr(
        ros.subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0, "", "")
    )
    found = ros.detect(environ, venv)
    assert found == ros.Ros("jazzy", distribution / "setup.sh")
    assert ros.made_for_another(found, venv)
    ros.remember(found, venv)
    assert not ros.made_for_another(found, venv)
    monkeypatch.undo()
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    assert ros.detect({}, venv) == found
    assert found.environment(venv)["SOURCED"] == "yes"


def test_ros_of_another_python_is_refused_with_a_remedy(tmp_path, monkeypatch):
    (tmp_path / "setup.sh").write_text("")
    failed = subprocess.CompletedProcess([], 1, "", "ModuleNotFoundError: _rclpy_pybind11")
    monkeypatch.setattr(ros.subprocess, "run", lambda *a, **k: failed)
    environ = {"ROS_DISTRO": "humble", "AMENT_PREFIX_PATH": str(tmp_path)}
    with pytest.raises(console.SetupError, match=r"_rclpy_pybind11(.|\n)*make PYTHON="):
        ros.detect(environ, tmp_path)


def test_copied_virtual_environment_is_noticed(tmp_path):
    venv = tmp_path / "new" / ".venv"
    assert virtual_environment.unusable(venv, ros.Ros()) == ""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "activate").write_text(f"VIRTUAL_ENV={tmp_path}/old/.venv")
    assert "Python is gone" in virtual_environment.unusable(venv, ros.Ros())
    (venv / "bin" / "python").symlink_to(sys.executable)
    assert "moved or copied" in virtual_environment.unusable(venv, ros.Ros())
    (venv / "bin" / "activate").write_text(f"VIRTUAL_ENV={venv}")
    assert virtual_environment.unusable(venv, ros.Ros()) is None
    sourced = ros.Ros("jazzy", Path("/opt/ros/jazzy/setup.sh"))
    assert "another ROS" in virtual_environment.unusable(venv, sourced)


@pytest.fixture
def launcher(tmp_path):
    """The environment of a made-up checkout, whose path has a space in it."""
    root = tmp_path / "check out"
    venv = root / ".venv"
    for package in ("hmr_ros", "tf2_msgs"):
        (root / "install" / package / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    (venv / "bin").mkdir(parents=True)
    environment.write_launchers(root, venv, ros.Ros())
    return venv / "bin" / "hmr-env"


def seen_through(launcher: Path, variable: str, **environ: str) -> str:
    done = subprocess.run(
        [launcher, "sh", "-u", "-c", f'printf %s "${variable}"'],
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_launcher_puts_this_checkout_first_and_keeps_the_rest(launcher):
    root = launcher.parents[2]
    modules = seen_through(launcher, "PYTHONPATH", PYTHONPATH="/mine").split(":")
    installed = root / "install" / "hmr_ros" / "lib" / "python3.11" / "site-packages"
    assert modules[:2] == [str(root), str(installed)] and modules[-1] == "/mine"
    assert seen_through(launcher, "PATH").split(":")[0] == str(launcher.parent)
    prefixes = seen_through(launcher, "AMENT_PREFIX_PATH").split(":")
    assert prefixes == [str(root / "install" / p) for p in ("hmr_ros", "tf2_msgs")] + [
        str(root / ".venv")
    ]


def test_launcher_sets_the_dds_profile_unless_the_user_did(launcher):
    name = "FASTRTPS_DEFAULT_PROFILES_FILE"
    own = launcher.parents[2] / "config" / "fastdds_shm.xml"
    assert seen_through(launcher, name) == str(own)
    assert seen_through(launcher, name, **{name: "/mine.xml"}) == "/mine.xml"


def made_by_set_up() -> bool:
    return (ROOT / ".venv" / ".setup" / "messages").is_file()


@pytest.mark.skipif(not made_by_set_up(), reason="this checkout was not set up by tools/setup")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_second_set_up_does_nothing_and_needs_no_network():
    alone = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a network namespace")
    python = (ROOT / ".venv" / "bin" / "python").resolve()
    command = ["make", "-C", str(ROOT), "--no-print-directory", "setup", f"PYTHON={python}"]
    plain = {k: v for k, v in os.environ.items() if k in ("HOME", "PATH", "ROS_DISTRO")}
    subprocess.run(command, env=plain, capture_output=True, check=True)
    done = subprocess.run([*alone, *command], env=plain, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
