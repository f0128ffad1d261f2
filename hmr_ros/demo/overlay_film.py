"""Meshes drawn over the pictures after the run, so that drawing takes no time from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import cv2

from hmr_ros.body.model import BodyModel
from hmr_ros.demo.figures import people_tracked
from hmr_ros.demo.observation import BodiesSeen
from hmr_ros.drawing.film import film
from hmr_ros.drawing.overlay import draw_tracks
from hmr_ros.geometry.camera import Camera
from hmr_ros.node.tracks_message import tracks_from_message
from hmr_ros.sources.source import Picture, Source

LONGEST_S = 60.0


def draw_film(
    path: Path,
    source: Source,
    sent: Sequence[tuple[int, int]],
    seen: Sequence[BodiesSeen],
    body: BodyModel,
    camera_for: Callable[[Picture], Camera],
    progress: Callable[[Iterable, int], Iterable] = lambda pictures, count: pictures,
) -> list[Path]:
    """Write ``path`` (.mp4) and its fullest picture beside it (.png); returns what was written.

    sent: (number within the source, stamp in ns) of every image the camera published; what is
        later than 60 s is left out.
    body: the model that the bodies were made with.
    camera_for: intrinsics that the node had, or assumed, for a picture.
    progress: wraps the loop over so many pictures to show how far it is.
    """
    sent = [(n, stamp) for n, stamp in sent if stamp - sent[0][1] <= LONGEST_S * 1e9]
    by_stamp = {s.stamp_ns: s for s in seen if s.stamp_ns <= sent[-1][1]}
    fullest = fullest_image(list(by_stamp.values()))
    pictures = zip(_numbered(source, [n for n, _ in sent]), sent, strict=False)
    first = next(pictures)
    size = first[0].image.shape[1::-1]
    written = [path]
    with film(path, size, source.rate_hz) as append:
        for picture, (_, stamp) in progress(chain([first], pictures), len(sent)):
            image = picture.image
            if stamp in by_stamp:
                tracks = tracks_from_message(by_stamp[stamp].message)
                image = draw_tracks(image, tracks, body, camera_for(picture))
            if stamp == fullest:
                written.append(path.with_suffix(".png"))
                cv2.imwrite(str(written[-1]), image)
            # A folder may hold pictures of several sizes.
            append(image if image.shape[1::-1] == size else cv2.resize(image, size))
    return written


def fullest_image(seen: Sequence[BodiesSeen]) -> int | None:
    """Stamp of the image with most people in it; of several, the one where they are largest."""
    if not seen:
        return None

    def fullness(s: BodiesSeen) -> tuple[int, float]:
        return people_tracked(s.message), sum(b.box[2] * b.box[3] for b in s.message.bodies)

    return max(seen, key=fullness).stamp_ns


def _numbered(source: Source, numbers: Sequence[int]) -> Iterator[Picture]:
    """The pictures with these numbers; a number that is not larger starts the source again.

    Ends early if the source does, as a recording that was cut off may.
    """
    reader, at = enumerate(source), -1
    for number in numbers:
        if number <= at:
            reader = enumerate(source)
        at, picture = next((p for p in reader if p[0] == number), (at, None))
        if picture is None:
            return
        yield picture
