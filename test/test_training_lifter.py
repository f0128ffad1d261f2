"""Training: the same losses after an interruption, and clear refusals."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hmr_ros.assets import asset  # noqa: E402
from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.data.motions import MotionError  # noqa: E402
from hmr_ros.models.lifter import LifterConfig  # noqa: E402
from hmr_ros.models.lifter_weights import build, load, rounded, save  # noqa: E402
from hmr_ros.training import lifter_training  # noqa: E402
from hmr_ros.training.checkpoint import (  # noqa: E402
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from hmr_ros.training.lifter_recipe import Recipe, read_recipe  # noqa: E402
from hmr_ros.training.lifter_training import LifterTraining, TrainingError  # noqa: E402
from hmr_ros.training.recipe import RecipeError  # noqa: E402

TINY = LifterConfig(width=32, blocks=1, refine_width=32, refine_blocks=1)
RECIPE = Recipe(
    steps=6, batch=32, warmup=2, rate=3e-3, validate_every=100, save_every=100, network=TINY
)


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def motions(tmp_path_factory):
    """Three clips of small random motions, one for each split."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("motions") / "motions.npz"
    np.savez(
        path,
        poses=rng.normal(0, 0.2, (60, 24, 3)).astype(np.float16),
        trans=np.zeros((60, 3), np.float32),
        clip=np.repeat([0, 1, 2], 20).astype(np.int16),
        clip_name=np.array(["a", "b", "c"]),
        clip_split=np.array(["train", "val", "test"]),
        fps=np.float32(30),
    )
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lifter_training, "VALIDATION_SAMPLES", 64)
    torch.set_num_threads(1)


def losses_of(training, until=None):
    """Losses of the steps that run until step ``until``."""
    found = []
    for at in training.run(lambda: until is not None and training.step >= until):
        found.append(at.losses["total"])
    return found


def test_resumed_training_has_the_same_losses(body, motions, tmp_path):
    whole = losses_of(LifterTraining(RECIPE, body, motions, tmp_path / "whole"))
    first = LifterTraining(RECIPE, body, motions, tmp_path / "parts")
    start = losses_of(first, until=3)
    second = LifterTraining(RECIPE, body, motions, tmp_path / "parts")
    second.resume()
    assert second.step == 3
    assert start + losses_of(second) == whole
    for name, value in second.average.state.items():
        assert torch.isfinite(value).all(), name
    # Other samples give other losses, so the equality above says something.
    other = LifterTraining(replace(RECIPE, seed=1), body, motions, tmp_path / "other")
    assert losses_of(other) != whole


def test_training_learns(body, motions, tmp_path):
    recipe = replace(RECIPE, steps=60, batch=64)
    losses = losses_of(LifterTraining(recipe, body, motions, tmp_path))
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    log = (tmp_path / "log.csv").read_text().splitlines()
    assert len(log) == 1 and "crop_mpjpe_mm" in log[0]


def test_checkpoint_of_another_recipe_is_refused(body, motions, tmp_path):
    losses_of(LifterTraining(RECIPE, body, motions, tmp_path), until=1)
    other = LifterTraining(replace(RECIPE, batch=16), body, motions, tmp_path)
    with pytest.raises(CheckpointError, match="another training"):
        other.resume()


def test_checkpoints_that_cannot_be_used_are_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(path, "lifter", {})
    save_checkpoint(path, "detector", {}, {"step": 1})
    with pytest.raises(CheckpointError, match="of 'detector', not of 'lifter'"):
        load_checkpoint(path, "lifter", {})
    save_checkpoint(path, "lifter", {"seed": 1}, {"step": 1})
    assert load_checkpoint(path, "lifter", {"seed": 1}) == {"step": 1}
    with pytest.raises(CheckpointError, match="seed: 1 there, 2 here"):
        load_checkpoint(path, "lifter", {"seed": 2})
    whole = path.read_bytes()
    for broken in (whole[:100], whole[: len(whole) // 2], b"", b"not a checkpoint"):
        path.write_bytes(broken)
        with pytest.raises(CheckpointError, match="is no checkpoint"):
            load_checkpoint(path, "lifter", {"seed": 1})
    torch.save({"weights": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_checkpoint(path, "lifter", {})


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, "lifter", {}, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(path, "lifter", {}, {"step": lambda: None})
    assert load_checkpoint(path, "lifter", {}) == {"step": 1}


def test_a_loss_that_is_no_number_stops_training(body, motions, tmp_path):
    training = LifterTraining(RECIPE, body, motions, tmp_path)
    losses_of(training, until=2)
    saved = (tmp_path / "checkpoint.pt").read_bytes()
    with torch.no_grad():
        training.network.first_head.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not finite at step 2"):
        losses_of(training)
    assert (tmp_path / "checkpoint.pt").read_bytes() == saved


def test_missing_motions_are_named(body, tmp_path):
    with pytest.raises(MotionError, match="nowhere.npz does not exist"):
        LifterTraining(RECIPE, body, tmp_path / "nowhere.npz", tmp_path)


def test_the_shipped_recipe_reads():
    recipe = read_recipe()
    assert recipe.steps > 1000 and recipe.network.keypoints == 33


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepps: 3", "'stepps' is unknown"),
        ("steps: many", "steps is 'many', not int"),
        ("network: {wide: 3}", "'wide' is unknown"),
        ("losses: {joints: yes}", "joints is True"),
        ("steps: [", "is no YAML"),
        ("- 3", "is a list"),
    ],
)
def test_recipes_that_cannot_be_used_are_named(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        read_recipe(path)


def test_learning_rate_warms_up_holds_and_falls_to_zero():
    recipe = Recipe(steps=100, warmup=10, decay_from=0.5, rate=1.0)
    rates = [recipe.rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and rates[9:50] == pytest.approx([1.0] * 41)
    assert rates[75] == pytest.approx(0.5) and rates[100] == pytest.approx(0)
    assert all(a >= b for a, b in zip(rates[50:-1], rates[51:], strict=True))


def test_weights_survive_the_file(body, tmp_path):
    network = rounded(build(body, TINY))
    path = tmp_path / "lifter.safetensors"
    save(network, path)
    again = load(path, body)
    assert again.config == TINY
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cannot be used as weights of lifter"):
        load(path, body)
    with torch.no_grad():
        network.temperature[0] = float("nan")
    save(network, path)
    with pytest.raises(ValueError, match="lifter.safetensors .*: temperature is not finite"):
        load(path, body)
    with pytest.raises(ValueError, match="does not exist"):
        load(tmp_path / "nothing.safetensors", body)


@pytest.mark.slow
@pytest.mark.timeout(400)  # exported by the first test that asks
def test_export_equals_torch_and_keeps_facts_and_people(body, released):
    from hmr_ros.runtime.graph_file import read_graph, verify
    from hmr_ros.runtime.lifter_export import compare

    out, shipped = released["lifter"], read_graph(asset("weights", "lifter.onnx"))
    network = load(out / "source" / "lifter.safetensors", body)
    assert compare(network, out / "lifter.onnx") < 1e-4
    found, half = read_graph(out / "lifter.onnx"), read_graph(out / "lifter-float16.onnx")
    for graph in (found, half):
        verify(graph)
        assert graph.manifest["steps"] == 7 and graph.manifest["config"]["width"] == TINY.width
        assert graph.reference == out / "lifter-reference.npz"
    assert half.precision == "float16"
    for name, value in shipped.references()[0].items():
        np.testing.assert_array_equal(found.references()[0][name], value)


@pytest.mark.slow
def test_the_command_can_be_interrupted_and_resumed(motions, tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "steps: 4000\nbatch: 32\nvalidate_every: 5000\n"
        "network: {width: 32, blocks: 1, refine_width: 32, refine_blocks: 1}\n"
    )
    command = [sys.executable, "-m", "hmr_ros.cli", "train", "lifter", "--motions", str(motions)]
    command += ["--recipe", str(recipe), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log = tmp_path / "run" / "log.csv"
    deadline = time.monotonic() + 60
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "go on with --resume" in out
    assert (tmp_path / "run" / "checkpoint.pt").exists()


def test_options_of_the_command():
    from hmr_ros.cli import train_lifter

    parser = argparse.ArgumentParser()
    train_lifter.add_arguments(parser)
    args = parser.parse_args(["--minutes", "2.5", "--export"])
    assert args.minutes == 2.5 and str(args.export) == "weights" and not args.resume
    with pytest.raises(SystemExit):
        parser.parse_args(["--minutes", "2", "--steps", "5"])
