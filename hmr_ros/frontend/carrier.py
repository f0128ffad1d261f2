"""Where the BlazePose networks lie: inside the installed mediapipe wheel, which is never imported.

The wheel is only the carrier of two Apache-2.0 model files. Importing it would load its own
runtime and demand an old numpy.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

MODELS = {
    "pose_detection": "modules/pose_detection/pose_detection.tflite",
    "pose_landmark": "modules/pose_landmark/pose_landmark_full.tflite",
}
REMEDY = "install it with: pip install --no-deps mediapipe==0.10.21"


def model_path(name: str) -> Path:
    """File of the network ``name`` (a key of ``MODELS``).

    Raises FileNotFoundError that says what to install.
    """
    found = importlib.util.find_spec("mediapipe")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"the mediapipe wheel that carries {name} is missing; {REMEDY}")
    path = Path(found.submodule_search_locations[0]) / MODELS[name]
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: this mediapipe lacks {name}; {REMEDY}")
    return path
