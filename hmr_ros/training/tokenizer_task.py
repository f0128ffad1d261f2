"""Training of the pose tokenizer: poses of clips and of the pose sampler, spoiled and mended.

The targets are clean poses. What the network sees is partly turned at random or lacks joints, and
some of its tokens are replaced by foreign ones before decoding, so that a pose survives both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from hmr_ros.body.keypoints import mixture
from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.data.joint_limits import LIMITS
from hmr_ros.data.lifting import PoseSource, mirrored, rotation_from_axis_angle
from hmr_ros.data.motions import load_motions
from hmr_ros.data.poses import sample_pose
from hmr_ros.models.configs import read_config
from hmr_ros.models.skeleton import Skeleton
from hmr_ros.models.tokenizer import Coded, Tokenizer, TokenizerConfig, sixd_of
from hmr_ros.models.tokenizer_weights import load as load_weights
from hmr_ros.models.tokenizer_weights import save
from hmr_ros.training.lifter_losses import distance
from hmr_ros.training.model_card import Origin, card, write_card

# Sampled poses that clips lack; the clips themselves are drawn directly.
ACTIVITIES = {
    "mixed": 2.0,
    "sit": 2.0,
    "reach": 1.0,
    "crouch": 0.4,
    "kneel": 0.3,
    "bend": 0.5,
    "lie": 0.4,
    "wild": 0.8,
}
# Joints that are lost together: legs, arms, trunk and head.
PARTS = [[1, 4, 7, 10], [2, 5, 8, 11], [13, 16, 18, 20], [14, 17, 19, 21], [3, 6, 9, 12, 15]]
VALIDATION_FRAMES = 2000
# Captured people go a little beyond the limits; so may decoded poses.
MARGIN = np.radians(5)


@dataclass(frozen=True)
class Settings:
    """The recipe's ``task`` section.

    motions: see ``load_motions``. batch: poses a step and process. pool: sampled poses, made once
    at the start; pool_share: of a batch. free: first steps, without the codebook. jittered, masked,
    swapped: shares of the batch whose input is turned by ``jitter`` radians, whose input lacks one
    of ``PARTS`` and single joints, and whose tokens are replaced with probability ``swap``.
    joints (1/m), sixd, commitment: weights of the losses.
    """

    motions: str = ""
    batch: int = 128
    pool: int = 60000
    pool_share: float = 0.4
    free: int = 200
    jittered: float = 0.1
    jitter: float = 0.08
    masked: float = 0.08
    swapped: float = 0.15
    swap: float = 0.06
    joints: float = 100.0
    sixd: float = 20.0
    commitment: float = 1.0
    network: TokenizerConfig = field(default_factory=TokenizerConfig)


def settings_of(values: dict) -> Settings:
    """Raises ValueError for a key that is not known, a wrong type, or without ``motions``."""
    settings = read_config(Settings, values)
    if not settings.motions:
        raise ValueError("motions is missing: the file of motion clips to train on")
    return settings


def load(settings: dict, seed: int, rank: int, world: int) -> TokenizerTask:
    """The task of one of ``world`` processes; settings as for ``Settings``."""
    return TokenizerTask(settings_of(settings), load_body_model(), seed, rank)


def skeleton_of(body: BodyModel) -> Skeleton:
    """The body's 24 joints, without landmarks on the skin."""
    return Skeleton(body, mixture(body, "smpl24"))


def posed(skeleton: Skeleton, rotations: Tensor) -> Tensor:
    """Joints [N, 24, 3] (metres about the pelvis) of the mean shape, upright, hands straight, from
    the local rotations [N, 21, 3, 3] of joints 1 to 21."""
    n = len(rotations)
    eye = torch.eye(3, device=rotations.device).expand(n, 1, 3, 3)
    whole = torch.cat([eye, rotations, eye, eye], 1)
    return skeleton(whole, rotations.new_zeros(n, 10))[0]


def sampled_poses(path: str | Path, body: BodyModel, count: int, seed: int) -> Tensor:
    """[count, 24, 3] axis-angle poses of ``sample_pose`` on train clips."""
    motions, rng = load_motions(path).split("train"), np.random.default_rng([seed, 77])
    poses = [sample_pose(rng, motions, body, ACTIVITIES).pose for _ in range(count)]
    return torch.tensor(np.array(poses).reshape(count, 24, 3), dtype=torch.float32)


class TokenizerTask:
    """See the module text and ``hmr_ros.training.task.Task``."""

    name = "tokenizer"

    def __init__(self, settings: Settings, body: BodyModel, seed: int, rank: int) -> None:
        self.settings, self.seed, self.rank = settings, seed, rank
        self.clips = PoseSource(settings.motions, "train")
        self.held_out = PoseSource(settings.motions, "val")
        self.pool = sampled_poses(settings.motions, body, settings.pool, seed)
        self.skeleton = skeleton_of(body)

    def network(self) -> Tokenizer:
        limits = torch.tensor(LIMITS[1:22] + [-MARGIN, MARGIN])
        return Tokenizer(limits, self.settings.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        """rotations [N, 21, 3, 3] clean, seen: the same spoiled, known [N, 21], swapped [N, T]."""
        s = self.settings
        # A generator of torch heeds 32 bits of its seed only: they are mixed before.
        mixed = np.random.SeedSequence([self.seed, self.rank, step]).generate_state(1)
        rng = Generator().manual_seed(int(mixed[0]))
        sampled = round(s.batch * s.pool_share)
        rows = torch.randint(max(1, len(self.pool)), (sampled,), generator=rng)
        clips = self.clips.draw(s.batch - sampled, rng)
        poses = torch.cat([clips, self.pool[rows]])
        flip = torch.rand(s.batch, 1, 1, generator=rng) < 0.5
        poses = torch.where(flip, mirrored(poses), poses)[:, 1:22]
        clean = rotation_from_axis_angle(poses)
        noisy = torch.rand(s.batch, 1, 1, generator=rng) < s.jittered
        noise = torch.randn(poses.shape, generator=rng) * (s.jitter * noisy)
        return {
            "rotations": clean,
            "seen": clean @ rotation_from_axis_angle(noise),
            "known": self._known(rng),
            "swapped": self._swapped(rng),
        }

    def _known(self, rng: Generator) -> Tensor:
        n = self.settings.batch
        lost = torch.rand(n, 21, generator=rng) < 0.05
        part = torch.randint(len(PARTS), (n,), generator=rng)
        table = torch.zeros(len(PARTS), 21, dtype=torch.bool)
        for row, joints in enumerate(PARTS):
            table[row, [j - 1 for j in joints]] = True
        spoiled = torch.rand(n, 1, generator=rng) < self.settings.masked
        return (~(spoiled & (lost | table[part]))).float()

    def _swapped(self, rng: Generator) -> Tensor:
        s, size = self.settings, (self.settings.batch, self.settings.network.tokens)
        spoiled = torch.rand(s.batch, 1, generator=rng) < s.swapped
        spoiled = spoiled & (torch.rand(size, generator=rng) < s.swap)
        foreign = torch.randint(s.network.codes, size, generator=rng)
        return torch.where(spoiled, foreign, -1)

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        s, true = self.settings, batch["rotations"]
        free = step < s.free
        swapped = None if free else batch["swapped"]
        coded: Coded = network(batch["seen"], batch["known"], swapped, free)
        self.skeleton.to(true.device)
        gap = posed(self.skeleton, coded.rotations) - posed(self.skeleton, true)
        return {
            "joints": s.joints * distance(gap).mean(),
            "sixd": s.sixd * (sixd_of(coded.rotations) - sixd_of(true)).abs().mean(),
            "commitment": s.commitment * (not free) * F.mse_loss(coded.latents, coded.codes),
        }

    def after_step(self, network: nn.Module, step: int) -> None:
        """The codebook follows its vectors; until it is used it is made of the last ones."""
        codebook = getattr(network, "module", network).codebook
        codebook.follow(step, restart=step < max(1, self.settings.free))

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Mean joint error (mm) on val clips, and the share of the codes they use."""
        poses = self.held_out.poses
        poses = poses[:: max(1, len(poses) // VALIDATION_FRAMES)][:, 1:22]
        device = next(network.parameters()).device
        true = rotation_from_axis_angle(poses).to(device)
        self.skeleton.to(device)
        tokens = network.tokens(true)
        gap = posed(self.skeleton, network.decode_tokens(tokens)) - posed(self.skeleton, true)
        used = len(tokens.unique()) / network.config.codes
        return {"joints_mm": 1e3 * gap.norm(dim=-1).mean().item(), "codes_used": used}

    def identity(self) -> dict:
        return {"settings": asdict(self.settings), "seed": self.seed}


def release(network: Tokenizer, task: TokenizerTask, out_folder: Path, origin: Origin) -> None:
    """Write ``tokenizer.safetensors`` and its card, with figures of the written weights on the val
    clips; ``hmr eval tokenizer`` has those of the test clips."""
    out_folder.mkdir(parents=True, exist_ok=True)
    path = out_folder / "tokenizer.safetensors"
    save(network, path)
    on_val = {
        "Val clips (mean joint error, share of the codes used)": [task.validate(load_weights(path))]
    }
    write_card(out_folder / "tokenizer.md", described(network, origin, on_val))


def described(network: Tokenizer, origin: Origin, figures: dict[str, list[dict]]) -> str:
    """The model card; figures as for ``model_card.card``."""
    c, parameters = network.config, sum(p.numel() for p in network.parameters())
    facts = [
        "File: `tokenizer.safetensors` (torch, half precision; the joints' ranges are in it).",
        f"Network: MLP-Mixer of {parameters / 1e6:.2f} million parameters; {c.tokens} tokens, each "
        f"one of {c.codes} codes of {c.code_width} numbers (they span {c.bottleneck} dimensions).",
        "In and out: local rotations of SMPL's joints 1 to 21; no root, hands or shape.",
    ]
    about = (
        "The rotations of the 21 body joints as tokens of one codebook, and back; also from "
        "distributions over the codes. Every decoded pose lies within the joints' ranges."
    )
    limits = (
        "Poses beyond the joint limits (plus 5 degrees) come back changed, inside them. "
        "Errors are those of the mean shape. Poses far from locomotion, sports, gestures and the "
        "sampled kinds (sitting, kneeling, lying, reaching) are rare in training. Adults only."
    )
    return card("tokenizer", about, facts, origin, figures, limits)
