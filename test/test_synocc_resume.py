"""An interrupted run of SynOcc goes on with the same figures, and never with another run's."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest
from made_study import CAMERA, limb_answer, made_truth, noisy_answer

from hmr_ros.body.model import load_body_model
from hmr_ros.cli.evaluations import synocc_still
from hmr_ros.cli.main import main
from hmr_ros.data.joint_visibility import VISIBLE
from hmr_ros.data.motions import load_motions
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.viewpoints import Viewpoint
from hmr_ros.evaluation.identity_metrics import Frame
from hmr_ros.evaluation.synocc import identity, still, study, video
from hmr_ros.evaluation.synocc.identity import identity_of
from hmr_ros.evaluation.synocc.kept import Kept
from hmr_ros.evaluation.synocc.kept_clips import keep_clip, kept_clips
from hmr_ros.evaluation.synocc.kept_pictures import keep_pictures, kept_pictures
from hmr_ros.evaluation.synocc.mean_pose import MeanPose
from hmr_ros.evaluation.synocc.rows import rows_of
from hmr_ros.evaluation.synocc.study import examine
from hmr_ros.evaluation.synocc.watching import UNREPORTED, ClipTruth, Watched

PICTURES = 7
NOBODY = 4  # the picture in which nobody counts


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("hmr_ros.evaluation.synocc.rows.ROUNDS", 100)
    monkeypatch.setattr("hmr_ros.evaluation.synocc.video_rows.ROUNDS", 100)
    monkeypatch.setattr(study, "CHUNK", 2)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions(shared_data):
    return load_motions(shared_data / "motions.npz")


@pytest.fixture
def read_once(body, motions, monkeypatch):
    """The command's inputs are read once, not at every call."""
    monkeypatch.setattr(synocc_still, "sources", lambda args: (body, motions, ()))
    mean = MeanPose(body, motions.split("train"))
    monkeypatch.setattr("hmr_ros.evaluation.synocc.models.MeanPose", lambda *_: mean)
    packages = list(metadata.distributions())
    monkeypatch.setattr(identity.metadata, "distributions", lambda: packages)


@pytest.fixture(scope="module")
def truth(body):
    return made_truth(body, 2 * PICTURES)


def picture_of(truth, number: int) -> RenderedImage:
    """Picture ``number`` of people ``2 number`` and ``2 number + 1``, all of one grey."""
    people = truth[[2 * number, 2 * number + 1]]
    nothing = np.zeros((480, 640))
    return RenderedImage(
        image=np.full((480, 640, 3), number, np.uint8),
        depth=nothing,
        thing=nothing,
        person_id=nothing,
        part_id=nothing,
        joints=people.joints,
        joints_2d=people.joints_2d,
        visibility=people.visibility,
        occluder=people.occluder,
        rotations=people.rotations,
        betas=people.betas,
        transl=np.zeros((2, 3), np.float32),
        boxes=people.boxes,
        shown=people.shown * (number != NOBODY),
        view=Viewpoint(CAMERA, np.eye(3), np.zeros(3)),
    )


def pictures_of(truth, numbers, stop_before=None, drawn=None):
    for number in numbers:
        if number == stop_before:
            raise KeyboardInterrupt
        if drawn is not None:
            drawn.append(number)
        yield number, picture_of(truth, number)


class Knows:
    """Answers from a table; the number of a picture is its grey."""

    def __init__(self, name: str, people, finds: bool = True, deadly: int = -1) -> None:
        self.name, self.people, self.finds, self.deadly = name, people, finds, deadly
        self.deaths = 0

    def _rows(self, frame):
        number = int(frame.image[0, 0, 0])
        self.deaths += number == self.deadly
        return self.people[[2 * number, 2 * number + 1]]

    def given(self, frame, boxes):
        return self._rows(frame)

    def detected(self, frame):
        return self._rows(frame)[[1, 0]] if self.finds else None


@pytest.fixture
def models(truth):
    """A whole model, one that finds nobody by itself, and a peer that knows some limbs only."""
    found = np.arange(len(truth)) % 3 > 0
    return [
        Knows("lifter:refine_steps=0", noisy_answer(truth, 0.05, 0.05)),
        Knows("mean", noisy_answer(truth, 0.3, 0.3), finds=False),
        Knows("peer", limb_answer(truth, 0.05, found)),
    ]


def names_of(models):
    return [model.name for model in models]


def same(one, other) -> None:
    """Two studies in which every bit is the same; rows are made of nothing else."""
    assert (one.images, one.fingerprint, one.alarms) == (
        other.images, other.fingerprint, other.alarms,
    )  # fmt: skip
    for f in fields(one.truth):
        assert np.array_equal(getattr(one.truth, f.name), getattr(other.truth, f.name)), f.name
    assert {p: list(said) for p, said in one.answers.items()} == {
        p: list(said) for p, said in other.answers.items()
    }
    for protocol, said in one.answers.items():
        for name, answer in said.items():
            for f in fields(answer):
                a, b = getattr(answer, f.name), getattr(other.answers[protocol][name], f.name)
                if a is None:
                    assert b is None
                else:
                    assert a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True), f.name


def run(kept, models, truth, body, numbers=range(PICTURES), stop_before=None):
    """One run of the command: what is known is not drawn. Returns the study and what was drawn."""
    known, drawn = kept_pictures(kept, names_of(models)), []
    missing = [n for n in numbers if n not in known]
    result = examine(
        models,
        pictures_of(truth, missing, stop_before, drawn),
        body,
        earlier=[known[n] for n in numbers if n in known],
        keep=lambda found: keep_pictures(kept, found, names_of(models)),
    )
    return result, drawn


@pytest.mark.parametrize("stop", [1, 4, 5])
def test_an_interrupted_run_goes_on_to_the_same_figures(stop, truth, body, models, tmp_path):
    whole = examine(models, pictures_of(truth, range(PICTURES)), body)
    kept = Kept(tmp_path, "b", {})
    first, drawn = run(kept, models, truth, body, stop_before=stop)
    assert first.images == stop and drawn == list(range(stop))
    second, drawn = run(Kept(tmp_path, "b", {}), models, truth, body)
    assert drawn == list(range(stop, PICTURES))
    same(second, whole)
    if stop == 5:
        assert rows_of(second) == rows_of(whole)
    third, drawn = run(Kept(tmp_path, "b", {}), models, truth, body)
    assert drawn == []
    same(third, whole)


def test_parts_of_other_choices_make_a_whole(truth, body, models, tmp_path):
    kept = Kept(tmp_path, "b", {})
    run(kept, models, truth, body, numbers=[2, 5])
    run(kept, models, truth, body, numbers=range(4))
    result, drawn = run(kept, models, truth, body)
    assert drawn == [4, 6]
    same(result, examine(models, pictures_of(truth, range(PICTURES)), body))


def test_an_error_of_a_model_loses_no_finished_picture(truth, body, models, tmp_path):
    kept = Kept(tmp_path, "b", {})

    def broken():
        yield from pictures_of(truth, range(3))
        raise OSError("no memory")

    with pytest.raises(OSError, match="no memory"):
        examine(models, broken(), body, keep=lambda f: keep_pictures(kept, f, names_of(models)))
    assert sorted(kept_pictures(kept, names_of(models))) == [0, 1, 2]


def test_a_picture_at_which_a_peer_died_is_asked_again(truth, body, tmp_path):
    kept = Kept(tmp_path, "b", {})
    peer = Knows("peer", noisy_answer(truth, 0.05, 0.05), deadly=3)
    result, _ = run(kept, [peer], truth, body)
    assert result.images == PICTURES
    peer.deadly = -1
    again, drawn = run(kept, [peer], truth, body)
    assert drawn == [3]
    same(again, examine([peer], pictures_of(truth, range(PICTURES)), body))


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "text", "owner", "field"])
def test_a_damaged_chunk_is_done_anew_with_a_warning(damage, truth, body, models, tmp_path, caplog):
    kept = Kept(tmp_path, "b", {})
    whole, _ = run(kept, models, truth, body)
    chunks = sorted(kept.folder.glob("*.npz"))
    assert [p.name for p in chunks] == [f"pictures-{n:06d}.npz" for n in (0, 2, 4, 6)]
    content = chunks[1].read_bytes()
    if damage == "bit":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 4])
        chunks[1].write_bytes(content[:middle] + flipped + content[middle + 1 :])
    elif damage in ("owner", "field"):
        arrays = dict(np.load(chunks[1]))
        if damage == "owner":
            arrays["run"] = np.array("0123456789ab")
        else:
            arrays["truth.joints"] = arrays["truth.joints"][1:]
        np.savez(chunks[1], **arrays)
    else:
        cut = {"cut": content[:-100], "empty": b"", "text": b"not an archive"}
        chunks[1].write_bytes(cut[damage])
    result, drawn = run(kept, models, truth, body)
    assert drawn == [2, 3] and "pictures-000002.npz is not used" in caplog.text
    same(result, whole)
    caplog.clear()
    assert run(kept, models, truth, body)[1] == [] and not caplog.text


def test_a_chunk_is_whole_or_not_there(tmp_path, monkeypatch):
    kept = Kept(tmp_path, "b", {})
    kept.write("a", {"x": np.arange(3)})

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        kept.write("a", {"x": np.arange(4)})
    (kept.folder / "b.77.partial").write_bytes(b"left by a power cut")
    assert [(name, arrays["x"].tolist()) for name, arrays in kept.chunks()] == [("a", [0, 1, 2])]
    kept.forget()
    assert not list(kept.chunks())


def test_no_file_of_ours_is_a_pickle(tmp_path):
    kept = Kept(tmp_path, "b", {})
    kept.write("good", {"x": np.arange(3)})
    np.savez(kept.folder / "bad.npz", run=np.array(["x", object()], object))
    assert [name for name, _ in kept.chunks()] == ["good"]


@pytest.fixture
def inputs(tmp_path):
    motions, photo = tmp_path / "motions.npz", tmp_path / "photo.jpg"
    motions.write_bytes(b"walks")
    photo.write_bytes(b"room")
    weights = tmp_path / "weights.onnx"
    weights.write_bytes(b"numbers")
    return SimpleNamespace(motions=motions, photo=photo, weights=weights)


def lifter(inputs, name="lifter", **settings):
    settings = {"weights_path": str(inputs.weights), "refine_steps": 2} | settings
    return SimpleNamespace(
        name=name, pipeline=SimpleNamespace(settings=SimpleNamespace(**settings))
    )


def test_whatever_decides_the_answers_makes_another_run(inputs, monkeypatch):
    def folder(model=None, photos=(inputs.photo,), version=1, **more):
        models = [model or lifter(inputs)]
        more = {"protocols": ["given"]} | more
        found = identity_of(version, inputs.motions, photos, models, **more)
        return Kept(inputs.motions.parent, "b", json.loads(json.dumps(found))).folder.name

    monkeypatch.setattr(identity, "sources", lambda: "sources")  # a test of their own
    packages = list(metadata.distributions())[:3]
    monkeypatch.setattr(identity.metadata, "distributions", lambda: packages)
    first = folder()
    others = {
        "model": folder(lifter(inputs, "lifter:refine_steps=0")),
        "setting": folder(lifter(inputs, refine_steps=3)),
        "peer": folder(SimpleNamespace(name="lifter", version="0.10")),
        "protocol": folder(protocols=["given", "detection"]),
        "version": folder(version=2),
        "photos": folder(photos=()),
    }
    with monkeypatch.context() as patch:
        patch.setattr(identity, "SEED", 1)
        others["seed"] = folder()
    with monkeypatch.context() as patch:
        patch.setattr(identity, "sources", lambda: "edited")
        others["sources"] = folder()
    for name in ("motions", "photo", "weights"):
        path = getattr(inputs, name)
        before = path.read_bytes()
        path.write_bytes(before + b"!")
        others[f"content of {name}"] = folder()
        path.write_bytes(before)
    assert first not in others.values() and len(set(others.values())) == len(others)
    assert folder() == first


def test_sources_count_that_can_change_an_answer(tmp_path):
    for name in ("data/scene.py", "cli/main.py", "evaluation/report/page.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a = 1\n")
    first = identity.sources(tmp_path)
    (tmp_path / "cli/main.py").write_text("a = 2\n")
    (tmp_path / "evaluation/report/page.py").write_text("a = 2\n")
    assert identity.sources(tmp_path) == first
    (tmp_path / "data/scene.py").write_text("a = 2\n")
    assert identity.sources(tmp_path) != first
    assert all((identity.PACKAGE / folder).exists() for folder in identity.APART)


def test_the_command_goes_on_where_it_was_stopped(
    truth, tmp_path, shared_data, monkeypatch, capsys, read_once
):
    drawn, stop = [], [None]

    def pictures(source, chosen, workers):
        return pictures_of(truth, chosen, stop[0], drawn)

    monkeypatch.setattr(still, "pictures", pictures)

    def measured(*options, keep="keep"):
        drawn.clear()
        file = tmp_path / "f.json"
        words = ["eval", "synocc-still", "--images", str(PICTURES), "--model", "mean-pose"]
        words += ["--motions", str(shared_data / "motions.npz"), "--json", str(file)]
        assert main([*words, "--keep", str(tmp_path / keep), *options]) == 0
        return json.loads(file.read_text())

    whole = measured(keep="other")
    assert drawn == list(range(PICTURES)) and "kept" not in whole["facts"]
    stop[0] = 5
    part = measured()
    assert "5 of 7 pictures; the same command goes on" in part["facts"]["interrupted"]
    stop[0] = None
    capsys.readouterr()
    rest = measured()
    assert drawn == [5, 6] and "5 of 7 pictures are from an earlier" in capsys.readouterr().err
    assert {k: rest[k] for k in ("rows", "comparisons", "fingerprint", "false_alarms")} == {
        k: whole[k] for k in ("rows", "comparisons", "fingerprint", "false_alarms")
    }
    assert measured()["rows"] == whole["rows"] and drawn == []
    measured("--protocol", "given")
    assert drawn == list(range(PICTURES))
    assert measured("--fresh")["rows"] == whole["rows"] and drawn == list(range(PICTURES))


def made_clip(number: int, seed: int = 0):
    """A clip of three frames: truth, and what one model said."""
    rng = np.random.default_rng([seed, number])
    joints = rng.normal(0, 1, (3, 2, 24, 3)) + [0, 0, 5]
    said = joints + rng.normal(0, 0.05, joints.shape)
    said[1, 0] = np.nan
    truth = ClipTruth(
        number=number,
        level=video.level_of(number),
        kind=video.kind_of(number),
        joints=joints.astype(np.float32),
        world=joints,
        visibility=np.full((3, 2, 24), VISIBLE, np.uint8),
        counted=np.array([[True, True], [True, False], [True, True]]),
        times=np.arange(3) / 15,
        fps=15.0,
    )
    nobody = np.zeros(0, int)
    frames = [
        Frame(np.arange(2), np.array([7, 8, 9]), np.array([[0.1, np.nan, 0.3], [0.2, 0.1, 0.5]])),
        Frame(np.array([0]), nobody, np.zeros((1, 0))),
        Frame(nobody, np.array([7]), np.zeros((0, 1))),
    ]
    ids = np.array([[7, 8], [UNREPORTED, 8], [7, 8]])
    return truth, {
        "lifter": Watched(
            said, said, rng.random((3, 2, 24)), ids, frames, rng.uniform(0.02, 0.1, 3)
        )
    }


def test_a_clip_comes_back_as_it_was(tmp_path, caplog):
    kept = Kept(tmp_path, "v", {})
    for number in (0, 1):
        keep_clip(kept, made_clip(number))
    found = kept_clips(Kept(tmp_path, "v", {}), ["lifter"])
    assert list(found) == [0, 1]
    (truth, said), (true, spoken) = found[1], made_clip(1)
    for f in fields(truth):
        a, b = getattr(truth, f.name), getattr(true, f.name)
        assert (
            type(a) is type(b)
            and np.array_equal(a, b)
            and getattr(a, "dtype", 0) == getattr(b, "dtype", 0)
        ), f.name
    for name in ("joints", "world", "ids", "seconds"):
        a, b = getattr(said["lifter"], name), getattr(spoken["lifter"], name)
        assert a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True), name
    for a, b in zip(said["lifter"].identities, spoken["lifter"].identities, strict=True):
        assert np.array_equal(a.true_ids, b.true_ids) and np.array_equal(a.ids, b.ids)
        assert np.array_equal(a.distances, b.distances, equal_nan=True)
    path = kept.folder / "clip-001.npz"
    path.write_bytes(path.read_bytes()[:-50])
    assert list(kept_clips(kept, ["lifter"])) == [0] and "clip-001.npz is not used" in caplog.text


def test_video_goes_on_where_it_was_stopped(tmp_path, shared_data, monkeypatch, read_once):
    from hmr_ros.evaluation.synocc import models, watching

    watched, stop = [], [None]

    class Still(models.PipelineModel):
        def __init__(self, text, *_):
            settings = SimpleNamespace(name=text)
            super().__init__(text, SimpleNamespace(settings=settings, warm_up=lambda: None))

    def watch(clip, pictures, pipelines, number, level, kind, posed):
        if number == stop[0]:
            raise KeyboardInterrupt
        watched.append(number)
        truth, said = made_clip(number)
        return truth, dict.fromkeys(pipelines, said["lifter"])

    def clips(source, chosen, workers):
        yield from ((number, None, None) for number in chosen)

    monkeypatch.setattr(models, "load_model", Still)
    monkeypatch.setattr(watching, "watch", watch)
    monkeypatch.setattr(video, "clips", clips)

    def measured(*options, keep="keep"):
        watched.clear()
        file = tmp_path / "f.json"
        words = ["eval", "synocc-video", "--clips", "4", "--json", str(file)]
        words += ["--motions", str(shared_data / "motions.npz"), "--keep", str(tmp_path / keep)]
        assert main([*words, *options]) == 0
        return json.loads(file.read_text())

    whole = measured(keep="other")
    stop[0] = 2
    assert measured()["facts"]["interrupted"].startswith("figures of 2 of 4 clips")
    stop[0] = None
    rest = measured()
    assert watched == [2, 3] and rest["rows"] == whole["rows"]
    assert rest["facts"]["kept"].startswith("2 of 4 clips")
    for other in (["--frames", "30"], ["--model", "lifter:min_score=0.3"], ["--fresh"]):
        measured(*other)
        assert watched == [0, 1, 2, 3], other


@pytest.mark.slow
def test_clips_are_the_same_whoever_draws_them(body, motions):
    source = video.video_source(body, motions, frames=3)
    for number, clip, pictures in video.clips(source, [1, 4], workers=2):
        own = list(source.pictures(clip))
        drawn = list(pictures)
        assert len(drawn) == len(own) == 3, number
        for a, b in zip(drawn, own, strict=True):
            assert np.array_equal(a.image, b.image) and np.array_equal(a.joints, b.joints)
