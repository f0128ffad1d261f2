"""What all networks on person crops have in common: how they are asked, and how they answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hmr_ros.models.lifter import Lifted, in_camera
from hmr_ros.person_crops import INPUTS


class CropNetwork(nn.Module):
    """A network has a ``name``, a ``config``, a ``skeleton`` and ``looks(inputs)``: from inputs by
    name to a first guess and the final body (``Lifted``), both in the view frame.

    generative: whether it can be sampled, by a velocity ``field``.
    """

    generative = False

    def __init__(self) -> None:
        super().__init__()
        # Standard deviations are multiplied by these: for a joint that is seen, and a hidden one.
        self.register_buffer("temperature", torch.ones(2))
        # The same for the place, by its distance.
        self.register_buffer("place_temperature", torch.ones(()))

    def predict(self, inputs: dict[str, Tensor]) -> Lifted:
        """The body in the view frame; inputs by name."""
        return self.looks(inputs)[1]

    def forward(
        self,
        image: Tensor,
        heatmaps: Tensor,
        mask: Tensor,
        features: Tensor,
        keypoints: Tensor,
        world: Tensor,
        rays: Tensor,
        scale: Tensor,
        box: Tensor,
        view: Tensor,
    ) -> tuple[Tensor, ...]:
        """A person crop to a body in the camera's optical frame (x right, y down, z forward).

        Arguments are the fields of ``hmr_ros.person_crops.PersonCrops``.

        Returns rotations [N, 24, 3, 3], betas [N, 10], pelvis [N, 3] in metres,
        joint_cov [N, 24, 3, 3] of the joints about the pelvis and pelvis_cov [N, 3, 3], both m^2,
        visibility [N, 24].
        """
        values = (image, heatmaps, mask, features, keypoints, world, rays, scale, box, view)
        return self.answer(dict(zip(INPUTS, values, strict=True)))

    def answer(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """What ``forward`` returns, from inputs by name."""
        return self.placed(self.predict(inputs), inputs)

    def placed(self, body: Lifted, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """A body of the view frame as ``forward`` returns it."""
        factors = self.temperature, self.place_temperature
        return in_camera(body, inputs["view"], inputs["scale"], *factors)
