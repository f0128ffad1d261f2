"""The training loop: learning, resuming, several processes, and the ways it ends early."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_task import Line  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from hmr_ros.training.checkpoint import CheckpointError  # noqa: E402
from hmr_ros.training.loop import CHECKPOINT, Training, TrainingError, refuse_begun  # noqa: E402
from hmr_ros.training.recipe import Recipe, RecipeError, read_recipe, shipped  # noqa: E402
from hmr_ros.training.training_log import TrainingLog  # noqa: E402

RECIPE = Recipe(
    steps=60, batch=16, rate=0.05, warmup=5, ema=0.9, validate_every=30, save_every=25, clip=50.0
)
QUIET = {"say": lambda text: None}


def trained(out, task=None, recipe=RECIPE, stop_at=None, resume=False, threads=0) -> Training:
    training = Training(task or Line(), recipe, out, threads=threads)
    if resume:
        training.resume()
    for at in training.run(lambda: training.step == stop_at, **QUIET):
        assert at.step == training.step
    return training


def curve(out: Path, column="loss") -> dict[int, float]:
    with open(out / "log.csv", newline="") as file:
        return {int(row["step"]): float(row[column]) for row in csv.DictReader(file)}


def test_it_learns_and_writes_every_step(tmp_path):
    training = trained(tmp_path)
    losses = curve(tmp_path)
    assert list(losses) == list(range(1, 61))
    assert np.mean([losses[n] for n in range(56, 61)]) < 0.3 * losses[1]
    parts = [curve(tmp_path, name) for name in ("gap", "weights")]
    assert losses[7] == pytest.approx(parts[0][7] + parts[1][7], rel=1e-6)
    rates = curve(tmp_path, "rate")
    assert rates[5] == pytest.approx(0.05) and rates[1] == pytest.approx(0.01)
    assert rates[60] < 1e-3
    with open(tmp_path / "validation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(r["step"]) for r in rows] == [30, 60] and float(rows[1]["gap"]) < 1.0
    assert training.validate()["gap"] == pytest.approx(float(rows[1]["gap"]), rel=1e-5)


def test_the_average_is_of_floats_and_counters_are_the_networks(tmp_path):
    training = trained(tmp_path, recipe=replace(RECIPE, steps=40))
    averaged, network = training.averaged().state_dict(), training.network.state_dict()
    assert averaged["1.num_batches_tracked"] == network["1.num_batches_tracked"] - 3
    assert not torch.equal(averaged["0.weight"], network["0.weight"])


@pytest.mark.parametrize("stop_at", [25, 37])
def test_an_interrupted_training_goes_on_with_the_same_losses(tmp_path, stop_at):
    trained(tmp_path / "whole")
    trained(tmp_path / "parts", stop_at=stop_at)
    assert max(curve(tmp_path / "parts")) == stop_at
    trained(tmp_path / "parts", resume=True)
    whole, parts = curve(tmp_path / "whole"), curve(tmp_path / "parts")
    assert whole == parts


def test_threads_make_the_same_batches(tmp_path):
    trained(tmp_path / "alone")
    trained(tmp_path / "threads", threads=3)
    assert curve(tmp_path / "alone") == curve(tmp_path / "threads")


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_training_loop import Line, RECIPE, Training
training = Training(Line(), RECIPE, Path({out!r}))
for at in training.run(say=lambda text: None):
    if at.step == 43:
        print("there", flush=True)
        time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path):
    code = KILLED.format(tests=str(Path(__file__).parent), out=str(tmp_path / "killed"))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "there\n"
        run.kill()
    assert max(curve(tmp_path / "killed")) >= 40
    trained(tmp_path / "killed", resume=True)
    trained(tmp_path / "whole")
    whole, killed = curve(tmp_path / "whole"), curve(tmp_path / "killed")
    assert list(killed) == list(whole)
    np.testing.assert_allclose(list(killed.values()), list(whole.values()), atol=1e-4)


PROCESS = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_training_loop import Line, RECIPE, Training
from hmr_ros.training.processes import end_process, join_processes, leave_processes
processes = join_processes()
part = slice(8 * processes.rank, 8 * processes.rank + 8)
training = Training(Line(part=part, dropout=0), RECIPE, Path({out!r}), processes)
for at in training.run(lambda: processes.rank == 1 and training.step == 50, print):
    pass
assert training.step == 50, training.step
leave_processes()
end_process(0)
"""


@pytest.mark.slow
def test_two_processes_train_like_one_with_their_batches_together(tmp_path):
    code = PROCESS.format(tests=str(Path(__file__).parent), out=str(tmp_path / "two"))
    (tmp_path / "process.py").write_text(code)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*command, str(tmp_path / "process.py")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    trained(tmp_path / "one", Line(dropout=0), stop_at=50)
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert list(one) == list(two) == list(range(1, 51))
    np.testing.assert_allclose(list(two.values()), list(one.values()), atol=1e-4)


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.glob("*") if p.is_file()}


def test_a_loss_that_is_not_finite_ends_it_and_keeps_the_checkpoint(tmp_path):
    trained(tmp_path, stop_at=25)
    kept = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(TrainingError, match=r"not finite at step 29: loss, .*gap.*was left as it"):
        trained(tmp_path, Line(poisoned=28), resume=True)
    assert (tmp_path / CHECKPOINT).read_bytes() == kept
    trained(tmp_path, recipe=replace(RECIPE, rate=0.01), resume=True)
    assert len(curve(tmp_path)) == 60


def test_a_bad_step_right_before_a_checkpoint_is_noticed(tmp_path):
    with pytest.raises(TrainingError, match="at step 25: .*no checkpoint was written yet"):
        trained(tmp_path, Line(poisoned=24))
    assert not (tmp_path / CHECKPOINT).exists()


def test_too_little_memory_is_said_and_nothing_overwritten(tmp_path):
    trained(tmp_path, stop_at=25)
    kept = files(tmp_path)
    with pytest.raises(TrainingError, match="out of memory at step 26 with 16 samples .*--small"):
        trained(tmp_path, Line(huge=25), resume=True)
    assert files(tmp_path) == kept


def test_other_errors_are_not_taken_for_it(tmp_path):
    task = Line()
    task.losses = lambda network, batch, step: {"gap": network(batch["y"]).mean()}
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        trained(tmp_path, task)


@pytest.mark.parametrize(
    "task, recipe, words",
    [
        (Line(batch=8), RECIPE, "belongs to another training .*size"),
        (Line(), replace(RECIPE, seed=3), "seed: 0 there, 3 here"),
        (Line(), replace(RECIPE, steps=90), "steps: 60 there, 90 here"),
    ],
)
def test_a_foreign_checkpoint_is_refused_and_kept(tmp_path, task, recipe, words):
    trained(tmp_path, stop_at=5)
    kept = files(tmp_path)
    with pytest.raises(CheckpointError, match=words):
        trained(tmp_path, task, recipe, resume=True)
    assert files(tmp_path) == kept


def test_other_tasks_and_other_files_are_refused(tmp_path):
    trained(tmp_path, stop_at=5)
    other = Line()
    other.name = "curve"
    with pytest.raises(CheckpointError, match="checkpoint of 'line', not of 'curve'"):
        trained(tmp_path, other, resume=True)
    (tmp_path / CHECKPOINT).write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="is no checkpoint of hmr train"):
        trained(tmp_path, resume=True)
    with pytest.raises(TrainingError, match="go on with --resume, or choose another --out"):
        refuse_begun(tmp_path)
    assert (tmp_path / CHECKPOINT).read_bytes() == b"something else"


def test_bfloat16_is_asked_for_by_the_recipe(tmp_path):
    task, seen = Line(), []
    plain = task.losses

    def losses(network, batch, step):
        seen.append(network[0](batch["x"]).dtype)
        return plain(network, batch, step)

    task.losses = losses
    trained(tmp_path, task, replace(RECIPE, steps=2, precision="bfloat16"))
    assert seen == [torch.bfloat16] * 2


def test_a_log_line_that_was_cut_off_is_dropped(tmp_path):
    trained(tmp_path, stop_at=25)
    with open(tmp_path / "log.csv", "a") as file:
        file.write("26,0.05,1.0,2.0,0.5,0.5\n2")
    TrainingLog(tmp_path, 25, lambda text: None).close()
    assert list(curve(tmp_path)) == list(range(1, 26))


def test_without_tensorboard_it_says_so_once_and_writes_csv(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said = []
    training = Training(Line(), replace(RECIPE, steps=3), tmp_path)
    for _ in training.run(say=said.append):
        pass
    assert len(said) == 1 and "tensorboard is not installed" in said[0]
    assert len(curve(tmp_path)) == 3


def test_with_tensorboard_its_files_hold_the_losses(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained(tmp_path, recipe=replace(RECIPE, steps=30))
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    written = {e.step: e.value for e in board.Scalars("log/loss")}
    assert written == pytest.approx(curve(tmp_path), rel=1e-6)


@pytest.mark.parametrize(
    "text, words",
    [
        ("speed: 3", "key 'speed' is unknown; known: steps, batch"),
        ("steps: many", "steps is 'many', not int"),
        ("precision: half", "expected float32 or bfloat16"),
        ("batch: 0", "batch is 0, expected > 0"),
        ("- 1", "is a list, expected keys and values"),
        ("a: [", "is no YAML"),
    ],
)
def test_recipes_that_cannot_be_used_are_refused(tmp_path, text, words):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(RecipeError, match=words):
        read_recipe(tmp_path / "r.yaml")


def test_recipes_hold_the_tasks_own_section(tmp_path):
    (tmp_path / "r.yaml").write_text("steps: 7\nrate: 1\ntask: {network: {width: 3}}\n")
    recipe = read_recipe(tmp_path / "r.yaml")
    assert recipe.steps == 7 and recipe.task == {"network": {"width": 3}}
    with pytest.raises(RecipeError, match="no shipped recipe 'nothing-small'; known: .*lifter"):
        shipped("nothing", small=True)


class Wide(Line):
    """Has the first layer in common with ``Line`` and another after it."""

    def network(self):
        line = super().network()
        return torch.nn.Sequential(*line[:-1], torch.nn.Linear(8, 5), torch.nn.Linear(5, 1))


def test_beginning_from_another_training_takes_over_what_fits(tmp_path):
    first = trained(tmp_path / "first")
    path = tmp_path / "first" / CHECKPOINT
    other = Training(Wide(), RECIPE, tmp_path / "second")
    taken, whole = other.begin_from(path)
    # Layer 0 and the normalisation, not the last layer, which has another shape there.
    assert taken == 2 * 8 + 8 + 4 * 8 + 1 and whole == taken + 8 * 5 + 5 + 5 + 1
    for part in (other.network.state_dict(), other.average.state):
        assert torch.equal(part["0.weight"], first.average.state["0.weight"])
    assert other.step == 0
    # What it begins with is its own: it trains, and the other training is as it was.
    for _ in other.run(lambda: other.step == 3, **QUIET):
        pass
    assert torch.equal(trained(tmp_path / "first", resume=True).average.state["0.weight"],
                       first.average.state["0.weight"])  # fmt: skip


class Fixed(Line):
    """``Line`` whose first layer and normalisation are finished."""

    def network(self):
        line = super().network()
        line[:-1].requires_grad_(False)
        return line


def test_beginning_from_finished_weights_leaves_what_is_not_trained(tmp_path):
    weights = {k: torch.full_like(v, 2) for k, v in Line().network().state_dict().items()}
    save_file(weights, tmp_path / "line.safetensors")
    training = Training(Fixed(), RECIPE, tmp_path / "out")
    before = {k: v.clone() for k, v in training.network.state_dict().items()}
    training.begin_from(tmp_path / "line.safetensors")
    last = str(len(training.network) - 1)
    for name, value in training.network.state_dict().items():
        expected = weights if name.startswith(f"{last}.") else before
        assert torch.equal(value, expected[name]), name


def test_a_start_that_cannot_be_used_is_refused(tmp_path):
    training = Training(Line(), RECIPE, tmp_path)
    with pytest.raises(CheckpointError, match="nothing.pt does not exist"):
        training.begin_from(tmp_path / "nothing.pt")
    (tmp_path / "text.pt").write_text("weights")
    with pytest.raises(CheckpointError, match="text.pt is no checkpoint"):
        training.begin_from(tmp_path / "text.pt")
    (tmp_path / "text.safetensors").write_text("weights")
    with pytest.raises(CheckpointError, match="text.safetensors holds no weights"):
        training.begin_from(tmp_path / "text.safetensors")
    state = {"average": {"other": torch.ones(3)}}
    torch.save({"kind": "x", "identity": {}, "state": state}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="no weights that this network has too"):
        training.begin_from(tmp_path / "other.pt")
