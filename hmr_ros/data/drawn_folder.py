"""Folders that are drawn piece by piece, and say in ``manifest.json`` what from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hmr_ros.whole_file import whole_file

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Pieces:
    """What folders of one kind hold. name: of the file of piece {n}. what: in words. drawn_by: the
    command that draws a {folder}. says: what the manifest tells beside the version of the files.
    error: raised for a folder that cannot be used; the text says why and what to do."""

    name: str
    what: str
    drawn_by: str
    says: tuple[str, ...]
    version: int
    error: type[ValueError]

    def path(self, folder: Path, number: int) -> Path:
        return folder / self.name.format(n=number)

    def count(self, folder: Path) -> int:
        """Length of the unbroken row of pieces from the first."""
        count = 0
        while self.path(folder, count).is_file():
            count += 1
        return count

    def manifest(self, folder: Path) -> dict:
        """What the folder was drawn from. Raises ``error``, for another version too."""
        path = folder / MANIFEST
        if not path.is_file():
            what = "is empty" if folder.is_dir() else "does not exist"
            raise self.error(
                f"{folder} {what} or holds no {MANIFEST}: name a folder that "
                f"`{self.drawn_by.format(folder=folder)}` made"
            )
        try:
            manifest = json.loads(path.read_text())
            version, *_ = (manifest[key] for key in ("version", *self.says))
        except (ValueError, KeyError, TypeError) as error:
            raise self.error(f"{path} is no manifest of {self.what}: {error!r}") from error
        if version != self.version:
            raise self.error(
                f"{path} is of version {version}, expected {self.version}: draw it anew"
            )
        return manifest

    def begin(self, folder: Path, manifest: dict) -> None:
        """Make the folder, or go on with one that has the same manifest.

        Raises ``error`` for a folder that was drawn from anything else; it stays as it is.
        """
        if (folder / MANIFEST).exists():
            found = self.manifest(folder)
            wrong = [
                f"{k}: {found.get(k)!r} there, {manifest.get(k)!r} here"
                for k in sorted({*found, *manifest})
                if found.get(k) != manifest.get(k)
            ]
            if wrong:
                raise self.error(
                    f"{folder} holds other {self.what} ({'; '.join(wrong)}): choose another --out"
                )
            return
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / MANIFEST) as partial:
            partial.write_text(json.dumps(manifest, indent=2) + "\n")
