"""Corpora of rendered people: their truth, their files, and folders that cannot be used."""

import json
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE  # noqa: E402
from hmr_ros.data.motions import load_motions  # noqa: E402
from hmr_ros.data.render.render import render  # noqa: E402
from hmr_ros.data.scenes.mixes import REALISTIC  # noqa: E402
from hmr_ros.data.scenes.sampling import sample_scene  # noqa: E402
from hmr_ros.frontend.description import nothing_in  # noqa: E402
from hmr_ros.frontend.regions import crop_to_image, region_of_box  # noqa: E402
from hmr_ros.person_crops import crops_of  # noqa: E402
from hmr_ros.training import corpus as corpora  # noqa: E402
from hmr_ros.training import corpus_making as making  # noqa: E402
from hmr_ros.training.corpus import Corpus, CorpusError  # noqa: E402
from hmr_ros.training.corpus_making import Drawing, draw_people, given, truth_of  # noqa: E402

A_SHARD = 3


def look(image, boxes):
    """Stands for the front end: everybody leans a little and has all keypoints in the middle."""
    n = len(boxes)
    regions = region_of_box(boxes)
    regions[:, 3] = 0.3
    middle = np.repeat(regions[:, None, :2], 33, 1)
    return nothing_in(boxes, np.full(n, "given")).replace(
        found=np.ones(n, bool),
        keypoints=np.concatenate([middle, np.full((n, 33, 1), 0.7)], 2).astype(np.float32),
        heatmaps=np.full((n, 64, 64, 39), 0.5, np.float32),
        masks=np.full((n, 256, 256), 1.0, np.float32),
        crops=crop_to_image(regions, 256),
    )


@pytest.fixture(scope="module")
def motions(shared_data):
    return shared_data / "motions.npz"


@pytest.fixture(scope="module")
def drawing(motions):
    return Drawing(look, motions, "train", None, seed=5, size=64)


@pytest.fixture(scope="module")
def folder(drawing, tmp_path_factory):
    """Two small shards."""
    folder = tmp_path_factory.mktemp("corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "PICTURES_A_SHARD", A_SHARD)
        first = next(n for n in range(1, 60) if len(list(_drawn(drawing, folder, n))) > 1)
        assert first == 1
        held = len(Corpus(folder))
        list(_drawn(drawing, folder, held + 1))
    return folder


_drawn = partial(draw_people, workers=0)


def test_second_looks_in_one_picture_of_three_of_each_mix():
    drawing = Drawing("thorough", "motions", "train", quick="quick", thorough_every=3)
    looks = [drawing._look(index) for index in range(14)]
    # Two mixes take turns: pictures 0, 6 and 12 are of the first, 1, 7 and 13 of the second.
    assert [n for n, look in enumerate(looks) if look == "thorough"] == [0, 1, 6, 7, 12, 13]
    assert set(looks) == {"thorough", "quick"}
    without = Drawing("thorough", "motions", "train", thorough_every=3)
    assert {without._look(index) for index in range(9)} == {"thorough"}


def test_truth_belongs_to_the_camera_and_to_the_crops(motions):
    body, clips = load_body_model(), load_motions(motions).split("train")
    for seed in range(40):
        picture = render(sample_scene(np.random.default_rng(seed), body, clips, REALISTIC), body)
        rows = making.counted(picture)
        if picture.camera.distorted and len(rows):
            break
    assert len(rows), "no picture with a distorted lens and people"
    crops = crops_of(picture.image, look(picture.image, picture.boxes[rows]), picture.camera)
    truth = truth_of(picture, rows, crops)
    in_view = truth.joints.astype(float) + truth.pelvis[:, None]
    in_camera = in_view @ crops.view.astype(float)
    np.testing.assert_allclose(in_camera, picture.joints[rows], atol=1e-5)
    flat = in_view[..., :2] / in_view[..., 2:]
    np.testing.assert_allclose(truth.joints_2d * crops.scale[:, None, None], flat, atol=1e-5)
    # The picture's own pixels of the joints, undistorted: another way through lens and view.
    rays = picture.camera.rays(picture.joints_2d[rows].astype(float))
    ahead = np.concatenate(
        [truth.joints_2d * crops.scale[:, None, None], np.ones((*rays.shape[:2], 1))], 2
    )
    turned = ahead @ crops.view.astype(float)
    known = np.isfinite(rays).all(-1)
    assert known.mean() > 0.8
    np.testing.assert_allclose((turned[..., :2] / turned[..., 2:])[known], rays[known], atol=1e-4)
    back = crops.view.transpose(0, 2, 1) @ truth.rotations[:, 0]
    np.testing.assert_allclose(back, picture.rotations[rows, 0], atol=1e-5)
    np.testing.assert_array_equal(truth.rotations[:, 1:], picture.rotations[rows, 1:])
    np.testing.assert_array_equal(truth.visibility, picture.visibility[rows])


def test_people_of_a_corpus_are_read_in_the_order_asked_for(drawing, folder):
    corpus = Corpus(folder)
    people = np.concatenate([drawing(n) for n in range(2 * A_SHARD)])
    assert len(corpus) == len(people) and corpus.size == 64
    rows = [len(people) - 1, 0, 2, 0]
    crops, truth = corpus.rows(rows)
    assert crops.image.shape == (4, 3, 64, 64) and crops.image.dtype == np.uint8
    for name, values in {**vars(crops), **vars(truth)}.items():
        np.testing.assert_array_equal(values, people[name][rows], err_msg=name)
    assert crops.inputs()["heatmaps"].max() == pytest.approx(0.5, abs=0.003)
    assert set(np.unique(truth.visibility)) <= {0, 1, 2} and VISIBLE in truth.visibility
    with pytest.raises(IndexError, match=f"people 0 to {len(people) - 1}"):
        corpus.rows([len(people)])


def test_numbers_are_sound(folder):
    corpus = Corpus(folder)
    crops, truth = corpus.rows(np.arange(len(corpus)))
    for values in (*crops.inputs().values(), *vars(truth).values()):
        assert np.isfinite(values).all()
    assert (truth.pelvis[:, 2] > 0.3).all() and (np.abs(truth.joints) < 2.5).all()
    assert HIDDEN in truth.visibility
    # Crops are around the people: most joints lie within one and a half half widths.
    assert (np.abs(truth.joints_2d) < 1.5).mean() > 0.9


def test_a_shard_that_is_lost_is_drawn_again_as_it_was(drawing, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "PICTURES_A_SHARD", A_SHARD)
    for path in folder.glob("*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lost = corpora.SHARDS.path(tmp_path, 1)
    kept = lost.read_bytes()
    lost.unlink()
    counts = list(draw_people(drawing, tmp_path, len(Corpus(folder)), workers=0))
    assert lost.read_bytes() == kept and counts[-1] == len(Corpus(folder))
    assert list(draw_people(drawing, tmp_path, counts[-1])) == [counts[-1]]


@pytest.mark.slow
def test_workers_draw_the_same_people(drawing, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "PICTURES_A_SHARD", A_SHARD)
    list(draw_people(drawing, tmp_path, 1, workers=2))
    first = corpora.SHARDS.path(folder, 0).read_bytes()
    assert corpora.SHARDS.path(tmp_path, 0).read_bytes() == first


def test_given_boxes_are_a_little_off_and_inside():
    boxes = np.tile([[0, 100, 200, 300]], (4000, 1)).astype(float)
    off = given(boxes, np.random.default_rng(0))
    assert off[:, 0].min() >= -0.5 and off.dtype == np.float32
    right = off[:, 0] + off[:, 2]
    assert right.mean() == pytest.approx(200, abs=0.5)
    assert right.std() == pytest.approx(0.04 * 200, rel=0.1)
    assert np.abs(right - 200).max() <= 0.1 * 200 + 1e-3


def test_other_people_are_not_put_into_the_same_folder(motions, folder):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    other = Drawing(look, motions, "val", None, seed=6, size=64)
    with pytest.raises(CorpusError, match="seed: 5 there, 6 here; split: 'train' there, 'val'"):
        list(draw_people(other, folder, 10))
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def manifest(folder, **changes):
    folder.mkdir(exist_ok=True)
    text = json.dumps({"version": corpora.VERSION, "size": 64} | changes)
    (folder / "manifest.json").write_text(text)
    return folder


def test_folders_that_cannot_be_used_are_refused_with_the_reason(tmp_path):
    with pytest.raises(CorpusError, match="nowhere does not exist .*hmr train corpus --out"):
        Corpus(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="empty is empty or holds no manifest.json"):
        Corpus(tmp_path / "empty")
    with pytest.raises(CorpusError, match="holds nobody yet: `hmr train corpus"):
        Corpus(manifest(tmp_path / "begun"))
    with pytest.raises(CorpusError, match="version 7, expected 2"):
        Corpus(manifest(tmp_path / "new", version=7))
    damaged = manifest(tmp_path / "damaged")
    (damaged / "shard-00000.npy").write_bytes(b"\x93NUMPY and no more")
    with pytest.raises(CorpusError, match="shard-00000.npy is damaged: delete it"):
        Corpus(damaged)
    np.save(damaged / "shard-00000.npy", np.zeros(4))
    with pytest.raises(CorpusError, match="holds no people with pictures of 64 pixels"):
        Corpus(damaged)
    (damaged / "manifest.json").write_text("[]")
    with pytest.raises(CorpusError, match="is no manifest of people"):
        Corpus(damaged)
