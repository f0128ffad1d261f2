"""The kinds of things in a scene, which are also the reasons why a joint is not seen."""

from __future__ import annotations

from enum import IntEnum


class Thing(IntEnum):
    """What is in front at a pixel, or between the camera and a joint.

    ``NOTHING`` is the background or, for a joint, a free sight; ``SELF`` is the person's own body
    or clothes; ``PERSON`` is a person at a pixel and another person at a joint; ``BORDER`` is for
    joints outside the image.
    """

    NOTHING = 0
    SELF = 1
    PERSON = 2
    FURNITURE = 3
    SOLID = 4
    CUTOUT = 5
    CARRIED = 6
    ROOM = 7
    BORDER = 8
