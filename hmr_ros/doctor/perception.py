"""The models, the backends, and the whole pipeline on one photograph."""

from __future__ import annotations

import time
from contextlib import closing

from hmr_ros.doctor.finding import Finding, fail, ok, warn
from hmr_ros.doctor.modules import needed

SETUP = "make setup, or pip install -r requirements/runtime.txt"


def perception_findings(quick: bool) -> list[Finding]:
    """quick: leave out the run on a photograph, which compiles for a minute the first time."""
    found = [
        needed("OpenCV", "cv2", "opencv-python-headless", SETUP),
        needed("numba", "numba", "numba", SETUP),
        needed("backend: onnxruntime", "onnxruntime", "onnxruntime", SETUP),
        needed("backend: litert", "ai_edge_litert.interpreter", "ai-edge-litert", SETUP),
        opencv_version(),
        blazepose(),
        body_model(),
        estimators(),
    ]
    found = [finding for finding in found if finding is not None]
    if not quick and all(finding.state != "fail" for finding in found):
        found.append(photograph())
    return found


def opencv_version() -> Finding | None:
    try:
        import cv2
    except ImportError:
        return None  # said already
    major = cv2.__version__.partition(".")[0]
    if major != "4":
        return warn("OpenCV 4", f"this is OpenCV {cv2.__version__}; tested is 4", SETUP)
    return None


def blazepose() -> Finding:
    from hmr_ros.frontend.carrier import MODELS, model_path

    name = "models: BlazePose"
    try:
        sizes = [model_path(model).stat().st_size for model in MODELS]
    except OSError as error:
        return fail(name, str(error), "make setup, or pip install --no-deps mediapipe==0.10.21")
    return ok(name, f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")


def body_model() -> Finding:
    try:
        from hmr_ros.body.model import load_body_model

        body = load_body_model()
    except (OSError, ValueError, ImportError) as error:
        return fail("models: body", str(error), "git checkout weights/open_body.npz")
    vertices, joints = len(body.v_template), len(body.parents)
    return ok("models: body", f"{body.name}, {vertices} vertices, {joints} joints")


def estimators() -> Finding:
    name = "models: estimators"
    try:
        from hmr_ros.assets import asset
        from hmr_ros.body.model import load_body_model
        from hmr_ros.parameters import validated
        from hmr_ros.runtime.estimators import ESTIMATORS, load_estimator
        from hmr_ros.runtime.serving import served_by

        body, default = load_body_model(), validated().estimator
        shipped = [e for e in ESTIMATORS if e == default or asset("weights", f"{e}.onnx").is_file()]
        served = {e: served_by(load_estimator(e, body).backends) for e in shipped}
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        return fail(name, str(error), "git checkout weights, and make setup")
    return ok(name, f"{', '.join(shipped)}; {default} on {served[default]}")


def photograph() -> Finding:
    """A real person in a real picture must be found and placed in front of the camera."""
    name = "pipeline"
    try:
        from skimage.data import astronaut
    except ImportError:
        return warn(name, "not tried: scikit-image, which has the picture, is missing", SETUP)
    from hmr_ros.frame import Frame
    from hmr_ros.geometry.camera import guessed_camera
    from hmr_ros.parameters import validated
    from hmr_ros.pipeline import Pipeline

    image = astronaut()[..., ::-1].copy()
    height, width = image.shape[:2]
    frame = Frame(image, guessed_camera(width, height), 0.0)
    with closing(Pipeline(validated({"min_hits": 1}))) as pipeline:
        pipeline(frame)  # compiles, allocates
        started = time.perf_counter()
        tracks = pipeline(frame)
        took = 1e3 * (time.perf_counter() - started)
    if len(tracks) != 1:
        return fail(
            name,
            f"{len(tracks)} people found in a photograph of one",
            "models or libraries are not the tested ones: make setup",
        )
    distance = float(tracks.bodies.transl[0, 2])
    return ok(name, f"the person of the test picture, {distance:.1f} m away, in {took:.0f} ms")
