"""The front end as worker processes use it: functions that can be sent to them."""

from __future__ import annotations

from functools import cache


def look(image, boxes):
    """What the front end finds in boxes [N, 4] of an image [H, W, 3] uint8 BGR, all evidence."""
    return _finder().keypoints_in(image, boxes)


def look_once(image, boxes):
    """The same without second looks: several times as quick, and a little less is found."""
    return _finder().keypoints_in(image, boxes, thorough=False)


@cache
def _finder():
    """What a process loads once."""
    from hmr_ros.frontend.finder import PeopleFinder
    from hmr_ros.parameters import validated
    from hmr_ros.people import EVIDENCE

    return PeopleFinder(validated({"threads": 1}), EVIDENCE)
