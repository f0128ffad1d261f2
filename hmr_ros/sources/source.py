"""What every source of pictures gives: an iterator of pictures, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hmr_ros.geometry.camera import Camera


class SourceError(ValueError):
    """A source that cannot be read; the text names it, what is wrong and how to mend it."""


@dataclass(frozen=True)
class Picture:
    """One picture of a source.

    image:  [H, W, 3] uint8, BGR channel order, C-contiguous.
    stamp:  seconds; only differences mean something, except in a bag (ROS time) or a webcam.
    name:   file name of a picture in a folder; ``video.avi#12`` for number 12 of a sequence.
    camera: intrinsics if the source knows them (a bag with camera_info), else None.
    """

    image: np.ndarray
    stamp: float
    name: str
    camera: Camera | None = None


@dataclass(frozen=True)
class Source:
    """Pictures that can be iterated over, each time from the start (but for a webcam).

    where:      what the user asked for, for messages and titles.
    kind:       'image', 'folder', 'video', 'bag', 'webcam' or 'panned photo'.
    read:       gives a new iterator; raises SourceError on the first unreadable picture.
    count:      number of pictures, or None where it is not known in advance.
    rate_hz:    nominal pictures a second.
    sequence:   True if pictures follow each other in time, so that people can be tracked.
    live:       True if pictures come at their own pace and cannot be held back.
    """

    where: str
    kind: str
    read: Callable[[], Iterator[Picture]]
    count: int | None
    rate_hz: float
    sequence: bool = True
    live: bool = False

    def __iter__(self) -> Iterator[Picture]:
        return self.read()
