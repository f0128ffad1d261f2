"""Which split a recording of a folder belongs to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from hmr_ros.data.clips import SPLITS, MotionError

RULES_FILE = "splits.json"
# Shares of the subjects where no rule is given.
_SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def split_of(name: str, folder: Path, rules: Mapping[str, str] | None = None) -> str:
    """The split of clip ``name`` (its path in ``folder``, with slashes, without suffix).

    rules: patterns as of ``fnmatch`` ("CMU/*": "train", "*": "test") to ``SPLITS``; the first that
    matches counts. None: those of the folder's ``splits.json``, else by ``subject``, so that no
    person is in two splits. MotionError for a clip that no pattern matches, or an unknown split.
    """
    rules = _rules_of(folder) if rules is None else rules
    if rules is None:
        return hashed_split(subject(name))
    for pattern, split in rules.items():
        if fnmatchcase(name, pattern):
            if split not in SPLITS:
                raise MotionError(
                    f"motion folder {folder}: the rule for {pattern!r} names the split {split!r}, "
                    f"expected one of {', '.join(SPLITS)}"
                )
            return split
    raise MotionError(
        f"motion folder {folder}: no split rule matches clip {name!r}; add one for '*'"
    )


def subject(name: str) -> str:
    """Who moves: the clip's folder (AMASS: data set and subject), else its name up to the first
    underscore (CMU: ``02_01`` is of subject 02)."""
    folder, _, last = name.rpartition("/")
    return folder or re.split(r"[_-]", last)[0]


def hashed_split(subject: str) -> str:
    """A split by the SHA-256 of a subject's name: the same on every machine, whatever else is in
    the folder."""
    at = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big") / 2**64
    for split, share in _SHARES.items():
        at -= share
        if at < 0:
            return split
    return "test"


def _rules_of(folder: Path) -> Mapping[str, str] | None:
    path = folder / RULES_FILE
    if not path.is_file():
        return None
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MotionError(f"{path} is not JSON: {error}") from error
    if not isinstance(rules, dict) or not all(isinstance(v, str) for v in rules.values()):
        raise MotionError(f'{path}: expected an object of patterns and splits, {{"*": "train"}}')
    return rules
