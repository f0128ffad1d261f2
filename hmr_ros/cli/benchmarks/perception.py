"""The stages from image to bodies, each by itself, and the whole of it for one person."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from hmr_ros.cli.timing import compare, row, timed

SUMMARY = "front end, estimators, refinement and tracking, stage by stage, beside MediaPipe"
WIDTH, HEIGHT = 640, 480
PERSON = (130.0, 0.0, 380.0, 479.0)  # box of her in ``picture``
# Stages that are compared in one run, and with what; people in a batch, with as many single ones.
VERSUS = {
    "landmarks": "landmarks with mask",
    "landmarks with mask": "landmarks with mask",
    "landmarks, two threads": "landmarks",
    "HOG sweep": "HOG sweep, OpenCV",
    "HOG sweep, OpenCV": "HOG sweep, OpenCV",
    "detector and landmarks": "MediaPipe pose",
    "MediaPipe pose": "MediaPipe pose",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``hmr bench perception``."""
    parser.add_argument("--people", type=int, default=8, help="in a batch, beside single ones")
    parser.add_argument("--rounds", type=int, default=30, help="calls of each")
    parser.add_argument("--threads", type=int, default=2, help="as the parameter of that name")


def measure(args: argparse.Namespace) -> list[dict]:
    """A row a stage. Landmarks, detector and HOG run on one thread unless the row says otherwise,
    MediaPipe on those that it takes by itself, all else on ``--threads``. The search for others
    that a pipeline begins runs beside its own estimate, as in the node, and has ended before the
    next row is timed; ``processor_ms`` of a pipeline's row holds a part of it."""
    with ExitStack() as opened:
        times = timed(front_end() | peer(opened), args.rounds)
    calls, settle = after(args.people, args.threads)
    times |= timed(calls, args.rounds, settle)
    batch, single = f", {args.people} people", ", 1 person"
    rows = {
        name: row(f"perception, {name}", of_one, args.people if name.endswith(batch) else 1)
        for name, of_one in times.items()
    }
    if "MediaPipe pose" in rows:
        rows["MediaPipe pose"]["processor_ms"] = None  # of another process
    for name, found in rows.items():
        versus = name.replace(batch, single) if name.endswith(batch) else VERSUS.get(name)
        if versus in rows:
            compare(found, rows[versus])
    return list(rows.values())


def picture() -> np.ndarray:
    """The photograph of a woman that scikit-image carries, in a grey image [480, 640, 3]."""
    import cv2
    from skimage.data import astronaut

    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    image[:, 80:560] = cv2.resize(astronaut()[..., ::-1], (480, 480), interpolation=cv2.INTER_AREA)
    return image


def front_end() -> dict[str, Callable]:
    """Detectors and the landmark network, each on one thread, the latter on two as well."""
    import cv2

    from hmr_ros.frontend.hog import BORDER, STRIDE, WINDOW, HogDetector, scales, shares
    from hmr_ros.frontend.landmarks import LandmarkNetwork
    from hmr_ros.frontend.pose_detection import PoseDetector
    from hmr_ros.frontend.proposals import HOG_LARGEST, HOG_SMALLEST, HOG_STEP
    from hmr_ros.people import EVIDENCE

    image = picture()
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    region = np.array([[320.0, 240.0, 400.0, 0.0]], np.float32)
    plain, seeing, wide = LandmarkNetwork(1), LandmarkNetwork(1, EVIDENCE), LandmarkNetwork(2)
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
        "landmarks, two threads": lambda: wide(image, region),
        "detector": lambda: detector(image),
        "detector and landmarks": lambda: (detector(image), plain(image, region)),
        "HOG sweep": lambda: hog(grey, bands),
        "HOG sweep, OpenCV": by_opencv,
    }


def peer(opened: ExitStack) -> dict[str, Callable]:
    """MediaPipe's own pose solution on the same picture: its detector and its landmark network of
    the same two files, in a process of its own (closed with ``opened``), to which the pixels go
    through a pipe. Nothing, and the reason is printed, where it is not installed."""
    from hmr_ros.evaluation.peers.environment import PeerError
    from hmr_ros.evaluation.peers.mediapipe import Mediapipe
    from hmr_ros.frame import Frame
    from hmr_ros.geometry.camera import guessed_camera

    try:
        mediapipe = Mediapipe()
    except PeerError as error:
        print(f"MediaPipe pose is not measured: {error}")
        return {}
    opened.callback(mediapipe.close)
    frame = Frame(picture(), guessed_camera(WIDTH, HEIGHT), 0.0)
    return {"MediaPipe pose": lambda: mediapipe.detected(frame)}


def after(people: int, threads: int) -> tuple[dict[str, Callable], Callable]:
    """Estimators, crops, the network over time, refinement, the full mesh and tracking for one and
    for ``people`` people, and the pipeline for one; and what waits for the searches that the
    pipelines leave running."""
    from hmr_ros.assets import asset
    from hmr_ros.body.skinning import vertices
    from hmr_ros.frame import Frame
    from hmr_ros.geometry.camera import guessed_camera
    from hmr_ros.parameters import validated
    from hmr_ros.person_crops import crops_of
    from hmr_ros.pipeline import Pipeline
    from hmr_ros.placement import place
    from hmr_ros.refinement import refine
    from hmr_ros.runtime.estimators import ESTIMATORS
    from hmr_ros.runtime.graph_file import read_graph
    from hmr_ros.runtime.sampling import NO_SAMPLES, Sampling
    from hmr_ros.runtime.temporal import Temporal
    from hmr_ros.tracking.tracker import Tracker

    image, camera = picture(), guessed_camera(WIDTH, HEIGHT)
    shipped = [name for name in ESTIMATORS if asset("weights", f"{name}.onnx").is_file()]
    variants = {name: {"estimator": name} for name in shipped}
    if "factorized" in shipped:
        variants["factorized, 8 samples"] = {"estimator": "factorized", "n_samples": 8}
    calls, finders = {}, []
    for name, settings in variants.items():
        pipeline = Pipeline(validated(settings | {"threads": threads}))
        pipeline.warm_up()
        finders.append(pipeline.finder)
        calls[f"pipeline with {name}"] = _frames(
            lambda stamp, run=pipeline: run(Frame(image, camera, stamp))
        )
        for count, words in ((1, "1 person"), (people, f"{people} people")):
            boxes = np.tile(np.array([PERSON], np.float32), (count, 1))
            seen = pipeline.finder.keypoints_in(image, boxes)
            calls[f"{name}, {words}"] = _call(pipeline.estimator, seen, camera, image)
            if name == "baseline":
                size = read_graph(asset("weights", "baseline.onnx")).manifest["image_size"]
                calls[f"crops, {words}"] = _call(crops_of, image, seen, camera, size)
                found = pipeline.bodies(Frame(image, camera, 0.0), seen)
                ids = np.arange(count)
                for more, how in (("", NO_SAMPLES), (" with 8 samples", Sampling(8))):
                    stage = Temporal(pipeline.body, threads=threads, sampling=how)
                    calls[f"temporal{more}, {words}"] = _frames(
                        lambda stamp, run=stage, bodies=found, ids=ids: run(
                            bodies, ids, camera, stamp
                        )
                    )
            if name != "lifter":
                continue
            made = place(pipeline.estimator(seen, camera, image), seen, camera, pipeline.body)
            calls[f"refinement, {words}"] = _call(refine, made, seen, camera, pipeline.body)
            shape = pipeline.body, made.rotations, made.betas, made.transl
            calls[f"mesh, {words}"] = _call(vertices, *shape)
            tracker, row_of_people = Tracker(pipeline.settings, pipeline.body), _apart(made, camera)
            calls[f"tracking, {words}"] = _frames(
                lambda stamp, follow=tracker, bodies=row_of_people: follow(bodies, camera, stamp)
            )
    return calls, lambda: [finder.wait() for finder in finders]


def _apart(bodies, camera):
    """The same bodies a metre from each other, so that they are told from each other."""
    aside = np.zeros((len(bodies), 3), np.float32)
    aside[:, 0] = np.arange(len(bodies)) - (len(bodies) - 1) / 2
    joints = bodies.joints + aside[:, None]
    return bodies.replace(
        transl=bodies.transl + aside,
        joints=joints,
        joints_2d=camera.project(joints).astype(np.float32),
    )


def _call(function: Callable, *inputs) -> Callable:
    return lambda: function(*inputs)


def _frames(of: Callable[[float], object]) -> Callable:
    """``of`` the next stamp of a stream at 10 Hz; everybody is known from the first on."""
    number = itertools.count()
    return lambda: of(0.1 * next(number))
