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
        self._next = 0

    def all_of(self, image: np.ndarray) -> Proposals:
        """Every share in ``image``, now. For a stream that has not begun (``restart``): the
        detectors must be free."""
        return self._propose(image, None, self._shares)

    def places(self, image: np.ndarray) -> Proposals:
        """What ``go_on`` began with the image before; the first of a stream, which has none before
        it, is searched now, and what the detectors raise is raised. A search of the image before
        that failed has found nobody, and a warning says why: this image's people are not at fault.
        """
        if self._running is None:
            return self._propose(image, self._share(), self._shares)
        running, self._running = self._running, None
        try:
            return running.result()
        except Exception:  # whatever the user's detector raises
            logging.getLogger(__name__).warning("the search for new people failed", exc_info=True)
            return no_proposals(image, None, self._shares)

    def go_on(self, image: np.ndarray) -> None:
        """Begin the next share in ``image``, which must stay as it is until ``places``."""
        self._running = self._thread.submit(self._propose, image, self._share(), self._shares)

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
