"""SynOcc video: 60 clips of moving people before a moving camera, drawn on demand.

As SynOcc still: poses of the ``test`` clips, unseen photographs, and every clip depends on its
number alone. Levels and kinds of camera motion come in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.data.motions import MotionError, Motions
from hmr_ros.data.photo_split import photos_of
from hmr_ros.data.render.render import render
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.sequences.camera_path import KINDS
from hmr_ros.data.sequences.sample import sample_sequence
from hmr_ros.data.sequences.sequence import Sequence
from hmr_ros.data.stream import rendered_stream
from hmr_ros.evaluation.synocc.still import (
    HEIGHT,
    LEVELS,
    MIXES,
    SEED,
    WIDTH,
    backgrounds_in_words,
    without_maps,
)

VERSION = 2
CLIPS = 60
FRAMES = 90
FPS = 15.0
_TRIES = 8  # draws of a clip in which nobody can be filmed


@dataclass(frozen=True, eq=False)
class Video:
    """Where the clips are drawn from: motions of the split ``test`` and unseen photographs."""

    body: BodyModel
    motions: Motions
    photos: tuple[Path, ...] = ()
    frames: int = FRAMES

    @property
    def backgrounds(self) -> str:
        """As SynOcc still's."""
        return backgrounds_in_words(self.photos)

    def clip(self, number: int) -> Sequence:
        """Clip ``number``."""
        mix = MIXES[level_of(number)]
        for attempt in range(_TRIES):
            rng = np.random.default_rng([SEED, 1, number, attempt])
            try:
                return sample_sequence(
                    rng, self.body, self.motions, mix, self.frames, kind_of(number), FPS,
                    WIDTH, HEIGHT, self.photos,
                )  # fmt: skip
            except MotionError as error:
                last = error
        raise MotionError(f"clip {number} of the benchmark cannot be drawn: {last}")

    def pictures(self, clip: Sequence) -> Iterator[RenderedImage]:
        """The pictures of a clip in order, with their truth; people are its actors in order."""
        for frame in range(len(clip)):
            yield self.picture(clip, frame)

    def picture(self, clip: Sequence, frame: int) -> RenderedImage:
        """One of ``pictures``."""
        return render(clip.scene(frame, self.body), self.body)


class _FrameOfAll:
    """Frame i of all clips in a row, for a worker: the clip at hand is not sampled again."""

    def __init__(self, video: Video) -> None:
        self._video, self._number, self._clip = video, -1, None

    def __call__(self, index: int) -> RenderedImage:
        number, frame = divmod(index, self._video.frames)
        if number != self._number:
            self._number, self._clip = number, self._video.clip(number)
        return without_maps(self._video.picture(self._clip, frame))


def clips(
    video: Video, chosen: Iterable[int], workers: int = 0
) -> Iterator[tuple[int, Sequence, Iterator[RenderedImage]]]:
    """(number, clip, its pictures) in order; the pictures of one are to be used up before the
    next is asked for. ``workers`` processes draw beside this one; without the maps (depth, thing,
    person_id, part_id are empty)."""
    chosen = list(chosen)
    every = (n * video.frames + frame for n in chosen for frame in range(video.frames))
    drawn = rendered_stream(_FrameOfAll(video), every, workers)
    with closing(drawn):
        for number in chosen:
            yield number, video.clip(number), islice(drawn, video.frames)


def video_source(
    body: BodyModel, motions: Motions, photos: Iterable[Path] = (), frames: int = FRAMES
) -> Video:
    """The benchmark from all motions and all photographs: takes the unseen ones of both."""
    return Video(body, motions.split("test"), photos_of(photos, "test"), frames)


def level_of(number: int) -> str:
    return LEVELS[number % len(LEVELS)]


def kind_of(number: int) -> str:
    """How the camera of a clip moves."""
    return KINDS[number // len(LEVELS) % len(KINDS)]
