"""``hmr train`` of the family: options, exit statuses, what is written and what is left alone."""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from made_task import Line  # noqa: E402

from hmr_ros.cli import train, train_baseline, training_runs  # noqa: E402
from hmr_ros.cli.main import main, reporting_errors  # noqa: E402
from hmr_ros.cli.training_runs import with_less  # noqa: E402
from hmr_ros.training.model_card import Origin, card, table  # noqa: E402
from hmr_ros.training.processes import Processes  # noqa: E402

RECIPE = "steps: 30\nbatch: 16\nrate: 0.05\nwarmup: 2\nvalidate_every: 10\nsave_every: 10\n"


class Module:
    """Stands for a task module."""

    def __init__(self, task=None):
        self.task = task or Line()
        self.task.settings = SimpleNamespace(simulated=0)
        self.seen, self.released = None, None
        self.__name__ = "line_task"

    def load(self, settings, seed, rank, world):
        self.seen = settings, seed, rank, world
        return self.task

    def release(self, network, task, folder, origin):
        self.released = network, task, folder, origin


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Calls ``hmr train baseline`` with a task of its own; gives exit status and module."""
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    def call(*options, task=None, recipe="recipe.yaml"):
        module = Module(task)
        monkeypatch.setattr(training_runs, "task_module", lambda name: module)
        monkeypatch.setattr(train_baseline, "described", lambda folder: f"people of {folder}")
        words = ["--recipe", str(tmp_path / recipe), "--data", "people", "--motions", "clips.npz"]
        words += ["--out", str(tmp_path / "out"), *options]
        parser = argparse.ArgumentParser()
        train_baseline.add_arguments(parser)
        args = parser.parse_args(words)
        return reporting_errors(lambda: train_baseline.run(args), "hmr train"), module

    return call


def steps_of(folder: Path) -> list[int]:
    with open(folder / "log.csv", newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def test_it_trains_and_releases(run, tmp_path, capsys):
    status, module = run("--export", str(tmp_path / "w"), "--note", "first")
    assert status == 0
    assert module.seen == ({"batch": 16, "data": "people", "motions": "clips.npz"}, 0, 0, 1)
    assert steps_of(tmp_path / "out") == list(range(1, 31))
    network, task, folder, origin = module.released
    assert task is module.task and not network.training and folder == tmp_path / "w"
    assert (origin.steps, origin.batch, origin.seed) == (30, 16, 0)
    assert origin.data == "people of people" and origin.note == "first"
    assert "step 30: gap" in capsys.readouterr().out
    # Afterwards only the release again, from the checkpoint.
    status, module = run("--steps", "0", "--export", str(tmp_path / "w"))
    assert status == 0 and module.released[3].steps == 30
    assert steps_of(tmp_path / "out") == list(range(1, 31))


@pytest.mark.parametrize("calibrated", [True, False])
def test_an_export_says_that_its_uncertainty_is_still_to_be_fitted(
    run, tmp_path, capsys, monkeypatch, calibrated
):
    def release(self, network, task, folder, origin):
        folder.mkdir()
        told = {"calibration": {}} if calibrated else {}
        (folder / "baseline.json").write_text(json.dumps({"estimator": "baseline"} | told))

    monkeypatch.setattr(Module, "release", release)
    status, _ = run("--steps", "1", "--export", str(tmp_path / "w"))
    left = f"now run `hmr train calibration baseline --folder {tmp_path / 'w'}`"
    assert status == 0 and (left in capsys.readouterr().out) != calibrated


def test_a_paused_training_goes_on(run, tmp_path, capsys):
    status, _ = run("--pause-after", "1e-9", "--steps", "25")
    assert status == 130 and "go on with --resume" in capsys.readouterr().out
    # The length is the checkpoint's, not the recipe's.
    status, _ = run("--resume")
    assert status == 0 and steps_of(tmp_path / "out") == list(range(1, 26))


def test_a_begun_training_is_not_overwritten(run, tmp_path, capsys):
    run("--steps", "3")
    kept = (tmp_path / "out" / "checkpoint.pt").read_bytes()
    status, _ = run()
    assert status == 1 and "go on with --resume" in capsys.readouterr().err
    assert (tmp_path / "out" / "checkpoint.pt").read_bytes() == kept


@pytest.mark.parametrize(
    "task, words",
    [(Line(poisoned=4), "not finite at step 5"), (Line(huge=4), "out of memory at step 5")],
)
def test_a_training_that_cannot_go_on_says_why(run, tmp_path, capsys, task, words):
    status, _ = run(task=task)
    assert status == 1 and words in capsys.readouterr().err
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def test_nothing_to_resume_and_foreign_files_are_said(run, tmp_path, capsys):
    status, _ = run("--resume")
    assert status == 2 and "does not exist" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"a song")
    status, _ = run("--resume")
    assert status == 2 and "is no checkpoint of hmr train" in capsys.readouterr().err
    assert (tmp_path / "out" / "checkpoint.pt").read_bytes() == b"a song"


def test_minutes_become_steps_by_the_speed_measured(run, tmp_path):
    status, _ = run("--minutes", "0.004")
    assert status == 0
    assert steps_of(tmp_path / "out")[-1] >= 1


def test_an_empty_folder_of_people_is_said(tmp_path, capsys):
    (tmp_path / "people").mkdir()
    words = ["train", "baseline", "--data", str(tmp_path / "people"), "--out", str(tmp_path / "o")]
    assert main([*words, "--small"]) == 2
    assert "hmr train corpus --out" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_ablations_leave_out_more_than_the_recipe_does(run, tmp_path):
    (tmp_path / "less.yaml").write_text(RECIPE + "task:\n  network: {width: 8, without: [image]}\n")
    _, module = run("--without", "rays", "--without", "image", recipe="less.yaml")
    assert module.seen[0]["network"] == {"width": 8, "without": ["image", "rays"]}
    assert with_less({"batch": 3}, ["mask"]) == {"batch": 3, "network": {"without": ["mask"]}}
    assert with_less({"batch": 3}, []) == {"batch": 3}


def test_an_impossible_corpus_is_refused_before_anything_is_drawn(tmp_path, capsys):
    words = ["train", "corpus", "--people", "1", "--out", str(tmp_path / "o")]
    assert main([*words, "--thorough-every", "0"]) == 2
    assert "--thorough-every is 0, expected 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_every_kind_has_a_module_with_options(capsys):
    for name in train.KINDS:
        with pytest.raises(SystemExit) as done:
            main(["train", name, "--help"])
        assert done.value.code == 0
        assert f"hmr train {name}" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    listed = capsys.readouterr().out
    assert all(name in listed for name in train.KINDS)


@pytest.mark.slow
def test_ctrl_c_saves_at_the_end_of_the_step(tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE.replace("30", "1000000").replace("10", "1000000"))
    code = f"""
    import argparse, sys
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from test_train_command import Module, train_baseline, training_runs
    training_runs.task_module = lambda name: Module()
    parser = argparse.ArgumentParser()
    train_baseline.add_arguments(parser)
    words = ["--recipe", {str(tmp_path / "r.yaml")!r}, "--out", {str(tmp_path / "out")!r}]
    sys.exit(train_baseline.run(parser.parse_args(words)))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **pipes) as process:
        log, deadline = tmp_path / "out" / "log.csv", time.monotonic() + 120
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "go on with --resume" in out
    stored = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    assert stored["state"]["step"] == steps_of(tmp_path / "out")[-1]


def test_the_card_says_where_weights_come_from(monkeypatch):
    monkeypatch.setattr("hmr_ros.training.model_card.revision", lambda: "abc123")
    origin = Origin("hmr train baseline", "7 people.", steps=10, batch=4, seed=3, note="by hand")
    rows = [{"joints": "all", "mpjpe_mm": 101.26, "ratio": 0.98765}]
    text = card("baseline", "A network.", ["Two layers."], origin, {"On val:": rows}, "Few people.")
    for words in (
        "# baseline\n",
        "- Two layers.\n",
        "- Data: 7 people.\n",
        "- Command: `hmr train baseline`; 10 steps of 4, seed 3, revision abc123, ",
        "- History: by hand\n",
        "On val:\n\n| joints | mpjpe_mm | ratio |\n| --- | --- | --- |\n| all | 101.3 | 0.988 |\n",
        "## Limits\n\nFew people.\n",
    ):
        assert words in text
    assert table([]) == []


def test_a_batch_must_be_shared_evenly(run, monkeypatch, capsys):
    from hmr_ros.training import processes

    three = SimpleNamespace(rank=0, world=3, device=torch.device("cpu"))
    monkeypatch.setattr(processes, "join_processes", lambda: three)
    status, _ = run()
    assert status == 2 and "3 processes cannot share a batch of 16" in capsys.readouterr().err


class Ended(BaseException):
    """A process that was ended at once."""


class OneOfTwo(Processes):
    """Rank 0 of two, whose other one has nothing to add."""

    def average(self, tensors):
        pass

    def any(self, flag):
        return flag


def test_one_of_several_processes_ends_at_once_when_it_is_done(run, tmp_path, monkeypatch, capsys):
    """Not before its weights are written, and with what it printed."""
    from hmr_ros.training import processes

    def end(status):
        raise Ended(status)

    monkeypatch.setattr(processes.os, "_exit", end)
    monkeypatch.setattr(processes, "join_processes", lambda: OneOfTwo(0, 2))
    for options, status in ((["--pause-after", "1e-9"], 130), (["--resume"], 0)):
        with pytest.raises(Ended) as ended:
            run(*options, "--export", str(tmp_path / "w"))
        assert ended.value.args == (status,)
        assert ("exporting to" in capsys.readouterr().out) == (status == 0)
    assert steps_of(tmp_path / "out") == list(range(1, 31))


def test_what_a_process_said_is_not_lost_when_it_is_ended():
    code = "from hmr_ros.training.processes import end_process; print('said'); end_process(3)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (3, "said\n")


def test_one_that_fails_is_not_ended_at_once(run, monkeypatch):
    from hmr_ros.training import processes

    monkeypatch.setattr(processes.os, "_exit", lambda status: pytest.fail("ended"))
    monkeypatch.setattr(processes, "join_processes", lambda: OneOfTwo(0, 2))
    status, _ = run(task=Line(poisoned=3))
    assert status == 1
