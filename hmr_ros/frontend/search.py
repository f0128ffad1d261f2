"""The search for new people, beside everything else that is done with an image.

A share of it runs on each image once the known people have been described, while their bodies are
estimated and published; what it finds is looked at in the next image. Nobody waits for it unless
images come faster than it runs, and the same images always give the same places.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from hmr_ros.frontend.proposals import Proposals, Proposer, no_proposals


class Search:
    """shares: images over which a whole search is spread."""

    def __init__(self, propose: Proposer, shares: int) -> None:
        self._propose, self._shares = propose, shares
        self._thread = ThreadPoolExecutor(1, "search")
        self._running: Future[Proposals] | None = None
        self._next = self._begun = 0
        self._failures: dict[int, str] = {}

    @property
    def problem(self) -> str:
        """Why a share of the search failed when it last ran, or ''. Kept until that share succeeds:
        a detector that always fails may have nothing to do in the others."""
        return next(iter(self._failures.values()), "")

    def all_of(self, image: np.ndarray) -> Proposals:
        """Every share in ``image``, now. For a stream that has not begun (``restart``): the
        detectors must be free."""
        found = self._propose(image, None, self._shares)
        self._failures.clear()
        return found

    def places(self, image: np.ndarray) -> Proposals:
        """What ``go_on`` began with the image before; the first of a stream, which has none before
        it, is searched now, and what the detectors raise is raised; the next image then tries the
        same share. A search of the image before that failed has found nobody, and ``problem`` says
        why, as does a warning: this image's people are not at fault.
        """
        if self._running is None:
            found = self._propose(image, self._next, self._shares)
            self._failures.pop(self._share(), None)
            return found
        running, self._running = self._running, None
        try:
            found = running.result()
        except Exception as error:  # whatever the user's detector raises
            text = f"{type(error).__name__}: {error}"
            if self._failures.get(self._begun) != text:  # said once, not at every image
                logging.getLogger(__name__).warning(
                    "the search for new people failed", exc_info=True
                )
            self._failures[self._begun] = text
            return no_proposals(image, None, self._shares)
        self._failures.pop(self._begun, None)
        return found

    def go_on(self, image: np.ndarray) -> None:
        """Begin the next share in ``image``, which must stay as it is until ``places``."""
        self._begun = self._share()
        self._running = self._thread.submit(self._propose, image, self._begun, self._shares)

    def _share(self) -> int:
        share, self._next = self._next, (self._next + 1) % self._shares
        return share

    def wait(self) -> None:
        """Until the detectors are free for other use."""
        if self._running is not None:
            self._running.exception()

    def restart(self) -> None:
        """Begin anew: what was found is forgotten."""
        self.wait()
        self._running, self._next = None, 0

    def close(self) -> None:
        """End the thread once its share is done. Twice does nothing."""
        self._thread.shutdown()
