"""The baseline at run time: people in a picture through the exported network to bodies.

Serves every network that takes person crops (``hmr_ros.person_crops``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hmr_ros.bodies import Bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import EVIDENCE, People
from hmr_ros.person_crops import CELLS, FEATURES, GRID, LANDMARKS, PersonCrops, crops_of
from hmr_ros.runtime.answers import (
    OUTPUTS,
    Opened,
    answered,
    bodies_of,
    check_serves,
    in_batches,
    native_body,
)
from hmr_ros.runtime.backends.backend import Backend, BackendOptions
from hmr_ros.runtime.calibration import calibration_of
from hmr_ros.runtime.graph_file import (
    MEND,
    GraphFile,
    WeightsError,
    manifest_path,
    read_graph,
)
from hmr_ros.runtime.precisions import in_precision
from hmr_ros.runtime.sampling import Sampling

NAME = "baseline"
# Inputs by the field of ``People`` that they come from.
READ_AS = dict(zip(EVIDENCE, ("heatmaps", "mask", "world", "features"), strict=True))


def inputs_of(size: int) -> dict[str, tuple]:
    """Shapes of a network's inputs by name; ``size`` is the side of the picture."""
    return {
        "image": (None, 3, size, size),
        "heatmaps": (None, LANDMARKS, CELLS, CELLS),
        "mask": (None, 1, CELLS, CELLS),
        "features": (None, *FEATURES),
        "keypoints": (None, LANDMARKS, 3),
        "world": (None, LANDMARKS, 3),
        "rays": (None, 2, GRID, GRID),
        "scale": (None,),
        "box": (None, 4),
        "view": (None, 3, 3),
    }


def graphs(path: Path, precision: str, options: BackendOptions, sampling: Sampling) -> list[Opened]:
    """See ``estimators.ESTIMATORS``."""
    return [(in_precision(read_graph(path, NAME), precision), options)]


def made(
    body_model: BodyModel,
    graphs: Sequence[Opened],
    backends: tuple[Backend, ...],
    sampling: Sampling,
) -> Baseline:
    """See ``estimators.ESTIMATORS``."""
    ((graph, options),) = graphs
    return Baseline(graph, options, backends, body_model)


class Baseline:
    """An estimator (see ``hmr_ros.runtime.estimators``) that looks at the picture.

    graph, options: of the network, the first of ``backends``. outputs: that it must have beside
    ``OUTPUTS``. target: the body model of the bodies. Raises WeightsError for a network of another
    kind or body model.
    """

    def __init__(
        self,
        graph: GraphFile,
        options: BackendOptions,
        backends: tuple[Backend, ...],
        target: BodyModel,
        outputs: tuple[str, ...] = (),
    ) -> None:
        self._size = _image_size(graph)
        check_serves(graph, inputs_of(self._size), (*OUTPUTS, *outputs))
        self.backends, self._at_once = backends, options.max_batch
        self._native, self._target = native_body(graph.path, graph.manifest, target), target
        self._calibration = calibration_of(graph.path, graph.manifest)
        without = graph.manifest.get("config", {}).get("without", ())
        self.evidence = tuple(field for field, name in READ_AS.items() if name not in without)
        self._pictured = "image" not in without
        self._dtypes = {name: tensor.dtype for name, tensor in graph.inputs.items()}
        # What a graph takes but does not read is made once.
        self._unread = {
            name: np.zeros(tensor.sized(self._at_once), tensor.dtype)
            for name, tensor in graph.inputs.items()
            if name in without
        }

    def __call__(self, people: People, camera: Camera, image: np.ndarray) -> Bodies:
        def estimate(some: People) -> Bodies:
            crops = crops_of(image, some, camera, self._size, self._pictured)
            outputs, by_samples = self._answer(crops)
            models = self._native, self._target
            return bodies_of(outputs, some, camera, *models, self._calibration, by_samples)

        return in_batches(people, self._at_once, self._target, estimate)

    def _answer(self, crops: PersonCrops) -> tuple[list[np.ndarray], np.ndarray | None]:
        """``OUTPUTS``, and [N, 24] which joints' covariances are by samples; None: none."""
        return answered(self.backends[0].run(self._inputs(crops))), None

    def _inputs(self, crops: PersonCrops) -> dict[str, np.ndarray]:
        """What the graph takes, in its types."""
        read = crops.inputs(self._dtypes.keys() - self._unread.keys())
        return {
            name: self._unread[name][: len(crops)]
            if name in self._unread
            else np.asarray(read[name], dtype)
            for name, dtype in self._dtypes.items()
        }


def _image_size(graph: GraphFile) -> int:
    """Side of the picture that the network takes."""
    size = graph.manifest.get("image_size")
    if not isinstance(size, int):
        raise WeightsError(f"{manifest_path(graph.path)} lacks image_size: {MEND}")
    return size
