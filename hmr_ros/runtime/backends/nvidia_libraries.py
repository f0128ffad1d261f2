"""TensorRT and pycuda as modules, loaded when they are asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from hmr_ros.runtime.backends.backend import BackendError

OLDEST = (10, 3)  # JetPack 6.1
REMEDIES = {
    "tensorrt": "on a Jetson sudo apt-get install python3-libnvinfer (it is part of JetPack), "
    "elsewhere pip install tensorrt",
    "pycuda.driver": "pip install pycuda, with CUDA's nvcc on the path",
}
ELSEWHERE = "or set the backend to onnxruntime; `hmr doctor` tells what is here, docs/jetson.md how"


@dataclass(frozen=True)
class Libraries:
    """trt: the module ``tensorrt``. cuda: the module ``pycuda.driver``, not initialised."""

    trt: ModuleType
    cuda: ModuleType


def libraries() -> Libraries:
    """Both libraries. Raises BackendError if one is missing, broken or too old."""
    trt = _module("tensorrt")
    found = tuple(map(int, re.findall(r"\d+", trt.__version__)[:2]))
    if found < OLDEST:
        raise BackendError(
            f"TensorRT {trt.__version__} is too old, {OLDEST[0]}.{OLDEST[1]} is the first that "
            "serves (JetPack 6.1): upgrade it, " + ELSEWHERE
        )
    return Libraries(trt, _module("pycuda.driver"))


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:  # a library that is not built for this machine raises all sorts
        reason = str(error) or type(error).__name__
        raise BackendError(
            f"the backend tensorrt needs {name}, which cannot be imported here ({reason}): "
            f"{REMEDIES[name]}, {ELSEWHERE}"
        ) from error
