"""Drawing films and following their people with the product's own front end and estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from hmr_ros.assets import asset
from hmr_ros.bodies import Bodies
from hmr_ros.data.films import FILMS, VERSION, Film, write_film
from hmr_ros.data.ingredients import Ingredients, load_ingredients
from hmr_ros.data.motions import MotionError
from hmr_ros.data.render.render import render
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.mixes import HEAVY, REALISTIC
from hmr_ros.data.sequences.sample import sample_sequence
from hmr_ros.data.sequences.sequence import Sequence, SequenceTruth
from hmr_ros.data.stream import rendered_stream
from hmr_ros.evaluation.synocc.matching import matched
from hmr_ros.frame import Frame
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.observed_rays import box_rays, keypoint_rays
from hmr_ros.parameters import validated
from hmr_ros.pipeline import Pipeline
from hmr_ros.runtime.calibration import calibration_of
from hmr_ros.runtime.graph_file import read_graph
from hmr_ros.training.corpus_making import described

WIDTH, HEIGHT = 640, 480
MIXES = (REALISTIC, HEAVY)
FPS = (10.0, 15.0, 15.0, 30.0)
TRIES = 8
ESTIMATOR = "baseline"


@dataclass(frozen=True)
class Glimpse:
    """One frame of P people. bodies: of those who were seen, rows: whose they are. visibility:
    [P, 24], the true one."""

    bodies: Bodies
    rows: np.ndarray
    visibility: np.ndarray


# A film and its truth to one ``Glimpse`` a frame.
Watcher = Callable[[Ingredients, Sequence, SequenceTruth, np.random.Generator], list[Glimpse]]


@dataclass(frozen=True)
class FilmDrawing:
    """What films are drawn from, and ``watcher``: who looks at them.

    motions, split, photos: see ``load_ingredients``. frames: of a film. mixes: of scenes, in turns.
    """

    watcher: Watcher
    motions: Path
    split: str
    photos: Path | None = None
    seed: int = 0
    frames: int = 60
    mixes: tuple[Mix, ...] = MIXES

    def __call__(self, index: int) -> Film:
        """Film ``index``; depends on nothing else."""
        drawn = load_ingredients(self.motions, self.split, self.photos)
        for attempt in range(TRIES):
            rng = np.random.default_rng([self.seed, index, attempt])
            mix = self.mixes[index % len(self.mixes)]
            fps = FPS[index // len(self.mixes) % len(FPS)]
            try:
                film = sample_sequence(
                    rng, drawn.body, drawn.motions, mix, self.frames, fps=fps,
                    width=WIDTH, height=HEIGHT, photos=drawn.photos,
                )  # fmt: skip
            except MotionError as error:
                last = error
                continue
            truth = film.truth(drawn.body)
            return followed(film.camera, truth, self.watcher(drawn, film, truth, rng))
        raise MotionError(f"film {index} cannot be drawn: {last}")

    def manifest(self) -> dict:
        """What must agree for two films to be of one folder."""
        yardstick = read_graph(asset("weights", f"{ESTIMATOR}.onnx"))
        calibration = asdict(calibration_of(yardstick.path, yardstick.manifest))
        return {
            "version": VERSION,
            "kind": self.watcher.__name__,
            "seed": self.seed,
            "split": self.split,
            "frames": self.frames,
            "motions": self.motions.name,
            "photos": self.photos.name if self.photos else None,
            "mixes": [described(mix) for mix in self.mixes],
            "bodies": {
                "estimator": ESTIMATOR,
                "weights_sha256": yardstick.manifest["weights_sha256"],
                # Covariances are what the network over time reads, and goes on from.
                "calibration": {name: np.array(v).tolist() for name, v in calibration.items()},
                "refine_steps": validated().refine_steps,
            },
        }


def draw_films(drawing: FilmDrawing, folder: Path, count: int, workers: int = 0) -> Iterator[int]:
    """Draw films until ``folder`` holds ``count``; yields how many it holds, first what lies there.

    The folder must be new or of the same ``drawing``, else FilmError. Raises what
    ``rendered_stream`` raises.
    """
    FILMS.begin(folder, drawing.manifest())
    first = FILMS.count(folder)
    yield first
    numbers = range(first, count)
    with closing(rendered_stream(drawing, numbers, workers)) as stream:
        for number, film in zip(numbers, stream, strict=True):
            write_film(folder, number, film)
            yield number + 1


def by_the_product(
    drawn: Ingredients, film: Sequence, truth: SequenceTruth, rng: np.random.Generator
) -> list[Glimpse]:
    """Rendered frames, seen by the product as from a live camera."""
    pipeline = product()
    pipeline.reset()
    found = []
    for t in range(len(film)):
        picture = render(film.scene(t, drawn.body), drawn.body)
        frame = Frame(np.ascontiguousarray(picture.image), picture.camera, float(truth.stamps[t]))
        bodies = pipeline.bodies(frame, pipeline.people(frame))
        bodies = bodies[bodies.found]
        owner = matched(bodies.joints_2d, picture.joints_2d, picture.visibility, picture.boxes)
        rows = np.flatnonzero(owner >= 0)
        found.append(Glimpse(bodies[owner[rows]], rows, picture.visibility))
    return found


@cache
def product() -> Pipeline:
    """The pipeline with the yardstick, one a process."""
    pipeline = Pipeline(validated({"estimator": ESTIMATOR, "threads": 1}))
    pipeline.warm_up()
    return pipeline


def followed(camera: Camera, truth: SequenceTruth, glimpses: list[Glimpse]) -> Film:
    """A film's people as they are kept."""
    frames, people = truth.joints.shape[:2]

    def empty(*shape: int, dtype=np.float32) -> np.ndarray:
        return np.zeros((frames, people, *shape), dtype)

    seen = empty(dtype=bool)
    rotations, betas, pelvis = empty(24, 3, 3), empty(10), empty(3)
    joint_cov, transl_cov, visibility = empty(24, 3, 3), empty(3, 3), empty(24)
    keypoints, box = empty(33, 3), empty(4)
    true_visibility = empty(24, dtype=np.uint8)
    for t, glimpse in enumerate(glimpses):
        rows, bodies = glimpse.rows, glimpse.bodies
        seen[t, rows] = True
        rotations[t, rows], betas[t, rows] = bodies.rotations, bodies.betas
        pelvis[t, rows] = bodies.joints[:, 0]
        joint_cov[t, rows], transl_cov[t, rows] = bodies.joint_cov, bodies.transl_cov
        visibility[t, rows] = bodies.visibility
        keypoints[t, rows] = keypoint_rays(camera, bodies.keypoints_2d)
        box[t, rows] = box_rays(camera, bodies.boxes)
        true_visibility[t] = glimpse.visibility
    odometry = truth.odometry
    return Film(
        stamps=truth.stamps,
        seen=seen,
        rotations=rotations,
        betas=betas,
        pelvis=pelvis,
        joint_cov=joint_cov,
        transl_cov=transl_cov,
        visibility=visibility,
        keypoints=keypoints,
        box=box,
        true_rotations=truth.rotations,
        true_betas=truth.betas,
        true_pelvis=truth.joints[:, :, 0],
        true_visibility=true_visibility,
        camera_rotations=truth.camera_rotations,
        camera_positions=truth.camera_positions,
        odometry_rotations=odometry.rotations,
        odometry_positions=odometry.positions,
    )
