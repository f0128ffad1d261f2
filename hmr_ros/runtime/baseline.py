"""The baseline at run time: people in a picture through the exported network to bodies.

Serves every network that takes person crops (``hmr_ros.person_crops``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.batch import concatenate
from hmr_ros.bodies import Bodies, no_bodies
from hmr_ros.body.model import BodyModel
from hmr_ros.geometry.camera import Camera
from hmr_ros.people import EVIDENCE, People
from hmr_ros.person_crops import CELLS, FEATURES, GRID, LANDMARKS, PersonCrops, crops_of
from hmr_ros.runtime.answers import OUTPUTS, bodies_of, native_body
from hmr_ros.runtime.onnx_session import MEND, WeightsError, open_session, read_manifest

NAME = "baseline"
# People in one run of the network: more at once need more memory and are no faster.
AT_ONCE = 8
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


def load(body_model: BodyModel, weights_path: str = "", threads: int = 2) -> Baseline:
    """Raises ``onnx_session.WeightsError`` for weights that are missing, damaged or foreign."""
    return load_named(NAME, body_model, weights_path, threads)


def load_named(name: str, body_model: BodyModel, weights_path: str, threads: int) -> Baseline:
    """Any network on person crops by the ``estimator`` in its manifest; errors as ``load``."""
    path = Path(weights_path) if weights_path else asset("weights", f"{name}.onnx")
    if not path.is_file():
        raise WeightsError(f"weight file {path} does not exist: {MEND}")
    manifest = read_manifest(path, name)
    size = manifest.get("image_size")
    if not isinstance(size, int):
        raise WeightsError(f"{path.with_suffix('.json')} lacks image_size: {MEND}")
    session = open_session(path, inputs_of(size), OUTPUTS, threads)
    without = manifest.get("config", {}).get("without", ())
    native = native_body(path, manifest, body_model)
    return Baseline(session, size, native, body_model, tuple(without))


class Baseline:
    """An estimator (see ``hmr_ros.runtime.estimators``) that looks at the picture.

    size: side of the picture that the network takes. native, target: see ``bodies_of``. without:
    inputs that it does not read.
    """

    def __init__(
        self,
        session,
        size: int,
        native: BodyModel,
        target: BodyModel,
        without: tuple[str, ...] = (),
    ) -> None:
        self._session, self._size = session, size
        self._native, self._target = native, target
        self._pictured = "image" not in without
        self.evidence = tuple(field for field, name in READ_AS.items() if name not in without)

    def __call__(self, people: People, camera: Camera, image: np.ndarray) -> Bodies:
        if len(people) == 0:
            return no_bodies(self._target.name, people.keypoint_set)
        parts = []
        for start in range(0, len(people), AT_ONCE):
            some = people[start : start + AT_ONCE]
            crops = crops_of(image, some, camera, self._size, self._pictured)
            parts.append(bodies_of(self._answer(crops), some, camera, self._native, self._target))
        return concatenate(parts)

    def _answer(self, crops: PersonCrops) -> list[np.ndarray]:
        """``OUTPUTS`` of the network."""
        return self._session.run(OUTPUTS, crops.inputs())
