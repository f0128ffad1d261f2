"""One seed from several numbers, so that what a step draws depends on them alone."""

from __future__ import annotations

import numpy as np


def hash_of(*numbers: int) -> int:
    """A seed for ``torch.Generator``."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
