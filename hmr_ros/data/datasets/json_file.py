"""JSON files of annotations."""

from __future__ import annotations

import json
from pathlib import Path

from hmr_ros.data.datasets.fields import Fields, existing, refusal


def read_json(path: Path) -> Fields:
    """The object in a JSON file. Raises DatasetError if it is missing, empty, cut off or a list."""
    data = existing(Path(path), "the annotation file").read_bytes()
    if not data:
        raise refusal(path, "", "is empty", "download it again")
    try:
        content = json.loads(data.decode("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(
            path, "", f"is no whole JSON ({error})", "it was cut off or damaged: download it again"
        ) from None
    return Fields(path, content)
