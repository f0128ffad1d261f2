"""The training loop of every task: averaged weights, checkpoints, figures, several processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.training.average import Average
from hmr_ros.training.batches import batches
from hmr_ros.training.checkpoint import (
    CheckpointError,
    averaged_weights,
    load_checkpoint,
    save_checkpoint,
)
from hmr_ros.training.processes import Processes
from hmr_ros.training.recipe import Recipe
from hmr_ros.training.task import Task
from hmr_ros.training.training_log import TrainingLog

CHECKPOINT = "checkpoint.pt"
# Figures are looked at together after so many steps, as asking a GPU for each would stall it.
LOOK_EVERY = 20


class TrainingError(RuntimeError):
    """Training cannot go on; the text says why and what to do."""


def refuse_begun(out: Path) -> None:
    """Raises TrainingError if a training that was begun lies in ``out``."""
    if (out / CHECKPOINT).exists():
        raise TrainingError(
            f"{out} holds a training that was begun: go on with --resume, or choose another --out"
        )


@dataclass
class Progress:
    """After ``step`` steps. figures: of the last step, on steps that look at them, else empty.
    validation: of the averaged network, on steps that validate."""

    step: int
    figures: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)


class Training:
    """Everything that changes while training, so that it can be saved and resumed.

    processes: this one's place among those of ``torchrun``. threads: that make batches ahead.
    """

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        out: Path,
        processes: Processes | None = None,
        threads: int = 0,
    ) -> None:
        self.task, self.recipe, self.out = task, recipe, out
        self.processes, self.threads = processes or Processes(), threads
        torch.manual_seed(recipe.seed)
        self.network = task.network().to(self.processes.device)
        self.average = Average(self.network, recipe.ema)
        self.optimizer = _optimizer(self.network, recipe)
        self.step = 0
        self._steps: list[int] = []  # that have not been looked at
        self._values: list[Tensor] = []
        self._names: list[str] = []
        self._log: TrainingLog | None = None

    def averaged(self) -> nn.Module:
        """A new network with the averaged weights, on the same device, for inference."""
        network = self.task.network()
        network.load_state_dict(self.average.state)
        return network.to(self.processes.device).eval()

    def begin_from(self, path: Path) -> tuple[int, int]:
        """Take over what fits of another training's averaged weights, before the first step: those
        of equal name and shape. What this training does not change stays (stage one of
        FactorizedHMR). Returns how many weights were taken, and how many there are.

        path: its checkpoint or its finished weights. Raises ``checkpoint.CheckpointError``, also if
        nothing fits.
        """
        found, state = averaged_weights(path), self.network.state_dict()
        fixed = fixed_parts(self.network)
        fitting = {
            k: v
            for k, v in found.items()
            if k in state and v.shape == state[k].shape and not k.startswith(fixed)
        }
        if not fitting:
            raise CheckpointError(f"{path} holds no weights that this network has too")
        self.network.load_state_dict(fitting, strict=False)
        self.average = Average(self.network, self.recipe.ema)
        return sum(v.numel() for v in fitting.values()), sum(v.numel() for v in state.values())

    def save(self) -> None:
        """Write the checkpoint, by process 0. Raises TrainingError instead for bad figures."""
        self.look()
        if self.processes.rank:
            return
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state,
            "optimizer": self.optimizer.state_dict(),
        }
        save_checkpoint(self.out / CHECKPOINT, self.task.name, self.identity(), state)

    def resume(self) -> None:
        """Go on where ``save`` was called. Raises ``checkpoint.CheckpointError``."""
        state = load_checkpoint(self.out / CHECKPOINT, self.task.name, self.identity())
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        for name, value in state["average"].items():
            self.average.state[name].copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])

    def identity(self) -> dict:
        """What must agree for the same losses after a resume; the rate, say, may be lowered."""
        recipe = self.recipe
        own = {"seed": recipe.seed, "batch": recipe.batch, "steps": recipe.steps}
        return own | {"task": self.task.identity()}

    def run(
        self, stop: Callable[[], bool] = lambda: False, say: Callable[[str], None] = print
    ) -> Iterator[Progress]:
        """Train to the recipe's last step or until ``stop()`` in any process; yields after every
        step, and saves regularly and at the end.

        Raises TrainingError if a figure is not finite or memory runs out: the checkpoint is then
        left as it was.
        """
        recipe = self.recipe
        if self.processes.rank == 0:
            self.out.mkdir(parents=True, exist_ok=True)
            self._log = TrainingLog(self.out, self.step, say)
        try:
            with closing(self._batches()) as made:
                while self.step < recipe.steps and not self.processes.any(stop()):
                    self._guarded_step(made)
                    last = self.step == recipe.steps
                    at = Progress(self.step)
                    if last or self.step % LOOK_EVERY == 0:
                        at.figures = self.look()
                    if last or self.step % recipe.validate_every == 0:
                        self.look()
                        at.validation = self.validate()
                    if last or self.step % recipe.save_every == 0:
                        self.save()
                    yield at
            if self.step < recipe.steps:
                self.save()
        finally:
            if self._log is not None:
                self._log.close()
                self._log = None

    def validate(self) -> dict[str, float]:
        """Figures of the averaged network, by process 0."""
        if self.processes.rank:
            return {}
        figures = self.task.validate(self.averaged())
        if self._log is not None:
            self._log.validation({"step": self.step, **figures})
        return figures

    def timed_steps(self, count: int) -> float:
        """Seconds that ``count`` steps take; they train like any other."""
        started = time.perf_counter()
        with closing(self._batches()) as made:
            for _ in range(count):
                self._guarded_step(made)
        self.look()
        return time.perf_counter() - started

    def look(self) -> dict[str, float]:
        """Figures of the steps since the last look, logged; returns the last row.

        Raises TrainingError if one is not finite.
        """
        if not self._steps:
            return {}
        values = torch.stack(self._values).double().cpu().numpy()
        steps, self._steps, self._values = self._steps, [], []
        for step, row in zip(steps, values, strict=True):
            if not np.isfinite(row).all():
                bad = ", ".join(np.array(self._names)[~np.isfinite(row)])
                raise TrainingError(f"not finite at step {step}: {bad}; {self._way_back()}")
        rows = [
            {"step": step, "rate": self.recipe.rate_at(step - 1)}
            | dict(zip(self._names, map(float, row), strict=True))
            for step, row in zip(steps, values, strict=True)
        ]
        if self._log is not None:
            self._log.losses(rows)
        return rows[-1]

    def _batches(self) -> Iterator[dict[str, Tensor]]:
        return batches(self.task.batch, self.step, self.processes.device, self.threads)

    def _way_back(self) -> str:
        if not (self.out / CHECKPOINT).exists():
            return "no checkpoint was written yet: lower the recipe's rate and start again"
        return (
            f"{self.out / CHECKPOINT} is of before and was left as it was: lower the recipe's rate "
            "and --resume"
        )

    def _guarded_step(self, made: Iterator[dict[str, Tensor]]) -> None:
        try:
            self._one_step(next(made))
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            raise TrainingError(
                f"out of memory at step {self.step + 1} with {self.recipe.batch} samples a step on "
                f"{self.processes.device}: lower the recipe's batch or train --small; checkpoints "
                f"in {self.out} were left as they were ({str(error).splitlines()[0][:200]})"
            ) from error

    def _one_step(self, batch: dict[str, Tensor]) -> None:
        recipe, processes = self.recipe, self.processes
        # What the network draws (dropout, say) depends on the step alone, also after a resume.
        numbers = np.random.SeedSequence([recipe.seed, processes.rank, self.step])
        torch.manual_seed(int(numbers.generate_state(1, np.uint64)[0] >> 1))
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate_at(self.step)
        self.network.train()
        half = recipe.precision == "bfloat16"
        with torch.autocast(processes.device.type, torch.bfloat16, enabled=half):
            terms = self.task.losses(self.network, batch, self.step)
        loss = sum(terms.values())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        processes.average_gradients(self.network)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimizer.step()
        self.task.after_step(self.network, self.step)
        processes.average_buffers(self.network)
        self.average.update(self.network, self.step)
        self._names = ["loss", "gradient", *terms]
        values = torch.stack([v.detach().float() for v in (loss, norm, *terms.values())])
        processes.average([values])
        self.step += 1
        self._steps.append(self.step)
        self._values.append(values)


def fixed_parts(network: nn.Module) -> tuple[str, ...]:
    """How the names begin of all that belongs to parts without anything to train."""
    return tuple(
        f"{name}."
        for name, part in network.named_modules()
        if name and (own := list(part.parameters())) and not any(p.requires_grad for p in own)
    )


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], recipe.rate, fused=True)


def _out_of_memory(error: BaseException) -> bool:
    kinds = (MemoryError, torch.OutOfMemoryError)
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, kinds) or any(w in str(error).lower() for w in words)
