"""Endless data made by several processes, in order and the same for any number of them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

AHEAD = 4  # results that a worker may have made before they are asked for
_LARGE = 4096  # bytes of an array that is sent as it lies in memory, not copied into a pickle first


class StreamError(RuntimeError):
    """A worker could not make an item; the text names the index and holds its traceback."""


def image_rng(seed: int, index: int) -> np.random.Generator:
    """The generator of image ``index`` of a stream: no image depends on another."""
    return np.random.default_rng([seed, index])


def rendered_stream(
    make: Callable[[int], Any], indices: Iterable[int], workers: int = 0
) -> Iterator[Any]:
    """``make(i)`` for each index, in order.

    make: a function of the index alone, picklable if there are workers (a module's function, a
    ``functools.partial`` of one, or an instance of a class with ``__call__``). Its results must be
    picklable too, and it may not write to their arrays after. workers: processes of their own; 0
    makes everything in this one, where errors are those of ``make``. Processes are started with
    ``spawn``, hold at most ``AHEAD`` results each, and end with the generator: when it is used up,
    closed, or interrupted.

    Raises StreamError for an item that a worker could not make, or if a worker dies.
    """
    if workers < 0:
        raise ValueError(f"workers is {workers}, expected 0 (this process) or more")
    if workers == 0:
        for index in indices:
            yield make(index)
        return
    with _Workers(make, workers) as crew:
        pending: deque[tuple[int, Connection]] = deque()
        for turn, index in enumerate(indices):
            # Dealt out in turns: which worker makes an item changes nothing about it.
            pending.append((index, crew.ask(turn % workers, index)))
            if len(pending) == AHEAD * workers:
                yield _answer(*pending.popleft())
        while pending:
            yield _answer(*pending.popleft())


class _Workers:
    """Processes that are asked for items over pipes."""

    def __init__(self, make: Callable[[int], Any], count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, make), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self.pipes:
            pipe.close()
        for process in self.processes:
            # A worker that waits for a question sees the pipe's end; one at work is not waited for.
            process.join(timeout=0.2)
            if process.is_alive():
                process.terminate()
                process.join()

    def ask(self, worker: int, index: int) -> Connection:
        pipe = self.pipes[worker]
        try:
            pipe.send(index)
        except (BrokenPipeError, ConnectionResetError):
            raise StreamError(f"the worker for item {index} has ended") from None
        return pipe


def _answer(index: int, pipe: Connection) -> Any:
    try:
        made, result = _received(pipe)
    except (EOFError, ConnectionResetError):
        raise StreamError(
            f"item {index}: the worker ended without an answer (killed, or out of memory)"
        ) from None
    if not made:
        raise StreamError(f"item {index} could not be made:\n{result}")
    return result


def _work(pipe: Connection, make: Callable[[int], Any]) -> None:
    # The parent decides when to stop; Ctrl-C reaches all processes of a terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A thread of its own sends, so that the next item is made while nobody takes the last.
    outbox: queue.SimpleQueue[list[bytes | memoryview]] = queue.SimpleQueue()
    threading.Thread(target=_send, args=(pipe, outbox), daemon=True).start()
    while True:
        try:
            index = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer = _packed((True, make(index)))
        except Exception:
            answer = _packed((False, traceback.format_exc()))
        outbox.put(answer)


def _packed(answer: Any) -> list[bytes | memoryview]:
    """Messages: how many bytes each large array has, the rest pickled, and the arrays."""
    large: list[memoryview] = []

    def stays(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes >= _LARGE:
            large.append(raw)
        return raw.nbytes < _LARGE

    rest = pickle.dumps(answer, protocol=5, buffer_callback=stays)
    return [pickle.dumps([raw.nbytes for raw in large]), rest, *large]


def _received(pipe: Connection) -> Any:
    """What ``_packed`` took apart."""
    sizes, rest = pickle.loads(pipe.recv_bytes()), pipe.recv_bytes()
    large = [np.empty(size, np.uint8) for size in sizes]
    for buffer in large:
        left = memoryview(buffer)
        while left:
            count = os.readv(pipe.fileno(), [left])
            if count == 0:
                raise EOFError
            left = left[count:]
    return pickle.loads(rest, buffers=large)


def _send(pipe: Connection, outbox: queue.SimpleQueue[list[bytes | memoryview]]) -> None:
    while True:
        try:
            sizes, rest, *large = outbox.get()
            pipe.send_bytes(sizes)
            pipe.send_bytes(rest)
            for left in large:
                # Past the pipe's own messages, which would be copied once more on each side.
                while left:
                    left = left[os.write(pipe.fileno(), left) :]
        except OSError:
            os._exit(0)  # nobody listens any more
