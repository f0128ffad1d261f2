"""What all tests share: a ROS of their own, and the data that does not come with the package."""

import importlib.util
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Set before anything imports rclpy, and inherited by the processes that tests start: this run
# talks to nobody outside this machine, nor to another run beside it. Fast DDS derives its ports
# from the domain; up to 101 they stay clear of Linux' ephemeral ports.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_LOCALHOST_ONLY"] = "1"  # Humble's name for it
os.environ.setdefault("ROS_LOG_DIR", tempfile.mkdtemp(prefix="hmr_ros_test_log_"))


def shared_data_folder() -> Path:
    """$HMR_SHARED_DATA, else ``shared/data`` beside the repository."""
    return Path(os.environ.get("HMR_SHARED_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of motions, photos and videos; a test that asks for it is skipped without them."""
    folder = shared_data_folder()
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; name the test data's folder with HMR_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def old_processor(tmp_path_factory) -> dict[str, str]:
    """Settings under which numpy, numba, BLAS, the C library, OpenCV and its JPEG use nothing
    that came after SSE3: other instructions, so other last bits of sines and of sums. Compiling
    for it is half the time of a test: what one compiled the next one finds."""
    import numpy

    features = numpy._core._multiarray_umath
    found = [f for f in features.__cpu_dispatch__ if features.__cpu_features__.get(f)]
    return {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("old_processor")),
        "NPY_DISABLE_CPU_FEATURES": " ".join(found),
        "OPENBLAS_CORETYPE": "Prescott",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX,-SSE4_2,-SSE4_1",
        "OPENCV_CPU_DISABLE": "AVX2,AVX,FMA3,FP16,SSE4.2,SSE4.1,SSSE3,POPCNT",
        "JSIMD_FORCENONE": "1",
    }


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> dict[str, Path]:
    """Folders of the files of tiny networks, by name: exported once for all tests, and beside
    each other, as torch's exporter keeps one core busy for half a minute and more."""
    pytest.importorskip("onnxscript", reason="torch's exporter needs it")
    from made_release import NAMES, release

    folders = {name: tmp_path_factory.mktemp(name) for name in NAMES}
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as processes:
        list(processes.map(release, folders, folders.values()))
    return folders


@pytest.fixture
def machine():
    """A stand-in of a computer with TensorRT and a GPU."""
    pytest.importorskip("onnx", reason="the stand-in of TensorRT reads graphs")
    import tensorrt_double

    with tensorrt_double.installed() as machine:
        yield machine


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked ``ros`` are skipped, with what to do, where ROS or the messages are missing."""
    if item.get_closest_marker("ros") is None:
        return
    for module in ("rclpy", "hmr_ros.msg"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} cannot be imported; run the tests with `make test`")
