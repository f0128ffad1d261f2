"""The pose tokenizer: the 21 body rotations as 32 tokens of one codebook, and back.

A vector-quantised autoencoder as in TokenHMR (Dwivedi et al. 2024) and PCT (Geng et al. 2023):
joints are mixed with each other and over their features, every token sees all of them. The decoder
also takes a distribution over the codes for each token (``decode_soft``): a network that predicts
tokens is trained through it, and nothing is looked up on the device. Every pose that comes out
lies within the joints' ranges.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.bounded_joints import JOINTS, BoundedJoints
from hmr_ros.models.codebook import Codebook


@dataclass(frozen=True)
class TokenizerConfig:
    """Sizes of the network; stored with its weights.

    tokens: of a pose. codes: in the codebook. code_width: numbers of a code. width: features of a
    joint. bottleneck: numbers that a token keeps of a pose, before they become a code.
    """

    tokens: int = 32
    codes: int = 512
    code_width: int = 64
    width: int = 64
    mix_width: int = 64
    encoder_blocks: int = 1
    decoder_blocks: int = 2
    bottleneck: int = 2


@dataclass
class Coded:
    """What training looks at.

    rotations [N, 21, 3, 3] decoded; latents [N, T, D] before the codebook, codes [N, T, D] nearest
    to them (without a gradient), tokens [N, T] their numbers.
    """

    rotations: Tensor
    latents: Tensor
    codes: Tensor
    tokens: Tensor


def sixd_of(rotations: Tensor) -> Tensor:
    """Matrices [..., 3, 3] to their first two columns [..., 6]."""
    return rotations[..., :2].transpose(-1, -2).flatten(-2)


class Mixer(nn.Module):
    """One block of an MLP-Mixer (Tolstikhin et al. 2021): across the joints, then within each."""

    def __init__(self, width: int, mix_width: int) -> None:
        super().__init__()
        self.across_norm, self.within_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.across = nn.Sequential(
            nn.Linear(JOINTS, mix_width), nn.ReLU(), nn.Linear(mix_width, JOINTS)
        )
        self.within = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, 21, width] to the same shape."""
        x = x + self.across(self.across_norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.within(self.within_norm(x))


def mixers(count: int, config: TokenizerConfig) -> nn.Sequential:
    return nn.Sequential(*[Mixer(config.width, config.mix_width) for _ in range(count)])


class Tokenizer(nn.Module):
    """See the module text. limits: as for ``BoundedJoints``."""

    def __init__(self, limits: Tensor, config: TokenizerConfig = TokenizerConfig()) -> None:
        super().__init__()
        self.config = c = config
        self.embed = nn.Linear(6, c.width)
        self.joint = nn.Parameter(0.02 * torch.randn(JOINTS, c.width))
        self.missing = nn.Parameter(torch.zeros(JOINTS, 6))
        self.encoder = mixers(c.encoder_blocks, c)
        self.to_tokens = nn.Linear(JOINTS * c.width, c.tokens * c.bottleneck)
        self.to_code = nn.Linear(c.bottleneck, c.code_width)
        self.codebook = Codebook(c.codes, c.code_width)
        self.from_code = nn.Linear(c.code_width, c.bottleneck)
        self.to_joints = nn.Linear(c.tokens * c.bottleneck, JOINTS * c.width)
        self.decoder = mixers(c.decoder_blocks, c)
        self.head = nn.Parameter(0.05 * torch.randn(JOINTS, c.width, 3))
        self.bounded = BoundedJoints(limits)
        self.bias = nn.Parameter(self.bounded.rest())

    def latents(self, rotations: Tensor, known: Tensor | None = None) -> Tensor:
        """Local rotations [N, 21, 3, 3] of joints 1 to 21 to latents [N, T, D].

        known [N, 21]: 0 where the rotation is missing and shall be guessed; None: all are known.
        """
        sixd = sixd_of(rotations)
        if known is not None:
            known = known.to(sixd.dtype)[..., None]
            sixd = known * sixd + (1 - known) * self.missing
        x = self.encoder(self.embed(sixd) + self.joint)
        x = self.to_tokens(x.flatten(1)).unflatten(1, (self.config.tokens, -1))
        # Bounded, so that all tokens fill the same small space and share the codes well.
        return self.to_code(torch.tanh(x))

    def tokens(self, rotations: Tensor, known: Tensor | None = None) -> Tensor:
        """Numbers [N, T] of the codes of a pose, int64; arguments as for ``latents``."""
        return self.codebook.nearest(self.latents(rotations, known))

    def encode(self, rotations: Tensor, known: Tensor | None = None) -> Tensor:
        """Codes [N, T, D] of a pose; arguments as for ``latents``."""
        return self.codebook.code[self.tokens(rotations, known)]

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [N, T, D], or any mixtures of codes, to local rotations [N, 21, 3, 3]."""
        x = self.from_code(codes).flatten(1)
        x = self.decoder(self.to_joints(x).unflatten(1, (JOINTS, -1)))
        answer = (x[:, :, None] @ self.head)[:, :, 0] + self.bias
        with torch.autocast(codes.device.type, enabled=False):
            return self.bounded(answer.float())

    def decode_tokens(self, tokens: Tensor) -> Tensor:
        """Numbers [N, T] of codes to local rotations [N, 21, 3, 3]."""
        return self.decode(self.codebook.code[tokens])

    def decode_soft(self, logits: Tensor) -> Tensor:
        """Logits [N, T, K] over the codes to local rotations [N, 21, 3, 3], differentiably."""
        return self.decode(F.softmax(logits, -1) @ self.codebook.code)

    def forward(
        self,
        rotations: Tensor,
        known: Tensor | None = None,
        swapped: Tensor | None = None,
        past_codes: bool = False,
    ) -> Coded:
        """Through the codebook and back, with gradients straight through it.

        rotations, known: as for ``latents``. swapped [N, T] int64: codes put in place of the
        tokens before decoding, -1 where there is none. past_codes: decode the latents themselves.
        """
        latents = self.latents(rotations, known)
        tokens = self.codebook.nearest(latents)
        if self.training:
            self.codebook.note(latents, tokens)
        codes = self.codebook.code[tokens]
        through = latents if past_codes else latents + (codes - latents).detach()
        if swapped is not None:
            foreign = (swapped >= 0)[..., None]
            through = torch.where(foreign, self.codebook.code[swapped.clamp(min=0)], through)
        return Coded(self.decode(through), latents, codes, tokens)
