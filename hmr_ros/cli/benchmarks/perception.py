"""The stages from image to bodies, each by itself, and the whole of it for one person."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from hmr_ros.cli.timing import row, timed_twice

SUMMARY = "front end, estimators and refinement, stage by stage"
WIDTH, HEIGHT = 640, 480
# Stages that are compared in one run, and with what; people in a batch, with as many single ones.
VERSUS = {
    "landmarks": "landmarks with mask",
    "landmarks with mask": "landmarks with mask",
    "HOG sweep": "HOG sweep, OpenCV",
    "HOG sweep, OpenCV": "HOG sweep, OpenCV",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr bench perception``."""
    parser.add_argument("--people", type=int, default=8, help="in a batch, beside single ones")
    parser.add_argument("--rounds", type=int, default=30, help="calls of each")
    parser.add_argument("--threads", type=int, default=2, help="as the parameter of that name")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row a stage. Landmarks, detector and HOG run on one thread, the others on ``--threads``;
    ``processor_ms`` is of all threads; a pipeline's holds a part of the search for others."""
    batch, single = f", {args.people} people", ", 1 person"
    times, worked = timed_twice(front_end(), args.rounds)
    for found, more in zip(
        (times, worked), timed_twice(after(args.people, args.threads), args.rounds), strict=True
    ):
        found.update(more)
    rows = []
    for name, seconds in times.items():
        units = args.people if name.endswith(batch) else 1
        versus = name.replace(batch, single) if units > 1 else VERSUS.get(name, "")
        ratio = units * np.median(times[versus]) / np.median(seconds) if versus else None
        rows.append(
            row(f"perception, {name}", seconds, units, versus and f"perception, {versus}", ratio)
            | {"processor_ms": 1e3 * np.median(worked[name])}
        )
    return rows


def picture() -> np.ndarray:
    """The photograph of a woman that scikit-image carries, in a grey image [480, 640, 3]."""
    import cv2
    from skimage.data import astronaut

    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    image[:, 80:560] = cv2.resize(astronaut()[..., ::-1], (480, 480), interpolation=cv2.INTER_AREA)
    return image


def front_end() -> dict[str, Callable]:
    """Detectors and the landmark network, each on one thread."""
    import cv2

    from hmr_ros.frontend.hog import BORDER, STRIDE, WINDOW, HogDetector, scales, shares
    from hmr_ros.frontend.landmarks import LandmarkNetwork
    from hmr_ros.frontend.pose_detection import PoseDetector
    from hmr_ros.frontend.proposals import HOG_LARGEST, HOG_SMALLEST, HOG_STEP
    from hmr_ros.people import EVIDENCE

    image = picture()
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    region = np.array([[320.0, 240.0, 400.0, 0.0]], np.float32)
    plain, seeing = LandmarkNetwork(1), LandmarkNetwork(1, EVIDENCE)
    detector, hog = PoseDetector(1), HogDetector()
    opencv = cv2.HOGDescriptor()
    opencv.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    bands = shares(WIDTH, HEIGHT, scales(HEIGHT, HOG_SMALLEST, HOG_LARGEST, HOG_STEP), 1)[0]

    def by_opencv() -> None:
        for band in bands:
            size = (round(WIDTH * band.scale), round(HEIGHT * band.scale))
            how = cv2.INTER_AREA if band.scale < 1 else cv2.INTER_LINEAR
            scaled = cv2.resize(grey, size, interpolation=how)
            strip = cv2.copyMakeBorder(scaled, *[BORDER] * 4, cv2.BORDER_REPLICATE)
            strip = strip[band.first * STRIDE : (band.last - 1) * STRIDE + WINDOW[1]]
            opencv.detect(strip, 0.0, (STRIDE, STRIDE))

    return {
        "landmarks": lambda: plain(image, region),
        "landmarks with mask": lambda: seeing(image, region),
        "detector": lambda: detector(image),
        "HOG sweep": lambda: hog(grey, bands),
        "HOG sweep, OpenCV": by_opencv,
    }


def after(people: int, threads: int) -> dict[str, Callable]:
    """Estimators, refinement and the full mesh for one and for ``people`` people, and the pipeline
    for one."""
    from hmr_ros.assets import asset
    from hmr_ros.body.skinning import vertices
    from hmr_ros.frame import Frame
    from hmr_ros.geometry.camera import guessed_camera
    from hmr_ros.parameters import validated
    from hmr_ros.pipeline import Pipeline
    from hmr_ros.placement import place
    from hmr_ros.refinement import refine
    from hmr_ros.runtime.estimators import ESTIMATORS

    image, camera = picture(), guessed_camera(WIDTH, HEIGHT)
    shipped = [name for name in ESTIMATORS if asset("weights", f"{name}.onnx").is_file()]
    variants = {name: {"estimator": name} for name in shipped}
    if "factorized" in shipped:
        variants["factorized, 8 samples"] = {"estimator": "factorized", "n_samples": 8}
    calls = {}
    for name, settings in variants.items():
        pipeline = Pipeline(validated(settings | {"threads": threads}))
        pipeline.warm_up()
        calls[f"pipeline with {name}"] = _frames(pipeline, image, camera, Frame)
        for count, words in ((1, "1 person"), (people, f"{people} people")):
            boxes = np.tile(np.array([[130.0, 0.0, 380.0, 479.0]], np.float32), (count, 1))
            seen = pipeline.finder.keypoints_in(image, boxes)
            calls[f"{name}, {words}"] = _call(pipeline.estimator, seen, camera, image)
            if name != "lifter":
                continue
            made = place(pipeline.estimator(seen, camera, image), seen, camera, pipeline.body)
            calls[f"refinement, {words}"] = _call(refine, made, seen, camera, pipeline.body)
            shape = pipeline.body, made.rotations, made.betas, made.transl
            calls[f"mesh, {words}"] = _call(vertices, *shape)
    return calls


def _call(function: Callable, *inputs) -> Callable:
    return lambda: function(*inputs)


def _frames(pipeline, image: np.ndarray, camera, frame: Callable) -> Callable:
    """The next image of a stream at 10 Hz; everybody is known from the first on."""
    stamps = iter(np.arange(0, 1e6, 0.1))
    return lambda: pipeline(frame(image, camera, float(next(stamps))))
