"""The baseline without a picture, on simulated keypoints: where its training may begin.

What it has learned is taken over by ``hmr train baseline --begin-from``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.models.baseline import BaselineConfig
from hmr_ros.models.configs import read_config
from hmr_ros.models.weights import build, save
from hmr_ros.training.baseline_task import PLACES
from hmr_ros.training.losses import Weights, losses, target
from hmr_ros.training.seeds import hash_of
from hmr_ros.training.simulated_people import PLAIN, SimulatedPeople

VALIDATION_PEOPLE, VALIDATION_BATCH = 2000, 250
# Evidence that simulated people lack.
PICTURED = ("image", "heatmaps", "mask", "features", "world")


@dataclass(frozen=True)
class Settings:
    """The recipe's ``task`` section. motions: file of motion clips (``PoseSource``). batch: people
    a step and process. plain: see ``SimulatedPeople``."""

    motions: str = ""
    batch: int = 256
    plain: float = PLAIN
    network: BaselineConfig = field(default_factory=lambda: BaselineConfig(without=PICTURED))
    losses: Weights = field(default_factory=Weights)


def load(settings: dict, seed: int, rank: int, world: int) -> BaselineKeypointsTask:
    """Raises ValueError for settings that are not known, MotionError for unusable motions."""
    return BaselineKeypointsTask(read_config(Settings, settings), load_body_model(), seed, rank)


class BaselineKeypointsTask:
    """See the module text and ``hmr_ros.training.task.Task``."""

    name = "baseline_keypoints"
    builds = "baseline"

    def __init__(self, settings: Settings, body: BodyModel, seed: int, rank: int = 0) -> None:
        self.settings, self.body, self.seed, self.rank = settings, body, seed, rank
        motions = Path(settings.motions)
        self.people, self.held_out = (
            SimulatedPeople(body, motions, split, settings.plain) for split in ("train", "val")
        )

    def network(self) -> nn.Module:
        return build(self.builds, self.body, self.settings.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(hash_of(self.seed, step, self.rank))
        return self.people.draw(self.settings.batch, rng)

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        guess, final = network.looks(batch)
        return losses(guess, final, target(batch), batch["scale"], self.settings.losses)

    def after_step(self, network: nn.Module, step: int) -> None:
        pass

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Mean joint errors (mm about the pelvis) of all, visible and other joints, on the poses
        of ``val``."""
        errors, visible = [], []
        for batch in self.validation(next(network.parameters()).device):
            body = network.predict(batch)
            errors.append((body.joints - batch["joints"]).norm(dim=-1)[:, 1:])
            visible.append(batch["visibility"][:, 1:] == VISIBLE)
        error, seen = 1e3 * torch.cat(errors), torch.cat(visible)
        return {
            "mpjpe_mm": error.mean().item(),
            "visible_mm": error[seen].mean().item(),
            "hidden_mm": error[~seen].mean().item(),
        }

    def validation(self, device: torch.device) -> Iterator[dict[str, Tensor]]:
        """People with the poses of ``val``, always the same."""
        rng = torch.Generator().manual_seed(1)
        for _ in range(VALIDATION_PEOPLE // VALIDATION_BATCH):
            batch = self.held_out.draw(VALIDATION_BATCH, rng)
            yield {k: v.to(device) for k, v in batch.items()}

    def identity(self) -> dict:
        return {k: v for k, v in asdict(self.settings).items() if k not in PLACES}


def release(network: nn.Module, task: BaselineKeypointsTask, out_folder: Path, origin) -> None:
    """Write the weights for torch alone, by the task's name and not the network's: they are for
    ablations, and must not lie where those are looked for that have seen pictures."""
    out_folder.mkdir(parents=True, exist_ok=True)
    save(network, out_folder / f"{task.name}.safetensors")
