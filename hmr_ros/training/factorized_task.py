"""Training of FactorizedHMR's second stage on rendered people that the front end has looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from hmr_ros.body.model import load_body_model
from hmr_ros.models.configs import read_config
from hmr_ros.models.weights import save
from hmr_ros.training import baseline_task
from hmr_ros.training.baseline_task import BaselineTask, batches_of
from hmr_ros.training.baseline_task import Settings as CorpusSettings
from hmr_ros.training.stage_two import StageTwo, StageTwoTask, settled

SAMPLED_PEOPLE = 500  # of a validation: eight samples of everybody would take most of the time


@dataclass(frozen=True)
class Settings(StageTwo, CorpusSettings):
    """As of the baseline, and of ``StageTwo``."""


def load(settings: dict, seed: int, rank: int, world: int) -> FactorizedTask:
    """Errors as of ``baseline_task.load`` and ``stage_two.settled``."""
    body = load_body_model()
    whole, anchor = settled(settings, body)
    return FactorizedTask(anchor, read_config(Settings, whole), body, seed, rank, world)


class FactorizedTask(StageTwoTask, BaselineTask):
    """See the module text; people, their order and what happens to them are the baseline's."""

    name = "factorized"

    def sampled_people(self, device: torch.device) -> Iterator[dict[str, Tensor]]:
        """Batches of the people for validation who are sampled."""
        first = 0 if self.settings.val else self.people
        last = min(len(self.val_corpus), first + min(SAMPLED_PEOPLE, self.settings.validate))
        for batch in batches_of(self.val_corpus, first, last):
            yield {name: value.to(device) for name, value in batch.items()}


def release(network: nn.Module, task: FactorizedTask, out_folder: Path, origin) -> None:
    """As of the baseline. An arm of the ablation is for comparisons, not for use: its weights for
    torch alone, as ``factorized-ARM.safetensors``."""
    if task.settings.arm == "full":
        baseline_task.release(network, task, out_folder, origin)
    else:
        out_folder.mkdir(parents=True, exist_ok=True)
        save(network, out_folder / f"{task.name}-{task.settings.arm}.safetensors")
