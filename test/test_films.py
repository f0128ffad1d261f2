"""Films to learn from: what hides whom, errors that last, mirrors, gaps, and what lies on disk."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_films import made_film

from hmr_ros.body.kinematics import rest_joints
from hmr_ros.body.model import load_body_model
from hmr_ros.cli.main import main
from hmr_ros.data.detections.stand_in import stand_in
from hmr_ros.data.detections.stand_in_over_time import lasting_chance, stand_in_over_time
from hmr_ros.data.films import FILMS, VERSION, FilmError, films_of, read_film, write_film
from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED, VISIBLE
from hmr_ros.data.measured_errors import load_measured
from hmr_ros.data.scenes.mixes import FAR
from hmr_ros.data.sequences import unrendered
from hmr_ros.data.sequences.unrendered import _behind, hidden_over_time
from hmr_ros.evaluation.followed_films import (
    CAMERA,
    bodies_of,
    published_of,
    said_of,
    truth_of,
)
from hmr_ros.evaluation.persistence import lasting
from hmr_ros.evaluation.synocc.video_rows import figures
from hmr_ros.geometry.camera_pose import LEVEL
from hmr_ros.models.weights import build
from hmr_ros.parameters import validated
from hmr_ros.training import film_stand_in, limb_flow_losses
from hmr_ros.training.film_making import FilmDrawing, Glimpse, followed
from hmr_ros.training.followed_people import (
    batch_of,
    clip_of,
    mirrored,
    one_person,
    read_followed,
    with_elapsed,
    without_odometry,
)
from hmr_ros.training.limb_flow_losses import FlowWeights
from hmr_ros.training.temporal_losses import Weights, losses, posed
from hmr_ros.walk import Walk

MADE = {"version": VERSION, "split": "train", "seed": 0}
TINY = {"width": 32, "heads": 2, "layers": 1, "expand": 2, "window": 8}


def test_films_come_back_and_damaged_or_foreign_ones_are_refused(tmp_path):
    film = made_film()
    FILMS.begin(tmp_path, MADE)
    with pytest.raises(FilmError, match="holds no films yet: `hmr train films"):
        next(films_of(tmp_path, "train"))
    write_film(tmp_path, 0, film)
    assert FILMS.count(tmp_path) == 1
    again = read_film(tmp_path, 0)
    assert np.array_equal(again.pelvis, film.pelvis) and np.array_equal(again.seen, film.seen)
    assert np.abs(again.rotations - film.rotations).max() < 5e-4
    FILMS.begin(tmp_path, MADE)
    with pytest.raises(FilmError, match="seed: 0 there, 1 here"):
        FILMS.begin(tmp_path, MADE | {"seed": 1})
    with pytest.raises(FilmError, match="split 'train', expected 'val'"):
        read_followed(tmp_path, "val")
    (tmp_path / "film-00000.npz").write_bytes(b"nothing")
    with pytest.raises(FilmError, match="damaged"):
        read_followed(tmp_path, "train")
    with pytest.raises(FilmError, match="hmr train films"):
        read_followed(tmp_path / "none", "train")
    (tmp_path / "manifest.json").write_text(json.dumps(MADE | {"version": 1}))
    with pytest.raises(FilmError, match=f"version 1, expected {VERSION}"):
        read_followed(tmp_path, "train")


def test_films_in_which_nobody_is_seen_for_long_are_refused(tmp_path):
    FILMS.begin(tmp_path, MADE)
    write_film(tmp_path, 0, made_film(7))
    with pytest.raises(FilmError, match="nobody in the films"):
        read_followed(tmp_path, "train")


def test_a_mirror_shows_the_mirror_image():
    person = with_elapsed(one_person(made_film(), 0))
    other = mirrored(person)
    again = mirrored(other)
    for name, value in person.items():
        assert np.allclose(again[name], value, atol=1e-6), name
    network = build("temporal", load_body_model(), TINY)
    both = []
    for clip in (person, other):
        rotations = torch.tensor(clip["true_rotations"].astype(np.float32))[None]
        both.append(posed(network, rotations, torch.zeros(1, rotations.shape[1], 10))[0].numpy())
    swapped = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]
    assert np.abs(both[1] - both[0][:, swapped] * [-1, 1, 1]).max() < 0.02  # the body is not exact
    for name in ("visibility", "joint_std", "true_visibility"):
        assert np.array_equal(other[name], person[name][:, swapped]), name
    # The camera goes with it: the way in the world is mirrored too.
    ways = [
        np.einsum("tba,tb->ta", c["camera_rotation"], c["pelvis"]) + c["camera_position"]
        for c in (person, other)
    ]
    assert np.allclose(ways[1], ways[0] * [-1, 1, 1], atol=1e-5)


def test_clips_lose_frames_but_never_their_clock():
    person = one_person(made_film(frames=60), 0)
    rng = np.random.default_rng(3)
    lengths, longest = [], 0.0
    for _ in range(60):
        clip = clip_of(person, 30, rng)
        lengths.append(len(clip["stamps"]))
        assert np.allclose(np.diff(clip["stamps"]), clip["elapsed"][1:], atol=1e-6)
        assert clip["elapsed"][0] == 0
        longest = max(longest, clip["elapsed"].max())
    assert min(lengths) >= 8 and max(lengths) == 30 and longest > 1.0
    level = without_odometry(with_elapsed(person))
    assert level["odometry"].max() == 0 and np.ptp(level["camera_rotation"], 0).max() == 0


def test_padding_counts_for_nothing():
    person = one_person(made_film(), 0)
    rng = np.random.default_rng(0)
    clips = [clip_of(person, 20, rng) for _ in range(3)]
    network = build("temporal", load_body_model(), TINY).eval()

    def terms(frames: int) -> dict[str, float]:
        batch = batch_of(clips, frames)
        answer = network(batch)
        chance = limb_flow_losses.draw(batch["counted"], torch.Generator().manual_seed(0))
        found = losses(network, answer, batch, Weights())
        found |= limb_flow_losses.losses(network, answer, batch, chance, FlowWeights())
        return {k: v.item() for k, v in found.items()}

    short, long = terms(20), terms(33)
    assert short == pytest.approx(long, rel=1e-4)


def test_a_box_hides_what_is_behind_it_alone():
    eye = np.zeros(3)
    low, high = np.array([-0.5, -0.5, 1.0]), np.array([0.5, 0.5, 1.5])
    points = np.array([[0, 0, 3.0], [0, 0, 0.5], [2.0, 0, 3.0], [0.9, 0, 3.0], [0, 0, -3.0]])
    assert _behind(eye, points, low, high).tolist() == [True, False, False, True, False]


def test_people_hide_each_other_but_nobody_hides_themselves(monkeypatch):
    monkeypatch.setattr(unrendered, "CHANCE", -1.0)  # nothing is put before anybody
    rest = rest_joints(load_body_model(), np.zeros((1, 10)))[0]
    places = np.array([[0, 0.9, -3.0], [0, 0.9, -5.0]])
    world = np.tile(rest - rest[0] + places[:, None], (4, 1, 1, 1))
    truth = SimpleNamespace(
        joints_world=world, camera_positions=np.tile([0, 1.2, 0.0], (4, 1)), times=np.arange(4)
    )
    film = SimpleNamespace(props=(), movers=())
    hidden = hidden_over_time(film, truth, world, np.random.default_rng(0))
    assert not hidden[:, 0].any()
    assert hidden[:, 1].mean() > 0.5 and hidden[:, 1, 0].all()


@pytest.mark.slow
def test_simulated_keypoints_know_hidden_joints_from_those_behind_oneself(shared_data, monkeypatch):
    """Of everybody a knee is hidden, and no other joint by anything but their own body."""
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    told = []

    def a_knee(film, truth, points, rng):
        hidden = np.zeros(points.shape[:3], bool)
        hidden[:, :, 33 + 4] = True
        told.append(truth)
        return hidden

    monkeypatch.setattr(film_stand_in, "hidden_over_time", a_knee)
    motions = shared_data / "motions.npz"
    film = FilmDrawing(film_stand_in.by_stand_in, motions, "train", seed=3, frames=12)(0)
    (truth,) = told
    x, y = np.moveaxis(np.nan_to_num(truth.joints_2d, nan=-1e3), -1, 0)
    shown = (x > 1) & (x < 638) & (y > 1) & (y < 478)
    assert shown.any() and (film.true_visibility[..., 4] == HIDDEN).all()
    shown[..., 4] = False
    assert (film.true_visibility[shown] != HIDDEN).all()
    assert (film.true_visibility[shown] == VISIBLE).mean() > 0.4
    assert (film.true_visibility[shown] == SELF_OCCLUDED).any()
    assert film.seen.any()


def test_films_of_far_people_show_them_far_and_large_enough(shared_data):
    """Farther than any other film does: more than eight metres."""
    pytest.importorskip("ai_edge_litert", reason="BlazePose's runtime is not installed")
    drawing = FilmDrawing(
        film_stand_in.by_stand_in, shared_data / "motions.npz", "train", seed=3, frames=12,
        mixes=(FAR,),
    )  # fmt: skip
    films = [drawing(number) for number in range(2)]
    away = [np.linalg.norm(f.true_pelvis, axis=-1)[f.seen] for f in films]
    assert all(len(a) for a in away) and np.median(np.concatenate(away)) > 8
    assert [mix["name"] for mix in drawing.manifest()["mixes"]] == ["far"]


def test_films_of_an_unknown_mix_are_refused(tmp_path, capsys):
    out = tmp_path / "films"
    assert main(["train", "films", "--films", "1", "--mix", "farther", "--out", str(out)]) == 2
    assert "--mix 'farther' is unknown; known: realistic, heavy" in capsys.readouterr().err
    assert not out.exists()


def test_what_was_followed_is_kept_beside_its_truth():
    """Odometry as a robot knows it, not as it is."""
    film, body = made_film(), load_body_model()
    truth = SimpleNamespace(
        stamps=film.stamps,
        joints=film.true_pelvis[:, :, None],
        rotations=film.true_rotations,
        betas=film.true_betas,
        camera_rotations=film.camera_rotations,
        camera_positions=film.camera_positions,
        odometry=SimpleNamespace(
            rotations=film.odometry_rotations, positions=film.odometry_positions
        ),
    )
    glimpses = []
    for t, seen in enumerate(film.seen):
        rows = np.flatnonzero(seen)
        bodies = bodies_of(film, body, t, rows)
        glimpses.append(Glimpse(bodies, rows, film.true_visibility[t]))
    again = followed(CAMERA, truth, glimpses)
    for name in (field.name for field in fields(film)):
        kept, meant = getattr(again, name), getattr(film, name)
        if meant.shape[:2] == film.seen.shape and not name.startswith("true"):
            kept, meant = kept[film.seen], meant[film.seen]
        assert np.allclose(kept, meant, atol=1e-5), name


class Notes:
    """Stands for the network over time: bodies stay as they are."""

    def __init__(self) -> None:
        self.poses = []

    def reset(self) -> None:
        self.poses = []

    def __call__(self, bodies, ids, camera, stamp, pose=None):
        self.poses.append(pose)
        people, known = len(bodies), pose is not None
        velocity = np.zeros((people, 3))
        return bodies, Walk(velocity, np.zeros((people, 6)), LEVEL, np.zeros(3), known)


def test_a_film_that_is_played_back_is_what_was_followed():
    """Of people who were seen as they are; with and without the camera's pose."""
    body, film = load_body_model(), made_film()
    film = replace(film, rotations=film.true_rotations, pelvis=film.true_pelvis)
    film = replace(film, betas=np.tile(film.true_betas, (len(film), 1, 1)))
    stage, settings = Notes(), validated({"smoothing": False})
    truth = truth_of(film, body, 0)
    for how in ((None,), (stage, False)):
        said = said_of(film, truth, published_of(film, body, settings, *how))
        row = figures([(truth, said)])
        assert row["n"] == film.seen.sum() and row["mpjpe_mm"] < 0.01 and row["root_mm"] < 0.01
        assert not {"mota", "fps", "p95_ms", "switches"} & set(row)
    assert stage.poses == [None] * film.seen.any(1).sum()
    list(published_of(film, body, settings, stage))
    for pose, t in zip(stage.poses, np.flatnonzero(film.seen.any(1)), strict=True):
        rotation, position = pose.y_up()
        assert np.allclose(rotation, film.odometry_rotations[t])
        assert np.allclose(position, film.odometry_positions[t])


def test_the_command_prints_nothing_that_was_not_measured(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "films"
    FILMS.begin(folder, MADE | {"split": "val"})
    write_film(folder, 0, made_film(20))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    said = []
    for options in ([], ["--without-pose"], ["--n-samples", "4"]):
        assert main(["eval", "films", "--films", str(folder), *options]) == 0
        said.append(capsys.readouterr().out)
    assert len(set(said)) == 3
    before, after = (text.partition("regions")[2].splitlines() for text in (said[0], said[2]))
    moved = [a for a, b in zip(before, after, strict=True) if a != b]
    assert len(moved) == 1 and "temporal" in moved[0], "samples change its regions alone"
    for text in said:
        assert all(word in text for word in ("one-euro", "frames", "temporal", "PA-MPJPE", "slide"))
        assert not any(word in text for word in ("recall", "MOTA", "IDF1", "switches", "fps"))


def test_errors_last_and_are_as_large_as_measured():
    errors, rng = load_measured(), torch.Generator().manual_seed(0)
    frames, people = 90, 60
    pixels = torch.rand(1, 33, 2, generator=rng) * torch.tensor([100.0, 220.0]) + 100
    state = torch.zeros(frames, 33, dtype=torch.long)
    state[:, 13:17] = 2
    image, stamps = torch.tensor([0.0, 0, 640, 480]), torch.arange(frames) / 15
    still = pixels.expand(frames, 33, 2)
    films = [stand_in_over_time(still, state, image, stamps, errors, rng) for _ in range(people)]
    once = stand_in(
        pixels.expand(2000, 33, 2), state[:1].expand(2000, 33), image.expand(2000, 4), errors, rng
    )
    off = torch.stack([f.positions for f in films]) - pixels
    alone = once.positions - pixels
    for part in (slice(0, 13), slice(13, 17)):
        ratio = off[:, :, part].norm(dim=-1).median() / alone[:, part].norm(dim=-1).median()
        assert 0.75 < ratio < 1.3
    small = off[:, :, :13].clamp(-20, 20)
    same = (small[:, 1:] * small[:, :-1]).sum() / small.square().sum()
    later = (small[:, 30:] * small[:, :-30]).sum() / small.square().sum()
    assert same > 0.6 and later < same
    lost = 1 - torch.stack([f.found for f in films]).float().mean()
    assert abs(lost - (1 - once.found.float().mean())) < 0.05


def test_chances_that_last_are_still_uniform():
    rng = torch.Generator().manual_seed(0)
    drawn = torch.stack([lasting_chance(torch.arange(30) / 10, 0.4, rng) for _ in range(400)])
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert drawn.quantile(0.1) == pytest.approx(0.1, abs=0.02)
    pairs = torch.corrcoef(torch.stack([drawn[:, :-1].flatten(), drawn[:, 1:].flatten()]))
    assert pairs[0, 1] > 0.6


def test_only_what_stays_hidden_counts_as_lastingly_hidden():
    times = np.arange(40) / 20
    hidden = np.zeros((40, 3), bool)
    hidden[5:26, 0] = True  # one second from first to last
    hidden[5:25, 1] = True
    hidden[[*range(0, 15), *range(16, 30)], 2] = True
    found = lasting(hidden, times)
    assert found[:, 0].sum() == 21 and not found[:, 1:].any()
    assert not lasting(np.zeros((0, 3), bool), times[:0]).any()
