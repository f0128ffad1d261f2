"""Photographs for backgrounds, cut-outs and pictures on walls: those of a folder."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png")


def background_photos(folder: str | Path | None) -> tuple[Path, ...]:
    """The pictures of a folder in order of name; none for None.

    Raises FileNotFoundError if the folder has no picture.
    """
    if folder is None:
        return ()
    folder = Path(folder)
    photos = tuple(sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES))
    if not photos:
        raise FileNotFoundError(
            f"{folder}: no background photograph ({', '.join(SUFFIXES)}) in it; name another "
            "folder or leave it out"
        )
    return photos
