"""Checked fields of annotation files: refusals name the file, the field, the reason and a cure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np


class DatasetError(ValueError):
    """A data-set folder that cannot be used; the text says where, why and what to do."""


def refusal(path: Path, field: str, reason: str, cure: str) -> DatasetError:
    """The one form of every complaint of this package."""
    where = f"{path}: {field}" if field else f"{path}"
    return DatasetError(f"{where}: {reason}; {cure}")


def existing(path: Path, what: str, cure: str = "download it again, or mend the folder") -> Path:
    """``path`` if it is there. Raises DatasetError otherwise."""
    if not path.exists():
        raise refusal(path, "", f"{what} is missing", cure)
    return path


class Fields:
    """The mapping that a file holds; every access names the file and the field if it fails.

    ``place`` is said before the field, for a mapping deep inside a file.
    """

    def __init__(self, path: Path, content: object, place: str = "") -> None:
        self.path, self.place = Path(path), place
        if not isinstance(content, dict):
            raise refusal(
                self.path,
                place,
                f"holds {_kind(content)}, not a dictionary",
                "is it this data set?",
            )
        self.content = content

    def error(self, field: str, reason: str, cure: str) -> DatasetError:
        return refusal(self.path, f"field {self._name(field)}", reason, cure)

    def __contains__(self, field: str) -> bool:
        return field in self.content

    def get(self, field: str) -> object:
        if field not in self.content:
            there = ", ".join(sorted(map(str, self.content))[:12]) or "nothing"
            raise self.error(
                field, f"is missing (there is {there})", "another release? see docs/datasets.md"
            )
        return self.content[field]

    def fields(self, field: str) -> Fields:
        return Fields(self.path, self.get(field), self._name(field))

    def array(self, field: str, shape: Sequence[int], finite: bool = True) -> np.ndarray:
        """Float64 array of ``shape``; -1 stands for any length, also for none of a size."""
        value = self.get(field)
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            raise self.error(
                field, f"is {_kind(value)}, not numbers of equal rows", f"expected {list(shape)}"
            ) from None
        if array.ndim != len(shape) or any(
            want not in (-1, have) for want, have in zip(shape, array.shape, strict=True)
        ):
            wanted = ", ".join("any" if n < 0 else str(n) for n in shape)
            raise self.error(
                field,
                f"has the shape {list(array.shape)}, expected [{wanted}]",
                "another release or a damaged file: download it again",
            )
        if finite and not np.isfinite(array).all():
            first = [int(i) for i in np.argwhere(~np.isfinite(array))[0]]
            raise self.error(
                field,
                f"holds a value that is not finite at {first}",
                "download it again, or leave this sequence out",
            )
        return array

    def mask(self, field: str, shape: Sequence[int]) -> np.ndarray:
        """Boolean array; raises for anything but zeros and ones."""
        array = self.array(field, shape)
        if not np.isin(array, (0, 1)).all():
            raise self.error(field, "is no mask of zeros and ones", "download it again")
        return array.astype(bool)

    def text(self, field: str) -> str:
        value = self.get(field)
        if isinstance(value, bytes):
            value = value.decode("latin1")
        if not isinstance(value, str):
            raise self.error(field, f"is {_kind(value)}, not a text", "download it again")
        return value

    def items(self, field: str) -> list:
        value = self.get(field)
        if not isinstance(value, (list, tuple, np.ndarray)):
            raise self.error(field, f"is {_kind(value)}, not a list", "download it again")
        return list(value)

    def number(self, field: str) -> float:
        value = self.array(field, ())
        return float(value)

    def gender(self, field: str) -> str:
        return self.known_gender(field, self.text(field))

    def known_gender(self, field: str, value: object) -> str:
        """``male``, ``female`` or ``neutral`` from a data set's word for it."""
        if isinstance(value, bytes):
            value = value.decode("latin1")
        words = {"m": "male", "f": "female", "n": "neutral"}
        word = words.get(str(value), str(value))
        if word not in words.values():
            raise self.error(field, f"holds {value!r}", "expected male, female or neutral")
        return word

    def _name(self, field: str) -> str:
        return f"{self.place}.{field}" if self.place else str(field)


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
