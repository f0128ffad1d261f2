"""The yardstick: backbone, condition and decoder, regressing the body directly.

What later methods add is measured against this network, which has the same parts and size. After a
first guess the landmarks are projected; where they miss the keypoints, and where the guessed joints
lie, is told to the queries, which look a second time (one step of learned fitting, as the lifter).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hmr_ros.models.backbone import BackboneConfig
from hmr_ros.models.condition import Condition
from hmr_ros.models.crop_network import CropNetwork
from hmr_ros.models.decoder import JOINTS, QUERIES, Decoder
from hmr_ros.models.heads import BodyHead, SpreadHead, body_of, resting
from hmr_ros.models.lifter import Lifted, project
from hmr_ros.models.skeleton import Skeleton


@dataclass(frozen=True)
class BaselineConfig:
    """Sizes of the network; stored with its weights. layers: of the decoder before and after the
    first guess. without: kinds of evidence the network has no part for (for ablations)."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    width: int = 256
    heads: int = 8
    layers: tuple[int, ...] = (2, 1)
    without: tuple[str, ...] = ()


class Baseline(CropNetwork):
    """See the module text. ``skeleton`` belongs to the body model whose betas are predicted."""

    name = "baseline"

    def __init__(self, skeleton: Skeleton, config: BaselineConfig = BaselineConfig()) -> None:
        super().__init__()
        self.config, self.skeleton = config, skeleton
        width = config.width
        self.condition = Condition(config.backbone, width, config.without)
        self.queries = nn.Parameter(0.02 * torch.randn(QUERIES, width))
        self.first = Decoder(width, config.heads, config.layers[0])
        self.second = Decoder(width, config.heads, config.layers[1])
        self.first_head, self.second_head = BodyHead(width), BodyHead(width)
        self.spread = SpreadHead(width)
        self.guessed_joint = nn.Linear(9, width)
        self.guessed_whole = nn.Linear(13, width)
        self.missed = nn.Linear(5, width) if "keypoints" not in config.without else None
        self.register_buffer("rest", resting(), persistent=False)

    def looks(self, inputs: dict[str, Tensor]) -> tuple[Lifted, Lifted]:
        """First guess and final body, both in the view frame; inputs by name (``INPUTS``)."""
        guess, final, _, _ = self.read(inputs)
        return guess, final

    def read(self, inputs: dict[str, Tensor]) -> tuple[Lifted, Lifted, list[Tensor], Tensor]:
        """As ``looks``, and what a later stage may go on from: the evidence as groups of tokens
        [N, T, width] and the queries [N, 26, width] of the final body."""
        groups = self.evidence(inputs)
        queries = self.first(self.queries + groups[-1], groups)
        guess = body_of(self.skeleton, self.rest + self.first_head(queries))
        scale = inputs["scale"]
        queries = queries + self._own(guess, scale)
        if self.missed is not None:
            # Keypoints are the last group but the context.
            groups[-2] = groups[-2] + self.missed(misfit(guess, inputs["keypoints"], scale))
        queries = self.second(queries, groups)
        before = torch.cat([guess.sixd, guess.betas, guess.place], 1).detach()
        final = body_of(self.skeleton, before + self.second_head(queries))
        final.log_std, final.place_log_std, final.visibility_logit = self.spread(queries)
        return guess, final, groups, queries

    def evidence(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """Groups of tokens [N, T, width], before anything is made of them; the last is the context,
        and before it are the keypoints if there are any."""
        seen, points, context = self.condition(inputs)
        return seen + [tokens for tokens in (points, context[:, None]) if tokens is not None]

    def _own(self, guess: Lifted, scale: Tensor) -> Tensor:
        """What each query should know of the guess [N, 26, width]."""
        joints = guess.joints.detach()
        sixd = guess.sixd.detach().reshape(-1, JOINTS, 6)
        seen = project(joints, guess.place.detach(), scale)
        own = self.guessed_joint(torch.cat([sixd, joints], 2)) + self.condition.code(seen)
        whole = torch.cat([guess.betas, guess.place], 1).detach()
        whole = self.guessed_whole(whole)[:, None].expand(-1, QUERIES - JOINTS, -1)
        return torch.cat([own, whole], 1)


def misfit(guess: Lifted, keypoints: Tensor, scale: Tensor) -> Tensor:
    """[N, 33, 5]: where the landmarks miss the keypoints, where they lie, and their depth."""
    seen = project(guess.landmarks, guess.place, scale).clamp(-4, 4)
    present = (keypoints[..., 2:] > 0).to(seen.dtype)
    missed = ((keypoints[..., :2] - seen) * present).clamp(-0.5, 0.5) * 4
    return torch.cat([missed, seen, guess.landmarks[..., 2:]], 2).detach()
