"""People without a picture: poses of motion clips seen through simulated keypoints."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor

from hmr_ros.body.model import BodyModel
from hmr_ros.data import lifting
from hmr_ros.data.lifting import Blazepose, PoseSource
from hmr_ros.data.measured_errors import load_measured
from hmr_ros.models.lifter_weights import skeleton_of
from hmr_ros.person_crops import CELLS, FEATURES, GRID, LANDMARKS
from hmr_ros.training.keypoint_people import keypoint_people

PLAIN = 0.2  # share of people with plain keypoints in crop cameras


class SimulatedPeople:
    """Draws people with the poses of one split of the clips in ``motions``.

    plain: share of them with plain keypoints in crop cameras; the rest are seen by robots' cameras
    with a detector's errors. ``poses``: the source of theirs. Raises ``MotionError`` for motions
    that cannot be used.
    """

    def __init__(
        self, body: BodyModel, motions: Path, split: str = "train", plain: float = PLAIN
    ) -> None:
        errors = load_measured()
        self._plain, self.poses = plain, PoseSource(motions, split)
        self._skeleton = skeleton_of(body)
        self._blazepose = Blazepose(skeleton_of(body, errors.offsets), errors)

    @torch.no_grad()
    def draw(self, count: int, rng: Generator) -> dict[str, Tensor]:
        """See ``keypoint_people``."""
        plain = round(count * self._plain)
        kinds = []
        if plain:
            poses = lifting.varied_mirrored(self.poses, plain, rng)
            kinds.append(lifting.crop_samples(poses, self._skeleton, rng))
        if plain < count:
            poses = lifting.varied_more(self.poses, count - plain, rng)
            kinds.append(lifting.robot_samples(poses, self._skeleton, self._blazepose, rng))
        return keypoint_people(lifting.join(*kinds), rng)


def beside(rendered: dict[str, Tensor], people: dict[str, Tensor]) -> dict[str, Tensor]:
    """One batch of rendered people and of simulated ones, who lack all that needs a picture.

    Fields that only one of the two has and no network takes are left out.
    """
    more = without_picture(people, rendered["image"].shape[-1])
    return {
        name: torch.cat([value, more[name].to(value.dtype)])
        for name, value in rendered.items()
        if name in more
    }


def without_picture(people: dict[str, Tensor], side: int = 1) -> dict[str, Tensor]:
    """``people`` with all that needs a picture, of ``side`` pixels, as it is where nothing was
    seen: so that every network of the family can be asked."""
    n = len(people["scale"])
    at = (torch.arange(GRID) + 0.5) * (2 / GRID) - 1
    return people | {
        "image": torch.zeros(n, 3, side, side),
        "heatmaps": torch.zeros(n, LANDMARKS, CELLS, CELLS),
        "mask": torch.zeros(n, 1, CELLS, CELLS),
        "features": torch.zeros(n, *FEATURES),
        "world": torch.zeros(n, LANDMARKS, 3),
        "rays": torch.stack(torch.meshgrid(at, at, indexing="xy")).expand(n, -1, -1, -1),
    }
