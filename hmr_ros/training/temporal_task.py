"""Training of the network over time on people followed through films."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor, nn

from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.evaluation.persistence import lasting
from hmr_ros.evaluation.pose_metrics import HIPS, joint_errors
from hmr_ros.evaluation.subsets import LIMB
from hmr_ros.models.configs import read_config
from hmr_ros.models.temporal import Temporal, TemporalConfig
from hmr_ros.models.weights import build
from hmr_ros.training import limb_flow_losses
from hmr_ros.training.followed_people import (
    Followed,
    batch_of,
    clip_of,
    corrected,
    read_followed,
    whole,
)
from hmr_ros.training.limb_flow_figures import sample_figures
from hmr_ros.training.limb_flow_losses import FlowWeights
from hmr_ros.training.seeds import hash_of
from hmr_ros.training.temporal_losses import Weights, losses, posed
from hmr_ros.training.temporal_release import release

__all__ = ["Settings", "TemporalTask", "load", "release"]


@dataclass(frozen=True)
class Settings:
    """The recipe's ``task`` section. films: folders of ``hmr train films``; val: one of the split
    ``val``. batch: clips a step and process; frames: of a clip."""

    films: tuple[str, ...] = ()
    val: str = ""
    batch: int = 24
    frames: int = 48
    network: TemporalConfig = field(default_factory=TemporalConfig)
    losses: Weights = field(default_factory=Weights)
    flow: FlowWeights = field(default_factory=FlowWeights)


def load(settings: dict, seed: int, rank: int, world: int) -> TemporalTask:
    """Raises ValueError for settings that are not known, FilmError for films that cannot be used or
    that were followed with several weights."""
    return TemporalTask(read_config(Settings, settings), load_body_model(), seed, rank)


class TemporalTask:
    """See the module text and ``hmr_ros.training.task.Task``."""

    name = "temporal"

    def __init__(self, settings: Settings, body: BodyModel, seed: int, rank: int = 0) -> None:
        self.settings, self.body, self.seed, self.rank = settings, body, seed, rank
        self.people = [p for folder in settings.films for p in read_followed(Path(folder), "train")]
        self._until = np.cumsum([len(p["stamps"]) for p in self.people], dtype=float)
        self._until /= self._until[-1]
        self.held_out = read_followed(Path(settings.val), "val") if settings.val else []
        folders = [*settings.films, settings.val] if settings.val else settings.films
        self.corrects = corrected(Path(folder) for folder in folders)

    def network(self) -> nn.Module:
        return build(self.name, self.body, self.settings.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng(hash_of(self.seed, step, self.rank))
        rows = np.searchsorted(self._until, rng.random(self.settings.batch))
        rows = np.minimum(rows, len(self.people) - 1)
        clips = [clip_of(self.people[row], self.settings.frames, rng) for row in rows]
        return batch_of(clips, self.settings.frames)

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        rng = Generator().manual_seed(hash_of(self.seed, step, self.rank, 1))
        chance = limb_flow_losses.draw(batch["counted"], rng).to(batch["counted"].device)
        answer = network(batch)
        return losses(network, answer, batch, self.settings.losses) | limb_flow_losses.losses(
            network, answer, batch, chance, self.settings.flow
        )

    def after_step(self, network: nn.Module, step: int) -> None:
        pass

    @torch.no_grad()
    def validate(self, network: Temporal) -> dict[str, float]:
        """Joint errors (mm, about the middle of the hips, limb joints) of the network and of the
        frames alone: of all, visible, other, and lastingly hidden joints; and what samples of the
        limbs are worth."""
        if not self.held_out:
            return {}
        found = [errors_of(network, person) for person in self.held_out]
        own, frame = (np.concatenate([f[n] for f in found]) for n in (0, 1))
        visibility = np.concatenate([f[2] for f in found])
        lastingly = np.concatenate([f[3] for f in found])
        figures = {}
        for name, mask in (
            ("mpjpe", np.ones_like(lastingly)),
            ("visible", visibility == VISIBLE),
            ("hidden", visibility != VISIBLE),
            ("lasting", lastingly),
        ):
            if mask.any():
                figures[f"{name}_mm"] = float(1e3 * own[mask].mean())
                figures[f"{name}_frame_mm"] = float(1e3 * frame[mask].mean())
        return figures | sample_figures(network, self.held_out)

    def identity(self) -> dict:
        known = asdict(self.settings)
        counts = [len(self.people), len(self.held_out)]
        return {k: v for k, v in known.items() if k not in ("films", "val")} | {"people": counts}


@torch.no_grad()
def errors_of(network: Temporal, person: Followed) -> tuple[np.ndarray, ...]:
    """Errors [F, 12] in metres with the network and of the frames alone, visibility [F, 12], and
    which joints [F, 12] stay hidden for long."""
    device = next(network.parameters()).device
    batch = {name: value.to(device) for name, value in whole(person).items()}
    answer = network(batch)
    joints = [
        posed(network, rotations, betas)[0].cpu().numpy()
        for rotations, betas in (
            (answer["rotations"], answer["betas"]),
            (batch["rotations"], batch["betas"]),
            (batch["true_rotations"], batch["true_betas"]),
        )
    ]
    errors = [joint_errors(guess, joints[2], HIPS)[:, list(LIMB)] for guess in joints[:2]]
    visibility = person["true_visibility"][:, list(LIMB)]
    return *errors, visibility, lasting(visibility == HIDDEN, person["stamps"])
