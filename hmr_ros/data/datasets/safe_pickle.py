"""Pickles that hold plain data only.

A pickle is a program: reading one with ``pickle.load`` runs what its author wrote into it. Most of
the published annotations are pickles all the same. This reader resolves nothing but what numpy
needs to rebuild its arrays and scalars, so that a file can make dictionaries, lists, numbers, texts
and arrays, and nothing else.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hmr_ros.data.datasets.fields import existing, refusal

CONVERT = (
    "convert it where you trust it, in an environment of its own, to a pickle of plain "
    "dictionaries, lists and numpy arrays (docs/datasets.md, Pickles)"
)


def read_plain_pickle(path: Path) -> object:
    """What a pickle of plain data holds; byte strings of Python 2 become latin-1 texts.

    Raises DatasetError if the file is missing, empty or cut off, or if it asks for anything but
    numpy arrays, dictionaries, lists, texts and numbers: nothing of it is run then.
    """
    data = existing(Path(path), "the annotation file").read_bytes()
    if not data:
        raise refusal(path, "", "is empty", "download it again")
    try:
        return _PlainUnpickler(io.BytesIO(data), encoding="latin1").load()
    except _Forbidden as error:
        raise refusal(
            path, "", f"asks for {error}, which may run code and is refused", CONVERT
        ) from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise refusal(
            path,
            "",
            f"is no whole pickle ({type(error).__name__}: {error})",
            "it was cut off or damaged: download it again",
        ) from None


class _Forbidden(Exception):
    pass


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable:
        # numpy 2 moved numpy.core to numpy._core; files name either.
        place = module.replace("numpy._core", "numpy.core")
        if (place, name) not in _ALLOWED:
            raise _Forbidden(f"{module}.{name}")
        return _ALLOWED[place, name]

    def persistent_load(self, pid: object) -> object:
        raise _Forbidden("a persistent object")


def _reconstruct(kind: type, shape: tuple, code: object) -> np.ndarray:
    # Pickled arrays start empty; their state follows. Another shape would reserve memory unasked.
    if kind is not np.ndarray or shape != (0,):
        raise _Forbidden(f"an array of {kind} and {shape}")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _frombuffer(buffer: object, dtype: np.dtype, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


def _scalar(dtype: np.dtype, data: object = None) -> np.generic:
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise _Forbidden(f"a scalar of {dtype}")
    if isinstance(data, str):
        data = data.encode("latin1")
    return np.frombuffer(data, dtype, 1)[0]


def _encode(text: str, encoding: str) -> bytes:
    if encoding.replace("-", "").lower() not in ("latin1", "iso88591"):
        raise _Forbidden(f"the encoding {encoding}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""  # how protocols 0 to 2 write empty bytes


class _Call:
    """A function that a pickle may call but, unlike a bare function, not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise _Forbidden("a change of the reader")


_ALLOWED: dict[tuple[str, str], Callable] = {
    ("numpy.core.multiarray", "_reconstruct"): _Call(_reconstruct),
    ("numpy.core.multiarray", "scalar"): _Call(_scalar),
    ("numpy.core.numeric", "_frombuffer"): _Call(_frombuffer),
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _Call(_encode),
    ("__builtin__", "bytes"): _Call(_no_bytes),
}
