"""Opening a data set under one of its published protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from hmr_ros.data.datasets import agora, emdb, h36m, keypoint_json, rich, threedoh, threedpw
from hmr_ros.data.datasets.annotated import Annotated
from hmr_ros.data.datasets.fields import existing, refusal
from hmr_ros.data.datasets.protocols import PROTOCOLS, Protocol

READERS: dict[str, Callable[..., list[partial]]] = {
    "3dpw": threedpw.parts,
    "3doh": threedoh.parts,
    "emdb": emdb.parts,
    "agora": agora.parts,
    "h36m": h36m.parts,
    "rich": rich.parts,
    "coco": keypoint_json.parts,
    "ochuman": keypoint_json.parts,
    "crowdpose": keypoint_json.parts,
}


@dataclass(frozen=True)
class Dataset:
    """The images of a protocol, read while one iterates: one annotation file in memory at a time.

    Iterating raises DatasetError at the first thing that is wrong with the folder. ``len`` reads
    every annotation file once.
    """

    protocol: Protocol
    folder: Path
    split: str
    parts: tuple[partial, ...]

    def __iter__(self) -> Iterator[Annotated]:
        empty = True
        for part in self.parts:
            for annotated in part():
                empty = False
                yield annotated
        if empty:
            raise refusal(
                self.folder,
                "",
                f"holds no image that counts under {self.protocol.name} ({self.protocol.counts})",
                "is it whole, and the right split?",
            )

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _length(self) -> int:
        return sum(1 for _ in self)


def open_dataset(
    name: str, folder: str | Path, split: str | None = None, every_frame: bool = False
) -> Dataset:
    """The data set in ``folder`` under protocol ``name`` (a key of ``PROTOCOLS``).

    split: another split than the protocol's, for training. every_frame: also images in which nobody
    counts, and no thinning; a sequence then has all its frames in order.
    Raises ValueError for an unknown name or split, and DatasetError for a folder that lacks files.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"{name!r} is not one of {', '.join(PROTOCOLS)}")
    protocol = PROTOCOLS[name]
    folder = existing(Path(folder).expanduser(), "the folder of the data set", "give its path")
    split = split or protocol.split
    parts = READERS[protocol.dataset](folder, protocol, split, every_frame)
    return Dataset(protocol, folder, split, tuple(parts))
