"""The training loop of the lifter: samples on the fly, resumable to the bit on a CPU."""

from __future__ import annotations

import csv
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from hmr_ros.body.model import BodyModel
from hmr_ros.data import lifting
from hmr_ros.data.lifting import Blazepose, PoseSource, Samples
from hmr_ros.data.measured_errors import load_measured
from hmr_ros.models.lifter import Lifter
from hmr_ros.models.lifter_weights import build, skeleton_of
from hmr_ros.training.average import Average
from hmr_ros.training.checkpoint import load_checkpoint, save_checkpoint
from hmr_ros.training.lifter_losses import LIMB_JOINTS, losses, target
from hmr_ros.training.lifter_recipe import Recipe

KIND = "lifter"
CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
VALIDATION_SAMPLES = 4000


class TrainingError(RuntimeError):
    """Training cannot go on; the text says why."""


@dataclass
class Progress:
    """What a step reports: ``losses`` by term, ``validation`` (mm) on steps that validate."""

    step: int
    losses: dict[str, float]
    validation: dict[str, float]


class LifterTraining:
    """Everything that changes while training, so that it can be saved and resumed.

    body: the model whose betas are predicted. motions: see ``PoseSource``. Runs on CUDA if there
    is one; samples are made on the CPU.
    """

    def __init__(self, recipe: Recipe, body: BodyModel, motions: Path, out: Path) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out = recipe, out
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.poses = PoseSource(motions, "train")
        self.held_out = PoseSource(motions, "val")
        self.network = build(body, recipe.network).to(self.device)
        # Samples come from skeletons of their own: they stay on the CPU.
        self.skeleton = skeleton_of(body)
        errors = load_measured()
        self.blazepose = Blazepose(skeleton_of(body, errors.offsets), errors)
        self.average = Average(self.network, recipe.ema)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), recipe.rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.rng = torch.Generator().manual_seed(recipe.seed)
        self.step = 0

    def averaged(self) -> Lifter:
        """The network with its averaged weights; a copy of this moment's on the CPU."""
        network = Lifter(self.skeleton, self.recipe.network)
        network.load_state_dict({k: v.cpu() for k, v in self.average.state.items()})
        return network.eval()

    def begin_from(self, network: Lifter) -> None:
        """Start from trained weights instead of random ones."""
        self.network.load_state_dict(network.state_dict())
        self.average = Average(self.network, self.recipe.ema)

    def save(self) -> None:
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state,
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.get_state(),
        }
        save_checkpoint(self.out / CHECKPOINT, KIND, self._identity(), state)

    def resume(self) -> None:
        """Go on where ``save`` was called. Raises ``checkpoint.CheckpointError``."""
        state = load_checkpoint(self.out / CHECKPOINT, KIND, self._identity())
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        for name, value in state["average"].items():
            self.average.state[name].copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.set_state(state["rng"])

    def _identity(self) -> dict:
        return {"recipe": dataclasses.asdict(self.recipe)}

    def run(self, stop: Callable[[], bool]) -> Iterator[Progress]:
        """Train to the recipe's last step or until ``stop()``; yields after every step.

        Saves regularly and at the end, also when the caller leaves early. Raises TrainingError
        if the loss is not finite: the last checkpoint is then left as it was.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        with open(self.out / LOG, "a", newline="") as file:
            log = csv.writer(file)
            while self.step < self.recipe.steps and not stop():
                terms = self._step()
                self.step += 1
                last = self.step == self.recipe.steps
                validation = {}
                if last or self.step % self.recipe.validate_every == 0:
                    validation = validate(self.averaged(), self.held_out, self.blazepose)
                    log.writerow([self.step, f"{time.time():.0f}"] + _written(terms, validation))
                    file.flush()
                if last or self.step % self.recipe.save_every == 0:
                    self.save()
                yield Progress(self.step, terms, validation)
        self.save()

    def timed_steps(self, count: int) -> float:
        """Seconds that ``count`` steps take; they train like any other."""
        started = time.perf_counter()
        for _ in range(count):
            self._step()
        return time.perf_counter() - started

    def _step(self) -> dict[str, float]:
        recipe = self.recipe
        samples = self._samples().map(lambda value: value.to(self.device))
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate_at(self.step)
        view = self.network.view(samples.keypoints, samples.box, samples.image)
        half = recipe.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            guess, final = self.network.lift(view)
        terms = losses(guess, final, target(samples, view), view, recipe.losses)
        total = sum(terms.values())
        if not torch.isfinite(total):
            bad = ", ".join(k for k, v in terms.items() if not torch.isfinite(v))
            raise TrainingError(
                f"the loss is not finite at step {self.step} ({bad}); the checkpoint in {self.out} "
                "is of before: lower the recipe's rate and --resume"
            )
        self.optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimizer.step()
        self.average.update(self.network, self.step)
        return {"total": total.item()} | {k: v.item() for k, v in terms.items()}

    @torch.no_grad()
    def _samples(self) -> Samples:
        crops = round(self.recipe.batch * self.recipe.crop_share)
        plain = lifting.varied_mirrored(self.poses, crops, self.rng)
        unusual = lifting.varied_more(self.poses, self.recipe.batch - crops, self.rng)
        return lifting.join(
            lifting.crop_samples(plain, self.skeleton, self.rng),
            lifting.robot_samples(unusual, self.skeleton, self.blazepose, self.rng),
        )


@torch.no_grad()
def validate(network: Lifter, poses: PoseSource, blazepose: Blazepose) -> dict[str, float]:
    """MPJPE of the limb joints (mm) and predicted over true error, on both distributions."""
    figures = {}
    rng = torch.Generator().manual_seed(1)
    drawn = lifting.varied(poses, VALIDATION_SAMPLES, rng)
    made = {
        "crop": lifting.crop_samples(drawn, network.skeleton, rng),
        "robot": lifting.robot_samples(drawn, network.skeleton, blazepose, rng),
    }
    for name, samples in made.items():
        view = network.view(samples.keypoints, samples.box, samples.image)
        _, body = network.lift(view)
        truth = target(samples, view)
        error = (body.joints - truth.joints).norm(dim=-1)[:, LIMB_JOINTS]
        figures[f"{name}_mpjpe_mm"] = 1e3 * error.mean().item()
        figures[f"{name}_spread"] = _ratio(body.log_std[:, LIMB_JOINTS], error)
    return figures


def _ratio(log_std: Tensor, error: Tensor) -> float:
    """Predicted over true root mean square error."""
    predicted = (2 * log_std).exp().sum(-1).mean()
    return math.sqrt(predicted.item() / error.square().mean().item())


def _written(*figures: dict[str, float]) -> list[str]:
    return [f"{k}={v:.4f}" for part in figures for k, v in part.items()]
