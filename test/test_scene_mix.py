"""What a network trained on one mix or another says of photographs is measured as it is told."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.cli.evaluations.scene_mix import folder_of, mixes_of  # noqa: E402
from hmr_ros.data.scenes.things import Thing  # noqa: E402
from hmr_ros.evaluation.coco import LabelledPeople  # noqa: E402
from hmr_ros.evaluation.scene_mix import (  # noqa: E402
    COCO,
    by_label,
    photographed,
    predicted,
    rows_of,
    under_board,
)
from hmr_ros.people import People  # noqa: E402

SIZE = 128


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


def test_answers_are_pixels_of_the_photograph(tmp_path):
    """Landmarks in space come back where the photograph's own camera shows them."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((480, 640, 3), np.uint8))
    labelled = LabelledPeople(
        boxes=np.array([[400.0, 60, 80, 320]]),
        joints=np.zeros((1, 17, 3)),
        areas=np.ones(1),
        image="a.png",
    )
    (seen,) = photographed(tmp_path, [labelled], lambda image, boxes: people(boxes), SIZE)
    view, scale = seen.crops.view[0].astype(float), float(seen.crops.scale[0])
    pelvis = np.array([0.1, -0.05, 4.0])  # view frame
    landmarks = np.random.default_rng(0).normal(0, 0.4, (33, 3))

    class Known:
        def predict(self, inputs):
            # The place as the family's networks say it: ray over scale, and the log of z x scale.
            place = [*(pelvis[:2] / pelvis[2] / scale), np.log(pelvis[2] * scale)]
            return SimpleNamespace(
                landmarks=torch.tensor(landmarks[None], dtype=torch.float32),
                place=torch.tensor([place], dtype=torch.float32),
            )

    answer = predicted(Known(), [seen])[0]
    wanted = seen.camera.project((landmarks[COCO] + pelvis) @ view)
    assert answer == pytest.approx(wanted, abs=0.01)


def test_boards_hide_half_of_each_person_alone(tmp_path):
    """What lies under a board counts if the photograph shows it, and only there it is painted."""
    white = np.full((200, 300, 3), 255, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), white)
    joints = np.zeros((2, 17, 3))
    joints[:, 0] = [[60, 60, 2], [210, 60, 2]]  # heads, right of the middle
    joints[:, 15] = [[45, 150, 2], [195, 150, 1]]  # ankles at the left; one is occluded anyway
    labelled = LabelledPeople(
        boxes=np.array([[30.0, 40, 50, 120], [180.0, 40, 50, 120]]),
        joints=joints,
        areas=np.ones(2),
        image="a.png",
    )
    shown = []

    def look(image, boxes):
        shown.append(image)
        return people(boxes)

    seen = photographed(tmp_path, [labelled], look, SIZE, board=True)
    assert len(seen) == len(shown) == 2 and [len(s.crops) for s in seen] == [1, 1]
    for image, (x, y, width, height) in zip(shown, labelled.boxes, strict=True):
        dark = image[..., 0] < 255
        rows, columns = np.nonzero(dark)
        assert rows.min() == y + height / 2 and rows.max() < y + 1.1 * height
        assert columns.min() >= x - 0.25 * width - 1 and columns.max() <= x + 1.25 * width
    assert np.argwhere(under_board(labelled, True)).tolist() == [[0, 15]]
    assert np.argwhere(under_board(labelled, False)).tolist() == [[0, 15]]


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
    rows = rows_of(
        {"bad": bad[None], "good": good[None], "both": np.stack([bad, good])},
        labelled,
        np.arange(4),
        "bad",
        by_label(labelled),
    )
    by = {(r["model"], r["subset"]): r for r in rows}
    assert by["good", "all"]["n"] == 64 and by["good", "occluded"]["n"] == 12
    assert by["good", "all"]["pck10"] == 1 and by["bad", "all"]["pck10"] == 0
    assert by["bad", "all"]["pck20"] == 1 and by["good", "occluded"]["pck10_gain"] == 1
    assert by["both", "all"]["pck10"] == 0.5  # the mean over trainings


def test_an_arm_without_a_kind_of_occluder_has_none_of_it():
    for mix in mixes_of("full-without-furniture"):
        assert mix.occluders[Thing.FURNITURE] == 0 and mix.occluders[Thing.SOLID] > 0
    assert [mix.name for mix in mixes_of("full")] == ["realistic", "heavy"]
    with pytest.raises(ValueError, match="arm 'none' is unknown"):
        mixes_of("none")


def test_a_training_that_began_elsewhere_is_another_one(tmp_path):
    args = SimpleNamespace(out=tmp_path, people=5, steps=7, begin_from=None)
    folders = {folder_of("full", seed, args) for seed in (0, 1)}
    for content in (b"one", b"two"):
        args.begin_from = tmp_path / "checkpoint.pt"
        args.begin_from.write_bytes(content)
        folders.add(folder_of("full", 0, args))
    assert len(folders) == 4 and all(f.parent == tmp_path for f in folders)
    args.begin_from = tmp_path / "none.pt"
    with pytest.raises(ValueError, match="none.pt is not there: `hmr train baseline_keypoints"):
        folder_of("full", 0, args)
