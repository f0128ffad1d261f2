"""Training of the keypoint probe on the people of a corpus, held in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from hmr_ros.batch import EqualLength
from hmr_ros.body.keypoints import keypoints
from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.keypoint_noise import MIRRORED as MIRRORED_MAPS
from hmr_ros.models.keypoint_probe import CELLS, COCO, LANDMARKS, SIZE, KeypointProbe, centres
from hmr_ros.models.keypoint_probe import positions as places_of
from hmr_ros.person_crops import PersonCrops
from hmr_ros.training.augmentation import Augmentation, covered, relit
from hmr_ros.training.corpus import Corpus, Truth

# Left and right of COCO's 17 keypoints.
MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
SPREAD = 1.0  # standard deviation of the target's bump, cells
PEAK_RATE = 2e-3


@dataclass(frozen=True)
class Crops(EqualLength):
    """N crops: image [N, 3, SIZE, SIZE], heatmaps [N, 33, CELLS, CELLS], mask [N, 1, CELLS, CELLS],
    all uint8, and points [N, 17, 2], COCO's keypoints; -1 and 1 are the crop's borders."""

    image: np.ndarray
    heatmaps: np.ndarray
    mask: np.ndarray
    points: np.ndarray


def read_crops(corpus: Corpus, body: BodyModel, count: int) -> Crops:
    """The first ``count`` people of a corpus with pictures of ``SIZE``. Raises ValueError."""
    if corpus.size != SIZE or len(corpus) < count:
        raise ValueError(
            f"{corpus.folder} holds {len(corpus)} people in pictures of {corpus.size} pixels, "
            f"the probe needs {count} in pictures of {SIZE}"
        )
    crops, truth = corpus.rows(np.arange(count))
    points = in_crop(coco_rays(truth, body, crops.scale), crops)
    return Crops(crops.image, crops.heatmaps, crops.mask, points.astype(np.float32))


def coco_rays(truth: Truth, body: BodyModel, scale: np.ndarray) -> np.ndarray:
    """[N, 17, 2] COCO's keypoints as rays over ``scale``, view frame; NaN behind the camera."""
    points = keypoints(body, truth.rotations, truth.betas, None, "coco17")
    points = points - rest_joints(body, truth.betas)[:, :1] + truth.pelvis[:, None]
    depth = np.where(points[..., 2:] > 0.1, points[..., 2:], np.nan)
    return points[..., :2] / depth / scale[:, None, None]


def in_crop(rays: np.ndarray, crops: PersonCrops) -> np.ndarray:
    """Places [N, K, 2] in crops of rays [N, K, 2] over their scales; -1 and 1 are the borders.

    Crop and view differ by a slight bend, of perspective and lens; a polynomial of second degree
    through the grid of rays follows it to a few thousandths.
    """
    grid = crops.rays.reshape(len(crops), 2, -1).transpose(0, 2, 1).astype(np.float64)
    cells = int(round(grid.shape[1] ** 0.5))
    at = (np.arange(cells) + 0.5) / cells * 2 - 1
    target = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
    solution = np.linalg.pinv(_terms(grid)) @ target
    return _terms(rays.astype(np.float64)) @ solution


def _terms(points: np.ndarray) -> np.ndarray:
    x, y = points[..., 0], points[..., 1]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def train_probe(
    crops: Crops,
    steps: int,
    batch: int = 64,
    seed: int = 0,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> KeypointProbe:
    """Learn COCO's keypoints, hidden ones as well as seen ones; those outside are not learned.

    Mirrored half of the time, in other light, partly covered. The same input gives the same
    network. Raises ValueError for arrays of other shapes.
    """
    shapes = {
        "image": (3, SIZE, SIZE),
        "heatmaps": (LANDMARKS, CELLS, CELLS),
        "mask": (1, CELLS, CELLS),
        "points": (len(COCO), 2),
    }
    for name, shape in shapes.items():
        if getattr(crops, name).shape[1:] != shape:
            raise ValueError(f"{name} is {getattr(crops, name).shape}, expected [N, *{shape}]")
    torch.manual_seed(seed)
    rng, draws = np.random.default_rng(seed), Generator().manual_seed(seed)
    network = KeypointProbe().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=0.02)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for step in range(steps):
        rows = np.sort(rng.integers(0, len(crops), batch))
        image, maps, mask, points = varied(crops[rows], draws)
        loss = probe_loss(network(image, maps, mask), points)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        rate.step()
        report(step, float(loss.detach()))
    return network.eval()


def probe_loss(logits: Tensor, points: Tensor) -> Tensor:
    """Cross-entropy with a bump around each keypoint [B, 17, 2] inside, and the mean distance."""
    inside = (points.abs() < 1).all(-1)  # not of NaN
    points = points.nan_to_num()
    at = centres(logits)
    spread = 2 * (2 * SPREAD / CELLS) ** 2
    bump = [torch.exp(-((at - points[..., d, None]) ** 2) / spread) for d in range(2)]
    target = (bump[1][..., :, None] * bump[0][..., None, :]).flatten(2)
    target = target / target.sum(-1, keepdim=True).clamp(min=1e-9)
    entropy = -(target * logits.flatten(2).log_softmax(-1)).sum(-1)
    distance = (places_of(logits) - points).abs().sum(-1)
    return ((entropy + distance) * inside).sum() / inside.sum().clamp(min=1)


def varied(crops: Crops, rng: Generator) -> tuple[Tensor, ...]:
    """A batch of crops, changed at random: picture, heat-maps, mask in 0..1, and their points."""
    how = Augmentation()
    image, maps, mask = (
        torch.from_numpy(v).float() / 255 for v in (crops.image, crops.heatmaps, crops.mask)
    )
    points = torch.from_numpy(crops.points)
    flip = torch.rand(len(image), generator=rng) < how.mirror
    wide = flip[:, None, None, None]
    image = torch.where(wide, image.flip(3), image)
    maps = torch.where(wide, maps[:, MIRRORED_MAPS].flip(3), maps)
    mask = torch.where(wide, mask.flip(3), mask)
    mirror = points[:, MIRRORED] * torch.tensor([-1.0, 1.0])
    points = torch.where(flip[:, None, None], mirror, points)
    image = covered(relit(image, how, rng), how, rng)
    return image.contiguous(memory_format=torch.channels_last), maps, mask, points
