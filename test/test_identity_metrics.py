"""Detection and identity figures of clips worked out by hand."""

from __future__ import annotations

import builtins
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmr_ros.evaluation import identity_metrics as metrics
from hmr_ros.evaluation.identity_metrics import Frame


def two_people(frames: int, ids, distance: float = 0.2) -> list[Frame]:
    """Persons 1 and 2 apart from each other; ``ids(t)`` says who is reported at their places."""
    clip = []
    for t in range(frames):
        reported = ids(t)
        distances = np.full((2, 2), np.nan)
        distances[[0, 1], [0, 1]] = distance
        kept = [place for place in (0, 1) if reported[place] is not None]
        clip.append(Frame([1, 2], [reported[place] for place in kept], distances[:, kept]))
    return clip


@pytest.fixture
def scores():
    pytest.importorskip("motmetrics", reason="motmetrics is not installed")
    return lambda clip: metrics.tracking_scores({"clip": clip})["clip"]


def test_a_perfect_clip(scores):
    found = scores(two_people(10, lambda t: (7, 8)))
    assert found["mota"] == found["idf1"] == found["precision"] == found["recall"] == 1
    assert found["motp"] == pytest.approx(0.2)
    assert found["switches"] == found["fragmentations"] == found["mostly_lost"] == 0
    assert found["mostly_tracked"] == 2 and found["objects"] == found["predictions"] == 20


def test_two_people_who_swap_once_switch_twice(scores):
    found = scores(two_people(10, lambda t: (7, 8) if t < 6 else (8, 7)))
    assert found["switches"] == 2 and found["fragmentations"] == 0
    assert found["mota"] == pytest.approx(1 - 2 / 20)
    assert found["idf1"] == pytest.approx(0.6)  # each keeps its better 6 frames of 10
    assert found["id_true_positives"] == 12


def test_a_gap_is_a_fragmentation_and_misses(scores):
    found = scores(two_people(10, lambda t: (7, None if 3 <= t < 6 else 8)))
    assert found["fragmentations"] == 1 and found["misses"] == 3 and found["switches"] == 0
    assert found["recall"] == pytest.approx(17 / 20) and found["precision"] == 1
    assert found["mota"] == pytest.approx(1 - 3 / 20)
    assert found["idf1"] == pytest.approx(2 * 17 / 37)
    assert found["mostly_tracked"] == 1 and found["partially_tracked"] == 1


def test_a_person_who_is_almost_never_found_is_mostly_lost(scores):
    found = scores(two_people(20, lambda t: (7, 8 if t < 3 else None)))
    assert found["mostly_tracked"] == 1 and found["mostly_lost"] == 1


def test_a_ghost_is_a_false_positive(scores):
    clip = [Frame([1], [5, 6], np.array([[0.1, np.nan]])) for _ in range(8)]
    found = scores(clip)
    assert found["false_positives"] == 8 and found["mota"] == 0 and found["precision"] == 0.5


def test_clips_share_no_identities():
    pytest.importorskip("motmetrics")
    clips = {
        "a": two_people(10, lambda t: (7, 8)),
        "b": two_people(30, lambda t: (8, 7)),
    }
    found = metrics.tracking_scores(clips)
    assert list(found) == ["a", "b", "overall"]
    assert found["overall"]["switches"] == 0 and found["overall"]["idf1"] == 1
    assert found["overall"]["objects"] == 80 and found["overall"]["frames"] == 40


def test_counts_give_back_the_ratios():
    pytest.importorskip("motmetrics")
    rng = np.random.default_rng(0)
    clips = {}
    for name in "abc":
        frames = []
        for _ in range(30):
            true, seen = rng.random((3, 3)), rng.random((rng.integers(0, 5), 3))
            ids = rng.permutation(6)[: len(seen)]
            frames.append(Frame([1, 2, 3], ids, metrics.point_distances(true, seen)))
        clips[name] = frames
    found = metrics.tracking_scores(clips)
    sums = {k: sum(found[n][k] for n in "abc") for k in found["a"]}
    assert found["overall"]["objects"] == sums["objects"] == 270
    wrong = sums["misses"] + sums["false_positives"] + sums["switches"]
    assert found["overall"]["mota"] == pytest.approx(1 - wrong / sums["objects"])
    both = sums["objects"] + sums["predictions"]
    assert found["overall"]["idf1"] == pytest.approx(2 * sums["id_true_positives"] / both)
    # Matching by motmetrics keeps old pairs, ours does not: precision may differ, not by much.
    ours = metrics.detection_scores(metrics.detection_counts(itertools.chain(*clips.values())))
    assert ours["recall"] == pytest.approx(found["overall"]["recall"], abs=0.05)


def test_an_empty_clip_has_no_ratios():
    pytest.importorskip("motmetrics")
    empty = [Frame([], [], np.zeros((0, 0))) for _ in range(3)]
    found = metrics.tracking_scores({"empty": empty})["overall"]
    assert found["objects"] == 0 and np.isnan(found["idf1"])
    with pytest.raises(ValueError, match="one clip or more"):
        metrics.tracking_scores({})


def test_without_motmetrics_the_message_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name == "motmetrics":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="pip install .*motmetrics"):
        metrics.tracking_scores({"a": []})


def test_intersection_over_union_by_hand():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [100, 0, 1, 1]], float)
    found = metrics.box_iou(boxes[:1], boxes)
    assert found == pytest.approx(np.array([[1, 50 / 150, 0]]))
    distances = metrics.box_distances(boxes[:1], boxes, least_iou=0.3)
    assert distances == pytest.approx(np.array([[0, 2 / 3, np.nan]]), nan_ok=True)
    assert np.isfinite(metrics.box_distances(boxes[:1], boxes)).tolist() == [[True, False, False]]


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 9)] * 4), min_size=1, max_size=4))
def test_intersection_over_union_is_symmetric_and_between_0_and_1(boxes):
    found = metrics.box_iou(np.array(boxes), np.array(boxes))
    assert found == pytest.approx(found.T) and found.min() >= 0 and found.max() <= 1


def test_points_beyond_the_greatest_distance_are_no_match():
    distances = metrics.point_distances([[0, 0, 3]], [[0.3, 0.4, 3], [0.31, 0.4, 3]])
    assert distances[0, 0] == pytest.approx(0.5) and np.isnan(distances[0, 1])


@settings(deadline=None)
@given(
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_matching_is_the_best_of_all(rows, columns, seed):
    rng = np.random.default_rng(seed)
    distances = np.where(rng.random((rows, columns)) < 0.5, rng.random((rows, columns)), np.nan)
    r, c = metrics.matches(distances)
    assert np.isfinite(distances[r, c]).all() and len(set(r)) == len(set(c)) == len(r)
    every = []
    small, big = min(rows, columns), max(rows, columns)
    table = distances if rows <= columns else distances.T
    for order in itertools.permutations(range(big), small):
        chosen = table[range(small), order]
        chosen = chosen[np.isfinite(chosen)]
        every.append((-len(chosen), chosen.sum()))
    number, total = min(every)
    assert len(r) == -number and distances[r, c].sum() == pytest.approx(total)


def test_detection_is_counted():
    frames = [
        Frame([1, 2], [4], np.array([[0.1], [np.nan]])),
        Frame([1], [4, 5, 6], np.array([[0.3, 0.1, np.nan]])),
        Frame([], [9], np.zeros((0, 1))),
    ]
    counts = metrics.detection_counts(frames)
    assert counts.tolist() == [[1, 0, 1], [1, 2, 0], [0, 1, 0]]
    found = metrics.detection_scores(counts)
    assert found == pytest.approx({"precision": 2 / 5, "recall": 2 / 3, "f1": 0.5})
    assert np.isnan(metrics.detection_scores(np.zeros((0, 3)))["precision"])


def test_hidden_people_are_neither_asked_for_nor_wrong():
    distances = np.array([[0.1, np.nan, np.nan], [np.nan, 0.2, 0.3]])
    kept = metrics.without(Frame([1, 2], [7, 8, 9], distances), np.array([False, True]))
    assert kept.true_ids.tolist() == [1] and kept.ids.tolist() == [7, 9]
    assert metrics.detection_counts([kept]).tolist() == [[1, 1, 0]]


def test_malformed_frames_are_refused():
    with pytest.raises(ValueError, match=r"distances must be \(2, 1\), got \(1, 1\)"):
        Frame([1, 2], [3], np.zeros((1, 1)))
    with pytest.raises(ValueError, match="ids of a frame must differ"):
        Frame([1], [3, 3], np.zeros((1, 2)))
