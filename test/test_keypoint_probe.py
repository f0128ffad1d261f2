"""The probe network learns what it is shown, and its evaluation measures what it says."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.body.keypoints import keypoints  # noqa: E402
from hmr_ros.body.kinematics import rest_joints  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.evaluation.coco import LabelledPeople  # noqa: E402
from hmr_ros.evaluation.scene_mix import (  # noqa: E402
    at_places,
    photographed,
    predicted,
    rows_of,
)
from hmr_ros.geometry.camera import Camera  # noqa: E402
from hmr_ros.models.keypoint_probe import (  # noqa: E402
    CELLS,
    COCO,
    LANDMARKS,
    SIZE,
    KeypointProbe,
    positions,
)
from hmr_ros.people import People  # noqa: E402
from hmr_ros.person_crops import crops_of  # noqa: E402
from hmr_ros.training.corpus import Truth  # noqa: E402
from hmr_ros.training.keypoint_probe import Crops, coco_rays, in_crop, train_probe  # noqa: E402


def dots(count: int, seed: int) -> Crops:
    """Pictures of one bright dot; all keypoints but one are on it, that one is never inside."""
    rng = np.random.default_rng(seed)
    images = np.full((count, SIZE, SIZE, 3), 60, np.uint8)
    places = rng.integers(30, SIZE - 30, (count, 2))
    for image, (x, y) in zip(images, places, strict=True):
        cv2.circle(image, (int(x), int(y)), 6, (250, 250, 250), -1)
    points = np.repeat((2 * places[:, None] + 1) / SIZE - 1, 17, 1).astype(np.float32)
    points[:, 3] = -30
    return Crops(
        images.transpose(0, 3, 1, 2).copy(),
        np.zeros((count, LANDMARKS, CELLS, CELLS), np.uint8),
        np.zeros((count, 1, CELLS, CELLS), np.uint8),
        points,
    )


def people(boxes, keypoints=None) -> People:
    """Found people whose crops are the squares around their boxes."""
    n = len(boxes)
    return People(
        boxes=np.asarray(boxes, np.float32),
        scores=np.ones(n, np.float32),
        keypoints=np.zeros((n, 33, 3), np.float32) if keypoints is None else keypoints,
        found=np.ones(n, bool),
        keypoint_set="blazepose33",
        source=np.full(n, "given"),
    )


def test_positions_are_the_centre_of_mass():
    logits = torch.full((1, 1, CELLS, CELLS), -1e4)
    logits[0, 0, 5, 9] = 0
    assert positions(logits)[0, 0].tolist() == pytest.approx([19 / CELLS - 1, 11 / CELLS - 1])


def test_an_untrained_probe_follows_the_heatmaps():
    maps = torch.zeros(1, LANDMARKS, CELLS, CELLS)
    for n, landmark in enumerate(COCO):
        maps[0, landmark, 5 + n, 8] = 1
    probe = KeypointProbe().eval()
    with torch.no_grad():
        logits = probe(torch.zeros(1, 3, SIZE, SIZE), maps, torch.zeros(1, 1, CELLS, CELLS))
    peaks = logits.flatten(2).argmax(-1)[0]
    assert peaks.tolist() == [(5 + n) * CELLS + 8 for n in range(17)]


def test_training_learns_and_repeats_itself():
    torch.set_num_threads(1)
    crops = dots(96, 0)
    losses = []
    network = train_probe(crops, 50, 16, report=lambda step, loss: losses.append(loss))
    assert losses[-1] < 0.7 * losses[0]
    again = train_probe(crops, 2, 8)
    twice = train_probe(crops, 2, 8)
    for a, b in zip(again.parameters(), twice.parameters(), strict=True):
        assert torch.equal(a, b)
    held_out = dots(32, 1)
    with torch.no_grad():
        maps = [torch.from_numpy(v).float() / 255 for v in (held_out.heatmaps, held_out.mask)]
        answer = positions(network(torch.from_numpy(held_out.image).float() / 255, *maps)).numpy()
    error = np.linalg.norm(answer[:, 0] - held_out.points[:, 0], axis=-1)
    assert np.median(error) < 0.12


def test_wrong_shapes_are_refused():
    crops = dots(2, 0)
    with pytest.raises(ValueError, match="heatmaps is"):
        train_probe(crops.replace(heatmaps=crops.heatmaps[:, :3]), 1)


def test_the_truth_lies_where_the_crop_shows_it():
    """COCO's keypoints of a turned body, through truth and crop, against the camera itself."""
    body = load_body_model()
    camera = Camera(width=640, height=480, fx=400.0, fy=400.0, cx=320.0, cy=240.0)
    crops = crops_of(np.zeros((480, 640, 3), np.uint8), people([[380, 60, 120, 300]]), camera, SIZE)
    view = crops.view[0].astype(np.float64)
    rotations = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    rotations[0, 0] = np.diag([1, -1, -1])
    betas = np.zeros((1, 10), np.float32)
    pelvis = np.array([0.9, 0.0, 3.0])
    posed = keypoints(body, rotations, betas, None, "coco17")[0]
    pixels = camera.project(posed - rest_joints(body, betas)[0, 0] + pelvis)
    in_view = rotations.copy()
    in_view[0, 0] = view @ rotations[0, 0]
    truth = Truth(
        rotations=in_view,
        betas=betas,
        pelvis=(view @ pelvis)[None].astype(np.float32),
        joints=np.zeros((1, 24, 3), np.float32),
        visibility=np.zeros((1, 24), np.uint8),
        occluder=np.zeros((1, 24), np.uint8),
        joints_2d=np.zeros((1, 24, 2), np.float32),
    )
    places = in_crop(coco_rays(truth, body, crops.scale), crops)[0]
    side = 1.25 * 300
    wanted = (pixels - [440, 210]) / (side / 2)
    assert places == pytest.approx(wanted, abs=0.01)


def test_rays_are_read_between_the_cells():
    at = (np.arange(16) + 0.5) / 8 - 1
    grid = np.stack(np.meshgrid(at, at))[None] * [[[[2.0]], [[3.0]]]]
    points = np.array([[[0.33, -0.41], [-0.97, 0.99]]])
    assert at_places(grid, points) == pytest.approx(points * [2, 3])


def test_answers_are_pixels_of_the_photograph(tmp_path):
    """A heat-map's peak comes back at the place in the photograph that it marks."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((480, 640, 3), np.uint8))
    labelled = LabelledPeople(
        boxes=np.array([[400.0, 60, 80, 320]]),
        joints=np.zeros((1, 17, 3)),
        areas=np.ones(1),
        image="a.png",
    )
    maps = np.zeros((1, 64, 64, 39), np.float32)
    maps[0, 20:22, 40:42] = 1

    def look(image, boxes):
        side = 1.25 * 320 / 256
        crop = np.array([[[side, 0, 440 - 127.5 * side], [0, side, 220 - 127.5 * side]]])
        found = people(boxes).replace(heatmaps=maps, masks=np.zeros((1, 256, 256), np.float32))
        return found.replace(crops=crop.astype(np.float32))

    seen = photographed(tmp_path, [labelled], look)
    probe = KeypointProbe().eval()
    with torch.no_grad():
        probe.trust.fill_(20)
    answer = predicted(probe, seen)[0]
    # The middle of cells 20 and 40 of 64, over the square of 400 pixels around the box.
    wanted = [440 + 400 * (41 / 64 - 0.5), 220 + 400 * (21 / 64 - 0.5)]
    assert answer == pytest.approx(np.tile(wanted, (17, 1)), abs=1.5)


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
