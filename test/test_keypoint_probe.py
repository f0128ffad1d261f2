"""The probe network learns what it is shown, and its evaluation measures what it says."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.evaluation.coco import LabelledPeople  # noqa: E402
from hmr_ros.evaluation.scene_mix import crops, predicted, rows_of  # noqa: E402
from hmr_ros.models.keypoint_probe import CELLS, SIZE, STRIDE, KeypointProbe, positions  # noqa: E402
from hmr_ros.training.keypoint_probe import train_probe  # noqa: E402


def dots(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of one bright dot; all keypoints but one are on it, that one is never inside."""
    rng = np.random.default_rng(seed)
    images = np.full((count, SIZE, SIZE, 3), 60, np.uint8)
    places = rng.integers(20, SIZE - 20, (count, 2))
    for image, (x, y) in zip(images, places, strict=True):
        cv2.circle(image, (int(x), int(y)), 4, (250, 250, 250), -1)
    keypoints = np.repeat(places[:, None], 17, 1).astype(np.float32)
    keypoints[:, 3] = -1000
    return images, keypoints


def test_positions_are_the_centre_of_mass_in_pixels():
    logits = torch.full((1, 1, CELLS, CELLS), -1e4)
    logits[0, 0, 5, 9] = 0
    middle = (STRIDE - 1) / 2
    assert positions(logits)[0, 0].tolist() == [9 * STRIDE + middle, 5 * STRIDE + middle]


def test_training_learns_and_repeats_itself():
    torch.set_num_threads(1)
    images, keypoints = dots(128, 0)
    losses = []
    network = train_probe(images, keypoints, 40, 16, report=lambda step, loss: losses.append(loss))
    assert losses[-1] < 0.7 * losses[0]
    again = train_probe(images, keypoints, 3, 16)
    twice = train_probe(images, keypoints, 3, 16)
    for a, b in zip(again.parameters(), twice.parameters(), strict=True):
        assert torch.equal(a, b)
    held_out, truth = dots(32, 1)
    same = np.broadcast_to(np.eye(2, 3), (32, 2, 3))
    error = np.linalg.norm(predicted(network, held_out, same)[:, 0] - truth[:, 0], axis=-1)
    assert np.median(error) < 8


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="must be"):
        train_probe(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 17, 2)), 1)


def test_crops_map_back_to_the_photograph(tmp_path):
    photo = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(photo, (150, 120), 6, (255, 255, 255), -1)
    cv2.imwrite(str(tmp_path / "a.png"), photo)
    people = LabelledPeople(
        boxes=np.array([[100.0, 60, 80, 120]]),
        joints=np.zeros((1, 17, 3)),
        areas=np.ones(1),
        image="a.png",
    )
    images, maps = crops(tmp_path, [people])
    rows, columns = np.nonzero(images[0, ..., 0] > 127)
    centre = maps[0, :, :2] @ [columns.mean(), rows.mean()] + maps[0, :, 2]
    assert centre == pytest.approx([150, 120], abs=0.7)


def test_rows_count_labelled_joints_and_pair_the_arms():
    labelled = LabelledPeople(
        boxes=np.tile([0.0, 0, 50, 100], (4, 1)),
        joints=np.tile([10.0, 10, 2], (4, 17, 1)),
        areas=np.ones(4),
    )
    labelled.joints[:, :3, 2] = 1
    labelled.joints[:, 16, 2] = 0
    good = labelled.joints[..., :2].copy()
    bad = good + [[[15.0, 0]]]
    rows = rows_of({"bad": bad, "good": good}, labelled, np.arange(4), "bad")
    by = {(r["model"], r["subset"]): r for r in rows}
    assert by["good", "all"]["n"] == 64 and by["good", "occluded"]["n"] == 12
    assert by["good", "all"]["pck10"] == 1 and by["bad", "all"]["pck10"] == 0
    assert by["bad", "all"]["pck20"] == 1 and by["good", "occluded"]["pck10_gain"] == 1


def test_network_is_small():
    assert sum(p.numel() for p in KeypointProbe().parameters()) < 600_000
