"""The front end's parts without any network: boxes, regions, anchors, decoding, HOG's shares."""

import cv2
import numpy as np
import pytest

from hmr_ros.frontend import carrier
from hmr_ros.frontend.anchors import ssd_anchors
from hmr_ros.frontend.boxes import around, clipped, iou, kept, suppressed
from hmr_ros.frontend.hog import HogDetector, scales, shares
from hmr_ros.frontend.hog_margins import coefficients, margins
from hmr_ros.frontend.interpreter import TfliteNetwork
from hmr_ros.frontend.landmarks import Landmarks, refined
from hmr_ros.frontend.letterbox import letterboxed
from hmr_ros.frontend.plausible import plausible, repeated
from hmr_ros.frontend.pose_detection import decode
from hmr_ros.frontend.regions import (
    box_of_region,
    crop,
    crop_to_image,
    region_of_box,
    region_of_points,
)
from hmr_ros.frontend.wanted_outputs import cut


def test_overlap_of_shifted_squares():
    a = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [0, 0, 0, 0]])
    assert iou(a, a) == pytest.approx(np.array([[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 0]]))


def test_suppression_keeps_the_best_of_each_group():
    boxes = np.array([[0, 0, 10, 10], [100, 0, 10, 10], [1, 0, 10, 10], [101, 0, 10, 10]])
    groups = suppressed(boxes, np.array([0.5, 0.6, 0.9, 0.4]), 0.3)
    assert [g.tolist() for g in groups] == [[2, 0], [1, 3]]
    assert kept(boxes[:0], np.zeros(0), 0.3).tolist() == []


def test_clipping_leaves_nothing_of_a_box_outside():
    boxes = [[-5, -5, 10, 10], [90, 40, 50, 50], [200, 200, 5, 5], [-50, 0, 20, 20]]
    found = clipped(boxes, 100, 60)
    assert found[:2].tolist() == [[0, 0, 5, 5], [90, 40, 10, 20]]
    assert found[2:, 2:].prod(1).tolist() == [0, 0]


def test_box_around_points_grows_by_the_longer_side():
    points = np.array([[10, 20], [30, 120]], float)
    assert around(points, 0.1).tolist() == [0, 10, 40, 120]
    assert around(points[:0]).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("degrees", [0, 35, -120, 180])
def test_the_crop_stands_the_person_up(degrees):
    angle = np.radians(degrees)
    hip = np.array([[310.0, 240.0]])
    rim = hip + 80 * np.array([[np.sin(angle), -np.cos(angle)]])
    region = region_of_points(hip, rim)
    to_image = crop_to_image(region, 256)[0]
    assert to_image @ [128, 128, 1] == pytest.approx(hip[0], abs=1e-3)
    # 80 pixels are the radius of the body's circle; the crop is 1.25 times as large.
    assert to_image @ [128, 128 - 128 / 1.25, 1] == pytest.approx(rim[0], abs=1e-3)
    # Handedness: what is right of the person in the crop is right of the lean in the image.
    sideways = to_image @ [228, 128, 1] - hip[0]
    assert sideways @ [np.cos(angle), np.sin(angle)] == pytest.approx(100 * 200 / 256, abs=1e-2)


def test_the_crop_is_black_outside_the_image():
    image = np.full((40, 40, 3), 255, np.uint8)
    region = region_of_box(np.array([[30, 10, 20, 20]]), margin=1.0)
    cut = crop(image, crop_to_image(region, 20)[0], 20)
    assert cut[:, :9].min() == 255 and cut[:, 11:].max() == 0


def test_boxes_and_regions_agree_for_a_standing_body():
    box = np.array([[100, 50, 90, 200]], np.float32)
    assert iou(box_of_region(region_of_box(box)), box)[0, 0] == pytest.approx(1, abs=1e-5)
    lying = region_of_box(box)
    lying[0, 3] = np.pi / 2
    assert box_of_region(lying)[0, 2:] == pytest.approx([200, 90])


def test_anchor_grid():
    anchors = ssd_anchors()
    assert anchors.shape == (2254, 2)
    assert anchors[:3] * 28 == pytest.approx(np.array([[0.5, 0.5], [0.5, 0.5], [1.5, 0.5]]))
    assert anchors[1568] * 14 == pytest.approx([0.5, 0.5])
    assert anchors[1960:1966] * 7 == pytest.approx(np.full((6, 2), 0.5))
    assert anchors[-1] * 7 == pytest.approx([6.5, 6.5])


def test_every_person_is_decoded_and_neighbours_are_averaged():
    anchors = ssd_anchors()
    raw, logits = np.zeros((2254, 12), np.float32), np.full(2254, -200, np.float32)
    # Person A from two anchors of the same cell that disagree by 8 pixels in x; B from another.
    for row, shift, logit in ((600, 0, 3.0), (601, 8, 1.0), (1900, 0, 2.0)):
        logits[row] = logit
        raw[row, :4] = shift, 0, 40, 40
        raw[row, 4:] = np.tile([shift, 20], 4)
    found = decode(raw, logits, anchors, 0.5)
    weight = 1 / (1 + np.exp(-np.array([3.0, 1.0])))
    shift = 8 * weight[1] / weight.sum()
    assert found.scores == pytest.approx(1 / (1 + np.exp([-3.0, -2.0])), abs=1e-6)
    assert found.points[:, 0] * 224 == pytest.approx(
        anchors[[600, 1900]] * 224 + [[shift, 20], [0, 20]], abs=1e-3
    )
    centre = found.faces[:, :2] + found.faces[:, 2:] / 2
    assert centre * 224 == pytest.approx(
        anchors[[600, 1900]] * 224 + [[shift, 0], [0, 0]], abs=1e-3
    )
    assert len(decode(raw, np.full(2254, -200, np.float32), anchors, 0.5)) == 0


def test_refinement_moves_to_the_mass_of_the_heatmap_near_the_point():
    heatmaps = np.full((64, 64, 3), -50, np.float32)
    heatmaps[20, 30, 0] = heatmaps[20, 32, 0] = 10  # two equal peaks around column 31
    heatmaps[5, 5, 0] = 10  # another one, too far away
    heatmaps[40, 40, 1] = -1  # no clear peak
    points = np.array([[30.5 * 4, 21.5 * 4], [40 * 4, 40 * 4], [-20, 300]], np.float32)
    moved = refined(points, heatmaps)
    assert moved[0] == pytest.approx([31 * 4, 20 * 4], abs=1e-3)
    assert moved[1:].tolist() == points[1:].tolist()


def test_letterbox_points_return_to_the_image():
    image = np.zeros((90, 400, 3), np.uint8)
    image[40:50, 200:210] = 255
    canvas, placed = letterboxed(image, 128, 96, border=7)
    assert canvas.shape == (96, 128, 3)
    assert canvas[0].max() == 7 and canvas[48].max() > 100
    rows, columns = np.nonzero(canvas[..., 0] > 100)
    centre = placed.points(np.array([columns.mean() + 0.5, rows.mean() + 0.5]))
    assert centre == pytest.approx([205, 45], abs=2)
    assert placed.boxes(np.array([[placed.x, placed.y, 128, 28.8]]))[0] == pytest.approx(
        [0, 0, 400, 90], abs=1e-3
    )


@pytest.mark.parametrize("count", [1, 4, 7])
def test_shares_hold_every_window_row_once_at_even_cost(count):
    at = scales(576, 0.1, 0.4)
    plan = shares(768, 576, at, count)
    rows = [(b.scale, r) for share in plan for b in share for r in range(b.first, b.last)]
    assert len(rows) == len(set(rows))
    assert {s for s, _ in rows} == set(at)
    cost = [sum((b.last - b.first) * b.scale for b in share) for share in plan]
    assert max(cost) < 1.1 * min(cost)


def test_hog_scales_reach_from_the_smallest_to_the_largest():
    heights = 96 / np.array(scales(600, 0.1, 0.5))
    assert heights[0] == pytest.approx(60) and heights[-1] >= 300
    assert (heights[1:] / heights[:-1]).max() <= 1.3


def test_a_sweep_in_shares_sees_what_the_whole_sweep_sees():
    skimage = pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")
    grey = np.ascontiguousarray(skimage.camera()[::2, ::2])
    detector = HogDetector(min_margin=-2.0)
    whole, margins = detector(grey, shares(256, 256, (1.0,), 1)[0])
    parts = [detector(grey, share) for share in shares(256, 256, (1.0,), 5)]
    boxes, found = (np.concatenate(values) for values in zip(*parts, strict=True))
    best = iou(boxes, whole[:1])[:, 0].argmax()
    assert iou(boxes, whole[:1])[best, 0] > 0.99
    # The gradient of a strip's first and last row is not that of the whole image.
    assert found.max() == pytest.approx(margins[0], abs=0.1)


@pytest.mark.parametrize("size", [(512, 512), (203, 331), (128, 64)])
def test_margins_are_those_of_opencv_at_every_window(size):
    skimage = pytest.importorskip("skimage.data", reason="scikit-image carries the test photo")
    grey = np.ascontiguousarray(skimage.camera()[: size[0], : size[1]])
    found = margins(grey, *coefficients(cv2.HOGDescriptor_getDefaultPeopleDetector()))
    reference = cv2.HOGDescriptor()
    reference.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    corners, expected = reference.detect(grey, -100.0, (8, 8))
    columns, rows = np.asarray(corners).reshape(-1, 2).T // 8
    assert len(rows) == found.size
    # OpenCV takes its angles to a third of a degree.
    assert found[rows, columns] == pytest.approx(np.ravel(expected), abs=5e-3)


def test_margins_refuse_what_holds_no_window():
    with pytest.raises(ValueError, match="H >= 128"):
        margins(np.zeros((127, 64), np.uint8), np.zeros((15, 252), np.float32), 0.0)


def made(points, next_regions, flags, peaks):
    count = len(flags)
    return Landmarks(
        points=np.asarray(points, np.float32),
        visibility=np.ones((count, 33), np.float32),
        presence=np.ones((count, 33), np.float32),
        flags=np.asarray(flags, np.float32),
        peaks=np.asarray(peaks, np.float32),
        next_regions=np.asarray(next_regions, np.float32),
        crops=np.zeros((count, 2, 3), np.float32),
    )


def test_what_is_no_body_is_refused():
    looked_at = np.array([[100, 100, 80, 0]] * 5, np.float32)
    next_regions = [[100, 100, 80, 0], [100, 100, 20, 0], [190, 100, 80, 0]] + [
        [100, 100, 80, 0]
    ] * 2
    seen = made(np.zeros((5, 33, 2)), next_regions, [1] * 5, [0.6, 0.6, 0.6, 0.4, 0.4])
    known = np.array([False, False, False, False, True])
    assert plausible(seen, looked_at, known).tolist() == [True, False, False, False, True]


def test_the_same_person_counts_once_and_a_neighbour_stays():
    rng = np.random.default_rng(1)
    body = rng.uniform(0, 100, (33, 2))
    points = np.stack([body, body + 3, body + [30, 0]])
    boxes = np.array([[0, 0, 100, 100], [3, 3, 100, 100], [30, 0, 100, 100]], float)
    seen = made(points, np.zeros((3, 4)), [1] * 3, [1] * 3)
    assert repeated(seen, boxes).tolist() == [False, True, False]


def test_a_cut_network_answers_as_the_whole_file_does():
    from ai_edge_litert.interpreter import Interpreter

    path, shape = carrier.model_path("pose_landmark"), (1, 256, 256, 3)
    wanted = ((1, 64, 64, 39), (1, 195), (1, 4, 4, 288))
    image = np.random.default_rng(0).random(shape, np.float32)
    whole = Interpreter(model_path=str(path))
    whole.allocate_tensors()
    whole.set_tensor(whole.get_input_details()[0]["index"], image)
    whole.invoke()
    expected = {tuple(o["shape"]): whole.get_tensor(o["index"]) for o in whole.get_output_details()}
    few = TfliteNetwork(path, shape, wanted)
    few.run(image)
    for number, name in enumerate(wanted[:2]):
        np.testing.assert_allclose(few.output(number), expected[name], atol=1e-3)
    # Results of ReLU6: never below zero, never above six.
    inner = few.output(2)
    assert inner.shape == (1, 4, 4, 288) and inner.min() == 0 and 0 < inner.max() <= 6
    with pytest.raises(ValueError, match=r"no operation gives the shape \(1, 5, 5, 7\)"):
        TfliteNetwork(path, shape, ((1, 5, 5, 7),))
    with pytest.raises(ValueError, match="inputs .* are not the expected"):
        TfliteNetwork(path, (1, 8, 8, 3), wanted)


def graph_for(*shapes):
    from ai_edge_litert import schema_py_generated as schema

    content = cut(carrier.model_path("pose_landmark"), shapes)
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0)).subgraphs[0]


def test_the_inner_result_is_what_leaves_the_stage_of_its_size():
    graph = graph_for((1, 195), (1, 4, 4, 288))
    # The next stage begins with a pooling of it.
    (pooled,) = [n for n, t in enumerate(graph.tensors) if b"max_pooling2d_1/MaxPool" in t.name]
    (pooling,) = [o for o in graph.operators if pooled in o.outputs]
    assert graph.outputs[-1] == pooling.inputs[0] and len(graph.outputs) == 2


def test_nothing_is_computed_that_nobody_wants():
    mask = (1, 256, 256, 1)
    few, all_of_them = graph_for((1, 195)), graph_for((1, 195), mask)
    sizes = [
        {tuple(g.tensors[o.outputs[0]].shape) for o in g.operators} for g in (few, all_of_them)
    ]
    assert mask in sizes[1] and mask not in sizes[0]
    # The mask alone is drawn from maps of 256 x 256 with 8 channels.
    assert (1, 256, 256, 8) in sizes[1] and (1, 256, 256, 8) not in sizes[0]
    assert len(few.operators) < len(all_of_them.operators)


def test_a_missing_wheel_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(carrier.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps mediapipe"):
        carrier.model_path("pose_detection")
    (tmp_path / "mediapipe").mkdir()
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path / "mediapipe")]})
    monkeypatch.setattr(carrier.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(FileNotFoundError, match="pose_landmark_full.tflite is missing"):
        carrier.model_path("pose_landmark")
