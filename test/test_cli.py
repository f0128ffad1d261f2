"""The dispatcher and what `bench` and `eval` share, with commands made for the test."""

import argparse
import importlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from hmr_ros.cli import bench, measurement
from hmr_ros.cli import eval as evaluation
from hmr_ros.cli import main as dispatcher
from hmr_ros.cli.figures import print_table, text_of, write_json
from hmr_ros.cli.listing import modules_in, summary_of
from hmr_ros.cli.main import COMMANDS, main, reporting_errors
from hmr_ros.machine import machine


def raising(error):
    def action():
        raise error

    return action


def test_help_names_every_command_with_its_summary(capsys):
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for module in modules_in(dispatcher.FOLDER):
        if module.replace("_", "-") in COMMANDS:
            summary = summary_of(dispatcher.FOLDER / f"{module}.py")
            line = next(x for x in lines if x.split()[:1] == [module.replace("_", "-")])
            assert line.endswith(summary)


def test_unknown_command_lists_the_known_ones(capsys):
    assert main(["fly"]) == 2
    complaint = capsys.readouterr().err
    assert "no command 'fly'" in complaint and "bench" in complaint and "eval" in complaint


def test_unknown_benchmark_lists_the_known_ones(capsys):
    assert main(["bench", "fly"]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("hmr bench: 'fly' is not one of the benchmarks; there are: ")
    assert len(complaint.splitlines()) == 1


@pytest.mark.parametrize(
    "error, words",
    [
        (ValueError("parameter threads: 0 is outside [1, 64]"), "threads: 0 is outside"),
        (FileNotFoundError(2, "No such file or directory", "a.mp4"), "a.mp4"),
        (ModuleNotFoundError("no torch", name="torch.nn"), "torch is not installed; `make setup`"),
        (ModuleNotFoundError("no msg", name="hmr_ros.msg"), "hmr_ros.msg is not to be found: ROS"),
    ],
)
def test_expected_errors_are_one_line_and_status_2(error, words, capsys):
    assert reporting_errors(raising(error), "hmr run") == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("hmr run: ") and words in complaint
    assert len(complaint.splitlines()) == 1


def test_debug_variable_and_unexpected_errors_show_the_trace(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        reporting_errors(raising(ZeroDivisionError()), "hmr")
    monkeypatch.setenv("HMR_DEBUG", "1")
    with pytest.raises(ValueError, match="why"):
        reporting_errors(raising(ValueError("why")), "hmr")


def test_interrupted_is_130():
    assert reporting_errors(raising(KeyboardInterrupt()), "hmr") == 130


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of benchmarks with one that measures and one that cannot."""
    benchmarks = tmp_path / "benchmarks"
    evaluations = tmp_path / "evaluations"
    for kind in (benchmarks, evaluations):
        kind.mkdir()
        (kind / "__init__.py").write_text("")
    (benchmarks / "works_here.py").write_text(
        "SUMMARY = 'counts'\n"
        "def add_arguments(parser):\n"
        "    parser.add_argument('--count', type=int, default=3)\n"
        "def measure(args):\n"
        "    return [{'name': 'counting', 'p50_ms': args.count / 7, 'bytes': 1234567}]\n"
    )
    (benchmarks / "fails.py").write_text(
        "SUMMARY = 'fails'\ndef measure(args):\n    raise RuntimeError('no camera')\n"
    )
    (evaluations / "one.py").write_text(
        "SUMMARY = 'one row'\nVERSION = 4\n"
        "def measure(args):\n    return [{'model': 'lifter', 'subset': 'all', 'mpjpe_mm': 99.5}]\n"
    )
    monkeypatch.setattr(measurement, "CLI", tmp_path)

    for kind in (benchmarks, evaluations):
        package = importlib.import_module(f"hmr_ros.cli.{kind.name}")
        monkeypatch.setattr(package, "__path__", [str(kind)])
        for path in kind.glob("*.py"):
            sys.modules.pop(f"hmr_ros.cli.{kind.name}.{path.stem}", None)
    return tmp_path


def test_bench_passes_options_on_and_writes_figures(folder, capsys):
    path = folder / "new" / "figures.json"
    parser_words = ["works-here", "--count", "14", "--json", str(path)]
    assert bench.run(parsed(bench, parser_words)) == 0
    figures = json.loads(path.read_text())
    assert figures["rows"] == [{"name": "counting", "p50_ms": 2.0, "bytes": 1234567}]
    assert figures["machine"]["cores"] >= 1
    assert "1,234,567" in capsys.readouterr().out


def test_bench_all_names_what_failed_and_keeps_the_rest(folder, capsys):
    path = folder / "all.json"
    assert bench.run(parsed(bench, ["all", "--json", str(path)])) == 1
    assert [row["name"] for row in json.loads(path.read_text())["rows"]] == ["counting"]
    assert "not measured: fails" in capsys.readouterr().out


def test_eval_writes_benchmark_version_and_rows(folder):
    path = folder / "eval.json"
    assert evaluation.run(parsed(evaluation, ["one", "--json", str(path)])) == 0
    figures = json.loads(path.read_text())
    assert (figures["benchmark"], figures["version"]) == ("one", 4)
    assert figures["rows"][0]["mpjpe_mm"] == 99.5


def parsed(command, words):
    parser = argparse.ArgumentParser(prog="hmr test")
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_json_holds_plain_numbers(tmp_path):
    path = tmp_path / "f.json"
    write_json(path, {"a": np.float32(0.5), "b": np.arange(3), "c": math.nan, "d": [math.inf, 1]})
    assert json.loads(path.read_text()) == {"a": 0.5, "b": [0, 1, 2], "c": None, "d": [None, 1]}


def test_no_figure_is_cut_in_a_file(capsys):
    row = {f"figure number {n}": 0.123 + n for n in range(30)}
    print_table("many", [{"name": "a", **row}])
    said = capsys.readouterr().out
    assert "…" not in said and all(name in said for name in row) and "29.1" in said


@pytest.mark.parametrize(
    "value, text",
    [
        (None, ""),
        (0.12345, "0.123"),
        (6.0, "6"),
        (113.94, "113.9"),
        (41328, "41,328"),
        (12345.6, "12,346"),
        (True, "True"),
        ({"low": 1.0, "high": 2.5}, "low 1, high 2.5"),
    ],
)
def test_figures_in_a_table_are_short(value, text):
    assert text_of(value) == text


def test_machine_names_processor_and_versions():
    described = machine()
    assert described["cpu"] and described["python"] == sys.version.split()[0]
    assert described["versions"]["numpy"] == np.__version__


def test_scripts_hmr_runs_from_any_folder(root, tmp_path):
    done = subprocess.run(
        [sys.executable, root / "scripts" / "hmr", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "hmr_ros"), done.stderr
