"""A seed is a picture: the same bytes on any machine, whatever was drawn before."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from hmr_ros.body.model import load_body_model
from hmr_ros.data.motions import Motions
from hmr_ros.data.render.render import render
from hmr_ros.data.rounding import rounded
from hmr_ros.data.scenes.mixes import MIXES
from hmr_ros.data.scenes.sampling import sample_crop

PICTURES = [("realistic", n) for n in range(6)] + [("heavy", n) for n in range(6, 12)]
HERE = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def made_motions():
    """Two made-up clips, so that no data is needed."""
    poses = np.random.default_rng(0).normal(0, 0.25, (40, 24, 3)).astype(np.float32)
    poses[:, 0] = 0
    return Motions(
        poses=poses,
        trans=np.zeros((40, 3), np.float32),
        starts=np.array([0, 30, 40]),
        names=("a", "b"),
        splits=("train", "train"),
        fps=30.0,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures for backgrounds and cut-outs."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(3)
    for n, size in enumerate(((300, 420), (1500, 1100))):
        coarse = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
        image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST)
        assert cv2.imwrite(str(folder / f"{n}.png"), image)
    return folder


def put(total, value):
    """Add everything that a value holds to a hash: not one bit may differ."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            put(total, getattr(value, field.name))
    elif isinstance(value, tuple):
        for part in value:
            put(total, part)
    else:
        array = np.ascontiguousarray(value)
        total.update(f"{array.dtype.kind}{array.shape}".encode())
        total.update(array.tobytes() if array.dtype.kind != "U" else str(value).encode())


def digests(folder, pictures):
    """sha256 of the picture and of all of its truth, the camera included, by mix and seed."""
    body, motions = load_body_model(), made_motions()
    photos = tuple(sorted(Path(folder).glob("*.png")))
    out = {}
    for mix, seed in pictures:
        rng = np.random.default_rng([77, seed])
        total = hashlib.sha256()
        put(total, render(sample_crop(rng, body, motions, MIXES[mix], photos, 160), body))
        out[f"{mix} {seed}"] = total.hexdigest()
    return out


def in_another_process(folder, pictures, environment):
    done = subprocess.run(
        [sys.executable, __file__, str(folder), json.dumps(pictures)],
        env={**os.environ, **HERE, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def here(folder):
    return digests(folder, PICTURES)


def test_pictures_differ(here):
    assert len(set(here.values())) == len(PICTURES)


def test_a_picture_does_not_depend_on_those_before_it(folder, here):
    again = PICTURES[::-1][:4] + PICTURES[4:6]
    assert digests(folder, again) == {f"{m} {s}": here[f"{m} {s}"] for m, s in again}


def test_the_first_picture_of_a_process_is_the_same(folder, here):
    for mix, seed in (PICTURES[7], PICTURES[1]):
        assert in_another_process(folder, [(mix, seed)], {}) == {
            f"{mix} {seed}": here[f"{mix} {seed}"]
        }


@pytest.mark.long
@pytest.mark.timeout(600)  # everything is compiled anew for that processor
def test_another_processor_samples_and_draws_the_same_bytes(folder, here, old_processor):
    there = in_another_process(folder, PICTURES[::-1], old_processor)
    assert [name for name in here if here[name] != there[name]] == []


def test_rounding_forgets_the_last_bits():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 3, 1000)
    assert np.abs(rounded(values) - values).max() <= 2.0**-29
    assert (rounded(values) == rounded(values * (1 + 2.0**-52))).all()
    assert (rounded(rounded(values)) == rounded(values)).all()
    assert rounded(0.3, 1) == 0.5 and np.ndim(rounded(0.3)) == 0
    assert not np.signbit(rounded(-1e-12))


if __name__ == "__main__":
    wanted = [(mix, seed) for mix, seed in json.loads(sys.argv[2])]
    print(json.dumps(digests(sys.argv[1], wanted)))
