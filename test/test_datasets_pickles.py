"""Pickles of strangers: plain data comes through, everything else is refused and not run."""

import datetime
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from dataset_files import write_pickle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hmr_ros.data.datasets.fields import DatasetError
from hmr_ros.data.datasets.safe_pickle import read_plain_pickle

ARRAYS = npst.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements={"allow_nan": False},
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def same(a, b) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@settings(max_examples=60, deadline=None)
@given(PLAIN, st.sampled_from([0, 1, 2, 3, 4, 5]))
def test_plain_data_comes_through_every_protocol(tmp_path_factory, content, protocol):
    path = tmp_path_factory.getbasetemp() / "plain.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    assert same(content, read_plain_pickle(path))


def test_an_old_pickle_of_python_2_is_read(tmp_path):
    scalars = {"f": np.float32(1.5), "i": np.int64(-3), "b": np.bool_(True), "bytes": b"\xe9t\xe9"}
    found = read_plain_pickle(write_pickle(tmp_path / "old.pkl", scalars))
    assert found["f"] == 1.5 and found["i"] == -3 and found["b"] and found["bytes"] == b"\xe9t\xe9"
    # A str of Python 2, which has no encoding, and Fortran order.
    (tmp_path / "str.pkl").write_bytes(b"\x80\x02U\x05na\xefve.")
    assert read_plain_pickle(tmp_path / "str.pkl") == "na\xefve"
    turned = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    path = write_pickle(tmp_path / "fortran.pkl", [turned, np.array([[1], "x"], object)])
    found = read_plain_pickle(path)
    np.testing.assert_array_equal(found[0], turned)
    assert found[1].tolist() == [[1], "x"]


class Command:
    def __init__(self, call, *arguments):
        self.call = call, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize(
    "content, named",
    [
        (lambda path: Command(os.system, f"touch {path}"), "posix.system"),
        (lambda path: {"poses": [Command(open, str(path), "w")]}, "io.open"),
        (lambda path: np.array([Command(os.mkdir, str(path))], object), "posix.mkdir"),
        (lambda path: Command(eval, f"open({str(path)!r}, 'w')"), "eval"),
        (lambda path: Command(getattr, "x", "upper"), "getattr"),
        (lambda path: Command(np.load, str(path)), "load"),
        (lambda path: OrderedDict(a=1), "OrderedDict"),
        (lambda path: datetime.date(2020, 1, 1), "date"),
        (lambda path: Exception("x"), "Exception"),
    ],
)
def test_code_is_refused_and_not_run(content, named, protocol, tmp_path):
    trace = tmp_path / "ran"
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(content(trace), protocol=protocol))
    with pytest.raises(DatasetError, match="evil.pkl.*may run code.*docs/datasets.md") as caught:
        read_plain_pickle(path)
    assert named in str(caught.value) and not trace.exists()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
NDARRAY = b"cnumpy\nndarray\n"


@pytest.mark.parametrize(
    "program",
    [
        # Reserve 8 TB through the helper of arrays.
        RECONSTRUCT + b"(" + NDARRAY + b"(L1099511627776L\ntS'f8'\ntR.",
        # Change the reader's own function: BUILD with a dictionary, and with slots.
        RECONSTRUCT + b"(dS'__call__'\nNsb.",
        RECONSTRUCT + b"(N(dS'_function'\nNstb.",
        # Another codec than latin-1, and a persistent object.
        b"c_codecs\nencode\n(VA\nVzlib\ntR.",
        b"Pname\n.",
        # Names that only look allowed.
        b"cnumpy._core.multiarray.x\n_reconstruct\n.",
        b"cnumpy.core.multiarray\nfromfile\n.",
    ],
)
def test_the_helpers_of_arrays_cannot_be_abused(program, tmp_path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(program)
    with pytest.raises(DatasetError, match="evil.pkl"):
        read_plain_pickle(path)
    # and the reader still works
    path.write_bytes(pickle.dumps(np.arange(3), protocol=2))
    assert read_plain_pickle(path).tolist() == [0, 1, 2]


def test_a_table_of_pandas_or_a_tensor_of_torch_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "validation_0.pkl"
    for name in ("pandas.core.frame\nDataFrame", "torch._utils\n_rebuild_tensor_v2"):
        path.write_bytes(b"\x80\x02c" + name.encode() + b"\n.")
        with pytest.raises(DatasetError, match="convert it where you trust it") as caught:
            read_plain_pickle(path)
        assert name.split("\n")[1] in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_a_damaged_pickle_gives_data_or_a_refusal(tmp_path_factory, place, byte, cut):
    content = {"poses": [np.arange(12.0).reshape(3, 4)], "genders": ["m"], "f": np.float32(1)}
    data = bytearray(pickle.dumps(content, protocol=2))
    place %= len(data)
    data = data[:place] if cut else data[:place] + bytes([byte]) + data[place + 1 :]
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(bytes(data))
    try:
        read_plain_pickle(path)
    except DatasetError as error:
        assert "damaged.pkl" in str(error)
