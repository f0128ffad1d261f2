"""What is known of a person besides the pixels, as maps and tokens: the condition of all networks.

BlazePose was learned on photographs: its heat-maps and person mask enter as a map that the backbone
joins to its own (in patches, where there is no picture and so no backbone), its inner features as
tokens of sixteen cells, its keypoints and its guess of them in space as one token a landmark. Every
place in the picture, of a cell, of
a keypoint or of a guessed joint, is written in one code of its viewing direction, so that attention
can match them. Box and scale are the context of CLIFF (Li et al. 2022).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.backbone import GRIDS, Backbone, BackboneConfig
from hmr_ros.models.merging import Normed, Patches
from hmr_ros.person_crops import FEATURES, LANDMARKS

KINDS = ("image", "heatmaps", "mask", "features", "keypoints", "world", "rays")
CHANNELS, CELLS, _ = FEATURES
PATCH = 4  # cells a side of a patch of the maps
WAVES = 6
CONTEXT = 4 + 1 + 9


def checked_without(without: tuple[str, ...]) -> set[str]:
    """The kinds of evidence that are left. Raises ValueError if nothing to see is left."""
    unknown = set(without) - set(KINDS)
    if unknown:
        raise ValueError(
            f"without: {', '.join(sorted(unknown))} unknown; known: {', '.join(KINDS)}"
        )
    left = set(KINDS) - set(without)
    if not left - {"rays"}:
        raise ValueError("without: no evidence is left")
    return left


class PlaceCode(nn.Module):
    """Places [..., 2] in view coordinates (the crop is about -1..1) to [..., width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        waves = 0.5 * math.pi * 2.0 ** torch.arange(WAVES)
        self.register_buffer("waves", waves, persistent=False)
        self.out = nn.Linear(2 + 4 * WAVES, width)

    def forward(self, places: Tensor) -> Tensor:
        places = places.clamp(-4, 4)
        angles = (places[..., None] * self.waves).flatten(-2)
        return self.out(torch.cat([places, angles.sin(), angles.cos()], -1))


def in_cells(maps: Tensor) -> Tensor:
    """Maps [N, C, h, w] as one row a place: [N, h x w, C]."""
    return maps.flatten(2).transpose(1, 2)


def map_channels(kinds: set[str]) -> dict[str, int]:
    """Channels of the maps among ``kinds``, by name."""
    return {k: c for k, c in (("heatmaps", LANDMARKS), ("mask", 1)) if k in kinds}


class SeenMap(nn.Module):
    """Heat-maps [N, 33, 32, 32] and mask [N, 1, 32, 32] as a map of ``width`` channels."""

    def __init__(self, width: int, kinds: set[str]) -> None:
        super().__init__()
        channels = map_channels(kinds)
        self.kinds = list(channels)
        self.layers = nn.Sequential(
            Normed(sum(channels.values()), width),
            nn.GELU(),
            Normed(width, width, 3, groups=width),
            nn.GELU(),
            Normed(width, width),
        )

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.layers(torch.cat([inputs[kind] for kind in self.kinds], 1))


class ImageTokens(nn.Module):
    """Image, heat-maps and mask through the backbone: 256 + 64 tokens [N, 320, width]."""

    def __init__(self, config: BackboneConfig, width: int, kinds: set[str]) -> None:
        super().__init__()
        with_map = bool(map_channels(kinds))
        self.backbone = Backbone(config, with_map)
        self.map = SeenMap(self.backbone.joined, kinds) if with_map else None
        self.inward = nn.ModuleList(nn.Linear(w, width) for w in self.backbone.widths)
        # Where rays are unknown a cell still knows its place in the crop.
        self.cells = nn.ParameterList(nn.Parameter(0.02 * torch.randn(g * g, width)) for g in GRIDS)
        self.with_rays = "rays" in kinds

    def places(self, inputs: dict[str, Tensor]) -> Tensor | None:
        """See ``Condition.codes``."""
        if not self.with_rays:
            return None
        rays = inputs["rays"]
        return torch.cat([in_cells(rays), in_cells(F.avg_pool2d(rays, 2))], 1)

    def forward(self, inputs: dict[str, Tensor], code: Tensor | None) -> Tensor:
        extra = self.map(inputs) if self.map is not None else None
        maps = self.backbone(inputs["image"], extra)
        tokens = [
            inward(in_cells(seen)) + cells
            for inward, seen, cells in zip(self.inward, maps, self.cells, strict=True)
        ]
        tokens = torch.cat(tokens, 1)
        return tokens if code is None else tokens + code


class MapTokens(nn.Module):
    """Heat-maps and mask in patches of 4 x 4: 64 tokens [N, 64, width] (as ViT cuts pictures)."""

    def __init__(self, width: int, kinds: set[str]) -> None:
        super().__init__()
        channels = map_channels(kinds)
        self.kinds = list(channels)
        self.inward = Patches(sum(channels.values()), width, PATCH)
        self.cells = nn.Parameter(0.02 * torch.randn(64, width))
        self.with_rays = "rays" in kinds

    def places(self, inputs: dict[str, Tensor]) -> Tensor | None:
        """See ``Condition.codes``."""
        return in_cells(F.avg_pool2d(inputs["rays"], 2)) if self.with_rays else None

    def forward(self, inputs: dict[str, Tensor], code: Tensor | None) -> Tensor:
        maps = torch.cat([inputs[kind] for kind in self.kinds], 1)
        value = self.inward(maps) + self.cells
        return value if code is None else value + code


class FeatureTokens(nn.Module):
    """BlazePose's features [N, 288, 4, 4] as tokens [N, 16, width]; all zeros are missing ones."""

    def __init__(self, width: int, kinds: set[str]) -> None:
        super().__init__()
        self.inward = nn.Linear(CHANNELS, width)
        self.cells = nn.Parameter(0.02 * torch.randn(CELLS * CELLS, width))
        self.missing = nn.Parameter(0.02 * torch.randn(width))
        self.with_rays = "rays" in kinds

    def places(self, inputs: dict[str, Tensor]) -> Tensor | None:
        """See ``Condition.codes``."""
        rays = inputs["rays"]
        cell = rays.shape[-1] // CELLS
        return in_cells(F.avg_pool2d(rays, cell)) if self.with_rays else None

    def forward(self, inputs: dict[str, Tensor], code: Tensor | None) -> Tensor:
        features = inputs["features"]
        present = (features.amax((1, 2, 3)) > 0).to(features.dtype)[:, None, None]
        value = self.inward(in_cells(features))
        value = present * value + (1 - present) * self.missing + self.cells
        return value if code is None else value + code


class LandmarkTokens(nn.Module):
    """Keypoints [N, 33, 3] as tokens [N, 33, width], with what the image shows where each is and
    where the landmark network places it in space (all zeros are missing)."""

    def __init__(self, width: int, kinds: set[str]) -> None:
        super().__init__()
        self.names = nn.Parameter(0.02 * torch.randn(LANDMARKS, width))
        if "keypoints" in kinds:
            self.missing = nn.Parameter(0.02 * torch.randn(LANDMARKS, width))
            self.confidence = nn.Linear(1, width)
        self.in_image = "keypoints" in kinds
        self.in_space = nn.Linear(3, width) if "world" in kinds else None
        self.pooled = nn.Linear(width, width) if "heatmaps" in kinds else None
        self.cell = 2 if "image" in kinds else PATCH  # of the heat-maps in one of the image tokens

    def places(self, inputs: dict[str, Tensor]) -> Tensor | None:
        """See ``Condition.codes``."""
        return inputs["keypoints"][..., :2] if self.in_image else None

    def forward(
        self, inputs: dict[str, Tensor], image: Tensor | None, code: Tensor | None
    ) -> Tensor:
        value = self.names
        if self.in_image:
            confidence = inputs["keypoints"][..., 2:]
            present = (confidence > 0).to(confidence.dtype)
            seen = code + self.confidence(confidence)
            value = value + present * seen + (1 - present) * self.missing
        if self.in_space is not None:
            world = inputs["world"]
            present = (world.abs().amax((1, 2)) > 0).to(world.dtype)[:, None, None]
            value = value + present * self.in_space(world)
        if self.pooled is not None:
            heat = F.avg_pool2d(inputs["heatmaps"], self.cell).flatten(2)
            heat = heat / (heat.sum(2, keepdim=True) + 0.1)
            value = value + self.pooled(heat @ image[:, : heat.shape[2]])
        return value


class Context(nn.Module):
    """Box, scale and direction of view as one vector [N, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(CONTEXT, width), nn.Linear(width, width)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        box = inputs["box"].clamp(-4, 4)
        values = [box, inputs["scale"].log()[:, None], inputs["view"].flatten(1)]
        return self.outer(F.gelu(self.inner(torch.cat(values, 1))))


class Condition(nn.Module):
    """All evidence of a person as tokens of one width.

    without: kinds of evidence (``KINDS``) that this network has no part for.
    """

    def __init__(self, config: BackboneConfig, width: int, without: tuple[str, ...] = ()) -> None:
        super().__init__()
        kinds = checked_without(without)
        self.code = PlaceCode(width)
        self.context = Context(width)
        self.image = None
        if "image" in kinds:
            self.image = ImageTokens(config, width, kinds)
        elif map_channels(kinds):
            self.image = MapTokens(width, kinds)
        self.features = FeatureTokens(width, kinds) if "features" in kinds else None
        with_points = bool(kinds & {"keypoints", "world"})
        self.keypoints = LandmarkTokens(width, kinds) if with_points else None

    def forward(self, inputs: dict[str, Tensor]) -> tuple[list[Tensor], Tensor | None, Tensor]:
        """Groups of tokens [N, T, width] of what is seen (320 of the image or 64 of its maps, 16
        of features; those the network has parts for), landmark tokens [N, 33, width] or None, and
        context [N, width]."""
        of_image, of_features, of_points = self.codes(inputs)
        image = self.image(inputs, of_image) if self.image is not None else None
        features = self.features(inputs, of_features) if self.features is not None else None
        points = None
        if self.keypoints is not None:
            points = self.keypoints(inputs, image, of_points)
        seen = [tokens for tokens in (image, features) if tokens is not None]
        return seen, points, self.context(inputs)

    def codes(self, inputs: dict[str, Tensor]) -> list[Tensor | None]:
        """Codes [N, T, width] of the places of image tokens, features and keypoints, all made at
        once; None of a part that is not there or has none."""
        parts = (self.image, self.features, self.keypoints)
        places = [part.places(inputs) if part is not None else None for part in parts]
        there = [p for p in places if p is not None]
        if not there:
            return [None] * len(parts)
        codes = iter(self.code(torch.cat(there, 1)).split([p.shape[1] for p in there], 1))
        return [next(codes) if p is not None else None for p in places]
