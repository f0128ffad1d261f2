"""Training of the baseline on rendered people that the front end has looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.body.model import BodyModel, load_body_model
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.models.baseline import BaselineConfig
from hmr_ros.models.configs import read_config
from hmr_ros.models.lifter import joint_variance
from hmr_ros.models.lifter_weights import skeleton_of
from hmr_ros.models.weights import build
from hmr_ros.person_crops import INPUTS
from hmr_ros.training.augmentation import Augmentation, augmented
from hmr_ros.training.corpus import Corpus, CorpusError, opened
from hmr_ros.training.losses import Weights, losses, place_of, target
from hmr_ros.training.seeds import hash_of
from hmr_ros.training.simulated_people import SimulatedPeople, beside

NETWORK = "baseline"
PLACES = ("data", "val", "motions", "anchor")  # settings that say where something lies
VALIDATION_BATCH = 50
STATES = {"visible": VISIBLE, "self_occluded": SELF_OCCLUDED, "hidden": HIDDEN}
REGION_90 = 6.2514  # of chi-square with three degrees of freedom: 90 % lie below


@dataclass(frozen=True)
class Settings:
    """The recipe's ``task`` section.

    data: folder of ``hmr train corpus``. val: the same for validation; without it the last
    ``held_out`` people of ``data`` are kept from training. batch: people a step and process.
    validate: people a validation, at most. simulated: so many people without a picture join each
    step and process, with poses of the clips in ``motions``: rendered people are mostly hard to
    see, and a network that meets no others forgets how sure clear keypoints are.
    """

    data: str = ""
    val: str = ""
    held_out: int = 500
    batch: int = 64
    validate: int = 2000
    simulated: int = 0
    motions: str = ""
    network: BaselineConfig = field(default_factory=BaselineConfig)
    losses: Weights = field(default_factory=Weights)
    augmentation: Augmentation = field(default_factory=Augmentation)


def load(settings: dict, seed: int, rank: int, world: int) -> BaselineTask:
    """The task of one of ``world`` processes. Raises ValueError for settings that are not known,
    ``hmr_ros.training.corpus.CorpusError`` for data that cannot be used."""
    return BaselineTask(read_config(Settings, settings), load_body_model(), seed, rank, world)


@dataclass(frozen=True)
class JointAnswers:
    """Of M joints, never the pelvis, each [M]: error (m), predicted variance (m^2, sum of the three
    axes), squared Mahalanobis distance to the truth, predicted probability of being seen, true
    visibility; of the log distance of the person the error, and the predicted deviation before its
    factor."""

    error: Tensor
    variance: Tensor
    distance2: Tensor
    probability: Tensor
    visibility: Tensor
    far: Tensor
    far_std: Tensor


class BaselineTask:
    """See the module text and ``hmr_ros.training.task.Task``."""

    name = NETWORK

    def __init__(
        self, settings: Settings, body: BodyModel, seed: int, rank: int = 0, world: int = 1
    ) -> None:
        self.settings, self.body = settings, body
        self.seed, self.rank, self.world = seed, rank, world
        self.skeleton = skeleton_of(body)
        side = settings.network.backbone.image
        self.corpus = opened(settings.data, side)
        self.val_corpus = opened(settings.val, side) if settings.val else self.corpus
        self.people = len(self.corpus) - (0 if settings.val else settings.held_out)
        self.simulated = None
        if settings.simulated:
            self.simulated = SimulatedPeople(body, Path(settings.motions))
        if self.people < settings.batch * world:
            raise CorpusError(
                f"{settings.data} holds {len(self.corpus)} people, {self.people} of them to train "
                f"on: fewer than one batch of {settings.batch * world}; draw more people"
            )

    def network(self) -> nn.Module:
        return build(self.name, self.body, self.settings.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        """People of this process: the batches of all processes are one batch cut into parts."""
        whole = self.settings.batch * self.world
        first = self.rank * self.settings.batch
        rows = self._rows(step * whole, whole)[first : first + self.settings.batch]
        # Each process draws on its own: what happens to a person need not depend on the rest.
        rng = torch.Generator().manual_seed(hash_of(self.seed, step, self.rank))
        crops, truth = self.corpus.rows(rows)
        if "image" in self.settings.network.without:
            # One pixel a picture: nobody looks at it, and to vary it would take most of the time.
            crops = crops.replace(image=crops.image[..., :1, :1])
        batch = augmented(tensors(crops, truth), self.settings.augmentation, rng)
        # Channel by channel beside each other: convolutions on a CPU are a seventh quicker.
        for name in ("image", "heatmaps", "mask"):
            batch[name] = batch[name].contiguous(memory_format=torch.channels_last)
        batch = self._with_landmarks(batch)
        if self.simulated is not None:
            batch = beside(batch, self.simulated.draw(self.settings.simulated, rng))
        return batch

    def _rows(self, start: int, count: int) -> np.ndarray:
        """Numbers of people at positions ``start`` onwards of an endless row: everyone once, then
        everyone once again in another order."""
        at = np.arange(start, start + count)
        found = np.empty(count, np.int64)
        for epoch in np.unique(at // self.people):
            order = np.random.default_rng([self.seed, int(epoch)]).permutation(self.people)
            here = at // self.people == epoch
            found[here] = order[at[here] % self.people]
        return found

    def _with_landmarks(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        _, landmarks = self.skeleton(batch["rotations"], batch["betas"])
        return batch | {"landmarks": landmarks}

    def losses(self, network: nn.Module, batch: dict[str, Tensor], step: int) -> dict[str, Tensor]:
        guess, final = network.looks({name: batch[name] for name in INPUTS})
        return losses(guess, final, target(batch), batch["scale"], self.settings.losses)

    def after_step(self, network: nn.Module, step: int) -> None:
        pass

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Mean joint errors (mm about the pelvis) of all, visible and hidden joints; error of the
        distance; predicted over true root mean square error of the joints; how often the predicted
        90 % regions hold the joint, by its state."""
        found = self.answers(network)
        error, visibility, inside = found.error, found.visibility, found.distance2 <= REGION_90
        figures = {
            "mpjpe_mm": 1e3 * error.mean().item(),
            "visible_mm": 1e3 * error[visibility == VISIBLE].mean().item(),
            "hidden_mm": 1e3 * error[visibility == HIDDEN].mean().item(),
            "distance_percent": 100 * found.far.mean().item(),
            "spread": (found.variance.mean() / error.square().mean()).sqrt().item(),
        }
        for name, state in STATES.items():
            figures[f"inside90_{name}"] = inside[visibility == state].double().mean().item()
        return figures

    @torch.no_grad()
    def answers(self, network: nn.Module) -> JointAnswers:
        """About the people for validation, with the network's temperatures."""
        network.eval()
        device = next(network.parameters()).device
        parts = []
        first = 0 if self.settings.val else self.people
        last = min(len(self.val_corpus), first + self.settings.validate)
        for people in batches_of(self.val_corpus, first, last):
            batch = {k: v.to(device) for k, v in people.items()}
            body = network.predict({name: batch[name] for name in INPUTS})
            residual = (body.joints - batch["joints"])[:, 1:].double()
            probability = body.visibility_logit[:, 1:].double().sigmoid()
            variance = joint_variance(body, network.temperature)[:, 1:].double()
            far = (body.place - place_of(batch["pelvis"], batch["scale"]))[:, 2:].abs()
            values = (
                residual.norm(dim=-1),
                variance.sum(-1),
                (residual.square() / variance).sum(-1),
                probability,
                batch["visibility"][:, 1:],
                far.expand_as(probability),
                body.place_log_std[:, 2:].exp().expand_as(probability),
            )
            parts.append([v.cpu().flatten() for v in values])
        return JointAnswers(*(torch.cat(values) for values in zip(*parts, strict=True)))

    def identity(self) -> dict:
        settings = {k: v for k, v in asdict(self.settings).items() if k not in PLACES}
        return {"settings": settings, "people": self.people, "corpus": self.corpus.manifest}


def batches_of(corpus: Corpus, first: int, last: int) -> Iterator[dict[str, Tensor]]:
    """The people ``first`` to ``last`` (exclusive) in order, ``VALIDATION_BATCH`` at a time."""
    for start in range(first, last, VALIDATION_BATCH):
        yield tensors(*corpus.rows(np.arange(start, min(start + VALIDATION_BATCH, last))))


def tensors(crops, truth) -> dict[str, Tensor]:
    """``PersonCrops`` and ``Truth`` as one batch; pictures and maps as numbers in 0..1."""
    values = crops.inputs() | {name: getattr(truth, name) for name in truth._arrays()}
    return {name: torch.from_numpy(value) for name, value in values.items()}


def release(network: nn.Module, task: BaselineTask, out_folder: Path, origin) -> None:
    """Write the weights for torch and for use, and their card: ``crop_release``."""
    # The libraries of the export are needed here only.
    from hmr_ros.training.crop_release import release

    release(network, task, out_folder, origin)
