"""People with made-up pictures and true geometry, as crops, as truth and as a corpus."""

import numpy as np
import torch

from hmr_ros.person_crops import FEATURES, PersonCrops
from hmr_ros.training.corpus import SHARDS, VERSION, Truth, packed, write_shard

PEOPLE, SIZE, A_SHARD = 40, 64, 20


def made_people(skeleton):
    """Bodies in random poses, the crops a front end would make of them, and the truth."""
    rng = torch.Generator().manual_seed(3)
    turn = torch.randn(PEOPLE, 24, 3, 3, generator=rng)
    rotations = torch.linalg.qr(torch.eye(3) * 3 + turn)[0]
    rotations = rotations * torch.linalg.det(rotations)[..., None, None]
    betas = torch.zeros(PEOPLE, 10)
    joints, landmarks = skeleton(rotations, betas)
    pelvis = torch.tensor([0.1, 0.2, 4.0]).expand(PEOPLE, 3)
    scale = np.full(PEOPLE, 0.3, np.float32)
    places = [flat(points, pelvis, 0.3).numpy() for points in (joints, landmarks)]
    numbers = np.random.default_rng(4)
    crops = PersonCrops(
        image=numbers.integers(0, 256, (PEOPLE, 3, SIZE, SIZE), np.uint8),
        heatmaps=numbers.integers(0, 256, (PEOPLE, 33, 32, 32), np.uint8),
        mask=numbers.integers(0, 256, (PEOPLE, 1, 32, 32), np.uint8),
        features=numbers.integers(0, 256, (PEOPLE, *FEATURES), np.uint8),
        keypoints=np.concatenate([places[1], np.full((PEOPLE, 33, 1), 0.8)], 2).astype(np.float32),
        world=landmarks.numpy(),
        rays=numbers.random((PEOPLE, 2, 16, 16), np.float32),
        scale=scale,
        box=numbers.random((PEOPLE, 4), np.float32),
        view=np.tile(np.eye(3, dtype=np.float32), (PEOPLE, 1, 1)),
    )
    truth = Truth(
        rotations=rotations.numpy(),
        betas=betas.numpy(),
        pelvis=pelvis.numpy(),
        joints=joints.numpy(),
        visibility=numbers.integers(0, 3, (PEOPLE, 24), np.uint8),
        occluder=np.zeros((PEOPLE, 24), np.uint8),
        joints_2d=places[0],
    )
    return crops, truth


def flat(points, pelvis, scale):
    points = points + pelvis[:, None]
    return points[..., :2] / points[..., 2:] / scale


def corpus_of(people, folder):
    """``people`` written as a corpus; returns the folder."""
    SHARDS.begin(folder, {"version": VERSION, "size": SIZE})
    records = packed(*people)
    for shard in range(PEOPLE // A_SHARD):
        write_shard(folder, shard, records[shard * A_SHARD : (shard + 1) * A_SHARD])
    return folder
