"""Image backbone: convolutions that merge for use, with attention in the last stage.

After RepViT (Wang et al. 2024) and FastViT (Vasu et al. 2023): a block mixes places by a depthwise
convolution and channels by two pointwise ones (``hmr_ros.models.merging``).

A map may be joined in at 32 x 32 places: what the 2D front end saw (``hmr_ros.models.condition``).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.merging import Depthwise, Normed

JOINED = 32  # places along a side of the map that is joined in
GRIDS = (16, 8)  # places along a side of the two maps that come out
SMALL = 0.1  # gain of a residual branch before anything is learned


@dataclass(frozen=True)
class BackboneConfig:
    """image: side of the input in pixels. stem: stride of the first layers. widths, depths,
    strides: channels, blocks and stride of the four stages; the third ends at 16 x 16 places and
    the fourth at 8 x 8. expand: widening inside a block. heads: of the attention in stage four.
    """

    image: int = 256
    stem: int = 4
    widths: tuple[int, ...] = (48, 96, 192, 384)
    depths: tuple[int, ...] = (1, 2, 6, 3)
    strides: tuple[int, ...] = (1, 2, 2, 2)
    expand: int = 2
    heads: int = 6

    def __post_init__(self) -> None:
        sides = [self.image // self.stem]
        for stride in self.strides:
            sides.append(sides[-1] // stride)
        if tuple(sides[-2:]) != GRIDS or JOINED not in sides:
            raise ValueError(
                f"backbone: image {self.image}, stem {self.stem} and strides {self.strides} give "
                f"maps of {sides} places a side; needed are {JOINED} and, at the end, {GRIDS}"
            )

    @property
    def early(self) -> int:
        """How many stages lie before the map of 32 x 32 places."""
        side, stages = self.image // self.stem, 0
        while side > JOINED:
            side //= self.strides[stages]
            stages += 1
        return stages


class Excite(nn.Module):
    """Squeeze and excite: each channel weighted by what the whole picture shows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, width // 4), nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.up(F.gelu(self.down(x.mean((2, 3))))).sigmoid()
        return x * weight[:, :, None, None]


class Attention(nn.Module):
    """Every place looks at every other; positions come from the depthwise convolution before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inward, self.outward = Normed(width, 3 * width), Normed(width, width)
        nn.init.constant_(self.outward.weight, SMALL)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        q, k, v = self.inward(x).reshape(n, 3, self.heads, c // self.heads, h * w).unbind(1)
        seen = F.scaled_dot_product_attention(*(t.transpose(2, 3) for t in (q, k, v)))
        return x + self.outward(seen.transpose(2, 3).reshape(n, c, h, w))


class Mixer(nn.Module):
    """x + two pointwise convolutions of x."""

    def __init__(self, width: int, expand: int) -> None:
        super().__init__()
        self.inner, self.outer = Normed(width, expand * width), Normed(expand * width, width)
        nn.init.constant_(self.outer.weight, SMALL)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(F.gelu(self.inner(x)))


def stage(config: BackboneConfig, index: int, inputs: int) -> nn.Sequential:
    """Stage ``index`` of the backbone, which takes ``inputs`` channels."""
    width, stride = config.widths[index], config.strides[index]
    parts: list[nn.Module] = []
    if stride > 1 or width != inputs:
        # Places are gathered channel by channel, then channels are made.
        parts += [Normed(inputs, inputs, 3, stride, inputs), Normed(inputs, width)]
    for block in range(config.depths[index]):
        parts.append(Depthwise(width))
        if block % 2 == 0:
            parts.append(Excite(width))
        if index == 3:
            parts.append(Attention(width, config.heads))
        parts.append(Mixer(width, config.expand))
    return nn.Sequential(*parts)


class Backbone(nn.Module):
    """Image [N, 3, S, S] (0..1) and a map [N, ``joined``, 32, 32] to maps of 16 x 16 and 8 x 8.

    with_map: whether there is a map beside the image. ``joined`` is the width it must have,
    ``widths`` those of the two maps that come out.
    """

    def __init__(self, config: BackboneConfig, with_map: bool = True) -> None:
        super().__init__()
        self.with_map = with_map
        before = config.early
        widths = (config.widths[0], *config.widths)
        self.joined, self.widths = widths[before], config.widths[2:]
        narrow = config.widths[0] // 2
        stem = [Normed(3, narrow, 3, 2), nn.GELU(), Normed(narrow, widths[0], 3, config.stem // 2)]
        early = [stage(config, i, widths[i]) for i in range(before)]
        self.early = nn.Sequential(*stem, nn.GELU(), *early)
        self.middle = nn.Sequential(*(stage(config, i, widths[i]) for i in range(before, 3)))
        self.last = stage(config, 3, config.widths[2])

    def forward(self, image: Tensor, extra: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = self.early((image - 0.45) * 4)
        x = self.middle(x + extra if self.with_map else x)
        return x, self.last(x)
