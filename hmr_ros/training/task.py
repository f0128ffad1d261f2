"""What the training loop asks of the thing that is trained.

A task module is ``hmr_ros/training/<name>_task.py`` with
``load(settings: dict, seed: int, rank: int, world: int) -> Task``; ``settings`` is the ``task:``
section of the recipe. It may also have ``release(network, task, out_folder, origin)``, which writes
the weights and their card.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn


class Task(Protocol):
    """One network's data and losses; the loop has the optimizer, the average and the files.

    name: 'tokenizer', 'baseline', ...
    """

    name: str

    def network(self) -> nn.Module:
        """A new network with random weights; the loop seeds torch before."""
        ...

    def batch(self, step: int) -> dict[str, Tensor]:
        """CPU tensors: a function of (seed, rank, step) alone, so that resuming needs no state.

        Called from several threads at once, so torch's own generator must not be used.
        """
        ...

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        """Weighted scalar terms, the same names at every step; their sum is minimised.

        network: as ``network()`` made it. Called under bfloat16 autocast if the recipe says so:
        matrix products that need all digits (of rotations, say) switch it off around themselves.
        """
        ...

    def after_step(self, network: nn.Module, step: int) -> None:
        """Upkeep after the optimizer's step (a codebook's, say); may do nothing."""
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Figures of the averaged network on the split ``val``."""
        ...

    def identity(self) -> dict:
        """Plain values that must agree for a resume to make sense."""
        ...
