"""The search for new people beside the rest: order, repeatability, failures."""

import threading
import time

import numpy as np
import pytest

from hmr_ros.frontend.proposals import proposals
from hmr_ros.frontend.search import Search


def told(image, share, count):
    """A proposal that says in which image and by which share it was found."""
    which = -1 if share is None else share
    return proposals([[0, 0, 1, 0]], [[image[0], which, count, 1]], [1], "told")


def image(number: int) -> np.ndarray:
    return np.array([number])


def where(found) -> tuple[float, float]:
    return tuple(found.boxes[0, :2])


def test_the_first_image_is_searched_at_once_and_then_the_one_before():
    search = Search(told, 3)
    seen = []
    for number in range(5):
        seen.append(where(search.places(image(number))))
        search.go_on(image(number))
    assert seen == [(0, 0), (0, 1), (1, 2), (2, 0), (3, 1)]


def test_a_restart_forgets_what_was_found():
    search = Search(told, 3)
    search.places(image(0))
    search.go_on(image(0))
    search.restart()
    assert where(search.places(image(7))) == (7, 0)


def test_all_of_an_image_at_once():
    assert where(Search(told, 3).all_of(image(9))) == (9, -1)


def test_the_caller_goes_on_meanwhile():
    release = threading.Event()

    def slow(picture, share, count):
        assert release.wait(20)
        return told(picture, share, count)

    search = Search(slow, 2)
    search.go_on(image(4))  # returns although the search cannot end yet
    release.set()
    assert where(search.places(image(5))) == (4, 0)


def failing_at(number: int):
    def failing(picture, share, count):
        if picture[0] == number:
            raise ValueError("no such style")
        return told(picture, share, count)

    return failing


def test_a_failure_costs_neither_the_next_image_nor_the_search_after(caplog):
    search = Search(failing_at(1), 4)
    search.go_on(image(1))
    assert len(search.places(image(2))) == 0
    assert "the search for new people failed" in caplog.text and "no such style" in caplog.text
    search.go_on(image(2))
    assert where(search.places(image(3))) == (2, 1)


def test_a_detector_that_fails_at_the_first_image_is_at_fault():
    search = Search(failing_at(1), 4)
    with pytest.raises(ValueError, match="no such style"):
        search.places(image(1))
    with pytest.raises(ValueError, match="no such style"):
        search.all_of(image(1))


def in_the_first_share(fails):
    """All work in share 0, as of a user's detector, which fails while ``fails`` holds something."""

    def propose(picture, share, count):
        if share:
            return told(picture, share, count)[:0]
        if fails:
            raise ValueError("no such layer")
        return told(picture, 0, count)

    return propose


def test_a_detector_that_always_fails_is_at_fault_in_every_image():
    search = Search(in_the_first_share([True]), 4)
    for number in range(6):
        with pytest.raises(ValueError, match="no such layer"):
            search.places(image(number))


def test_a_failure_is_told_until_the_same_share_succeeds(caplog):
    fails = []
    search = Search(in_the_first_share(fails), 3)
    problems = []
    for number in range(13):
        fails[:] = [True] * (number < 8)
        if number == 0:
            fails.clear()
        search.places(image(number))
        problems.append(search.problem)
        search.go_on(image(number))
        search.wait()
    told_in = [n for n, problem in enumerate(problems) if problem]
    assert told_in == list(range(3, 9)) and set(problems) == {"", "ValueError: no such layer"}
    assert caplog.text.count("the search for new people failed") == 1


def test_who_starts_anew_or_asks_waits_until_the_detectors_are_free():
    working = threading.Event()

    def slow(picture, share, count):
        working.set()
        time.sleep(0.1)
        working.clear()
        return told(picture, share, count)

    search = Search(slow, 2)
    for free in (search.wait, search.restart, search.close):
        search.go_on(image(4))
        assert working.wait(20)
        free()
        assert not working.is_set()
