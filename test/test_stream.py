"""Streams of made items: order, independence from workers, errors, and ends."""

import multiprocessing
import os
import time
from functools import partial

import numpy as np
import pytest

from hmr_ros.data import stream as streams
from hmr_ros.data.stream import AHEAD, StreamError, image_rng, rendered_stream


def noisy(index: int, size: int = 1000) -> np.ndarray:
    """What a renderer does to a stream: slow at times, and a function of the index alone."""
    time.sleep(0.003 * (index % 3))
    return image_rng(7, index).random(size)


def shaped(index: int) -> dict:
    """Arrays that go beside the pickle, in it, and by half."""
    rng = image_rng(3, index)
    square = rng.random((80, 80))
    return {
        "colours": rng.integers(256, size=(50, 60, 3), dtype=np.uint8),
        "turned": square.T,
        "some": square[::3, 5:],
        "small": rng.random(3),
        "none": np.zeros((0, 4)),
        "list": [np.arange(5000) * index, "text", index],
    }


def failing(index: int) -> int:
    if index == 3:
        raise ValueError("no such scene")
    return index


def dying(index: int) -> int:
    if index == 3:
        os._exit(1)
    return index


def unpicklable(index: int):
    return lambda: index


def whose(index: int) -> int:
    return os.getpid()


def test_no_item_depends_on_workers_or_on_other_items():
    alone = [noisy(i) for i in (5, 3, 8, 0, 1, 2, 11, 4)]
    for workers in (0, 1, 3):
        made = list(rendered_stream(noisy, (5, 3, 8, 0, 1, 2, 11, 4), workers))
        assert all(np.array_equal(a, b) for a, b in zip(alone, made, strict=True)), workers


def test_arrays_of_all_kinds_arrive_as_they_were_and_can_be_written_to():
    for index, item in enumerate(rendered_stream(shaped, range(3), 1)):
        for name, array in shaped(index).items():
            if name == "list":
                np.testing.assert_array_equal(item[name][0], array[0])
                assert item[name][1:] == array[1:]
                continue
            assert item[name].dtype == array.dtype and item[name].flags.writeable
            np.testing.assert_array_equal(item[name], array)


def test_images_of_a_stream_differ_by_seed_and_index():
    draws = {image_rng(seed, i).random() for seed in range(5) for i in range(5)}
    assert len(draws) == 25


def test_more_workers_share_the_work():
    pids = list(rendered_stream(whose, range(6), 2))
    assert len(set(pids)) == 2 and os.getpid() not in pids


def test_large_items_pass_while_nobody_takes_them():
    stream = rendered_stream(partial(noisy, size=300_000), range(20), 2)
    first = next(stream)
    time.sleep(0.5)  # pipes are full by now
    rest = list(stream)
    assert len(rest) == 19
    assert np.array_equal(first, noisy(0, 300_000))
    assert np.array_equal(rest[-1], noisy(19, 300_000))


def test_an_endless_stream_asks_only_a_little_ahead():
    asked = []

    def indices():
        for i in range(10_000):
            asked.append(i)
            yield i

    stream = rendered_stream(noisy, indices(), 2)
    for _ in range(5):
        next(stream)
    assert len(asked) <= 5 + 2 * AHEAD
    stream.close()


def test_an_error_names_the_item():
    stream = rendered_stream(failing, range(8), 2)
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StreamError, match=r"item 3 (.|\n)*no such scene"):
        next(stream)


def test_a_worker_that_dies_is_noticed():
    # What it had made but not yet sent is lost with it, so an earlier item may be named.
    with pytest.raises(StreamError, match=r"item \d.*ended"):
        list(rendered_stream(dying, range(8), 2))


@pytest.mark.timeout(20)  # it would be waited for forever
def test_a_worker_that_dies_in_the_midst_of_an_array_is_noticed():
    ours, theirs = multiprocessing.Pipe()
    sizes, rest, array = streams._packed((True, np.arange(100_000)))
    theirs.send_bytes(sizes)
    theirs.send_bytes(rest)
    os.write(theirs.fileno(), array[:1000])
    theirs.close()
    with pytest.raises(StreamError, match="item 7: the worker ended without an answer"):
        streams._answer(7, ours)


def test_a_result_that_cannot_travel_is_an_error():
    with pytest.raises(StreamError, match="item 0"):
        next(rendered_stream(unpicklable, range(2), 1))


def test_errors_in_this_process_stay_what_they_are():
    with pytest.raises(ValueError, match="no such scene"):
        list(rendered_stream(failing, range(8), 0))
    with pytest.raises(ValueError, match="workers is -1"):
        next(rendered_stream(failing, range(8), -1))


def test_workers_end_with_the_stream():
    stream = rendered_stream(whose, range(100), 2)
    pids = {next(stream), next(stream)}
    stream.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
