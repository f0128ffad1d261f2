"""The contract of every batch container: all array fields have the same length."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np

Batch = TypeVar("Batch", bound="EqualLength")


class EqualLength:
    """Mixin for frozen dataclasses whose numpy fields all run over the same N items.

    Fields that are not arrays (a model name, an optional field left ``None``) belong to the whole
    batch. Indexing with a mask, a slice or an index array selects rows of every array at once.
    """

    def __post_init__(self) -> None:
        lengths = {name: len(value) for name, value in self._arrays().items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{type(self).__name__}: fields differ in length: {lengths}")

    def _arrays(self) -> dict[str, np.ndarray]:
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: v for name, v in values.items() if isinstance(v, np.ndarray)}

    def __len__(self) -> int:
        return len(next(iter(self._arrays().values())))

    def __getitem__(self: Batch, rows) -> Batch:
        if isinstance(rows, (int, np.integer)):
            rows = [rows]
        return dataclasses.replace(self, **{k: v[rows] for k, v in self._arrays().items()})

    def replace(self: Batch, **fields) -> Batch:
        """The same batch with some fields exchanged (lengths are checked again)."""
        return dataclasses.replace(self, **fields)


def concatenate(batches: list[Batch]) -> Batch:
    """Join batches of one type in order; fields that are not arrays come from the first.

    An optional array that is ``None`` in any of the batches is ``None`` in the result.
    """
    first = batches[0]
    joined = {}
    for f in dataclasses.fields(first):
        values = [getattr(b, f.name) for b in batches]
        if all(isinstance(v, np.ndarray) for v in values):
            joined[f.name] = np.concatenate(values)
        elif any(isinstance(v, np.ndarray) for v in values):
            joined[f.name] = None
    return dataclasses.replace(first, **joined)
