"""What every picture is made from, read once a process: body, motions and photographs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.data.backgrounds import background_photos
from hmr_ros.data.motions import Motions, load_motions
from hmr_ros.data.photo_split import photos_of


@dataclass(frozen=True, eq=False)
class Ingredients:
    """motions: clips of one split. photos: those that training may show for the split ``train``,
    else those that it may not."""

    body: BodyModel
    motions: Motions
    photos: tuple[Path, ...]


@cache
def load_ingredients(motions: Path, split: str, photos: Path | None = None) -> Ingredients:
    """The shipped body, the clips of ``split`` in the file ``motions``, and a folder's photographs.

    Worker processes call it with what they were sent, so that nothing large travels. Raises what
    ``load_motions`` and ``background_photos`` raise.
    """
    part = "train" if split == "train" else "test"
    return Ingredients(
        body=load_body_model(),
        motions=load_motions(motions).split(split),
        photos=photos_of(background_photos(photos), part),
    )
