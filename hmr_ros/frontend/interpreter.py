"""A TensorFlow Lite network with one image as input, run by ai-edge-litert."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from hmr_ros.frontend.wanted_outputs import cut


class TfliteNetwork:
    """One interpreter. Not for use by two threads at once: give each thread its own.

    outputs: the shapes of the wanted answers, in the order they are wanted; they are found by
    shape, because the files name them all alike. Nothing else is computed (see ``cut``).
    """

    def __init__(
        self,
        path: Path,
        input_shape: tuple[int, ...],
        outputs: tuple[tuple[int, ...], ...],
        threads: int = 1,
    ) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=cut(path, outputs), num_threads=threads)
        self._interpreter.allocate_tensors()
        inputs = self._interpreter.get_input_details()
        shapes = {tuple(o["shape"]): o["index"] for o in self._interpreter.get_output_details()}
        if [tuple(i["shape"]) for i in inputs] != [input_shape]:
            raise ValueError(
                f"{path}: inputs {[tuple(i['shape']) for i in inputs]} are not the expected "
                f"{input_shape}"
            )
        self._input = inputs[0]["index"]
        self._outputs = [shapes[shape] for shape in outputs]
        logging.getLogger(__name__).debug("loaded %s with %d threads", path, threads)

    def run(self, image: np.ndarray) -> None:
        """Compute all outputs for ``image`` float32 in the shape of the input."""
        self._interpreter.set_tensor(self._input, image)
        self._interpreter.invoke()

    def output(self, number: int) -> np.ndarray:
        """A copy of one output of the last ``run``."""
        return self._interpreter.get_tensor(self._outputs[number])
