"""What documents tell to type and to open is there: commands parse, files and headings exist."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from hmr_ros.cli import main as cli

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("weights/*.md")])
# What a reader puts in, where anything but a name of a file is asked for.
PLACEHOLDERS = {"N": "1", "KIND": "maps", "NAME=FILE": "name=file"}
FOLDERS = "config|docs|hmr_ros|launch|msg|requirements|test|tools|weights"


def commands(text: str) -> list[str]:
    """Every `hmr ...` of fenced lines and of spans of code, without comments."""
    fenced = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(fenced).replace("\\\n", " ").splitlines()
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    parts = [part.strip() for line in [*lines, *spans] for part in line.split("#")[0].split(";")]
    return sorted({" ".join(p.split()) for p in parts if re.match(r"hmr [a-z]", p)})


class Parsed(Exception):
    """The options were understood: nothing is to be run."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_parses(document, monkeypatch, capsys):
    parse = argparse.ArgumentParser.parse_args

    def stop_when_parsed(parser, args=None, namespace=None):
        options = parse(parser, args, namespace)
        if "options" not in options:  # else the module of NAME parses these
            raise Parsed
        return options

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop_when_parsed)
    wrong = []
    for command in commands(document.read_text()):
        words = [PLACEHOLDERS.get(w, w) for w in shlex.split(command)[1:]]
        if words[1:2] and words[1].isupper() or any(w in ("...", "…") or "$" in w for w in words):
            continue  # says itself that it is not whole, or is part of a script
        try:
            if cli.main(words) == 2:
                wrong.append((command, capsys.readouterr().err))
        except Parsed:
            pass
        except SystemExit as end:
            said = capsys.readouterr().err
            if end.code and "arguments are required" not in said:  # that is a mention
                wrong.append((command, said))
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_heading_is_there(document):
    text = document.read_text()
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path) if path else document
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            missing.append(target)
    for span in re.findall(r"`([^`]+)`", text):
        for name in re.findall(rf"(?<![\w/.~-])((?:{FOLDERS})/[\w./*{{}},-]+)", span):
            if not all(any(ROOT.glob(part)) for part in alternatives(name.rstrip("."))):
                missing.append(name)
    assert not missing


def anchors(text: str) -> set[str]:
    """What a heading of this document is linked by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def alternatives(name: str) -> list[str]:
    """``a{b,c}`` as both files, types of messages as their files; others as they are."""
    name = re.sub(r"^hmr_ros/([A-Z]\w+)$", r"msg/\1.msg", name)
    braces = re.search(r"\{([^}]*)\}", name)
    if not braces:
        return [name]
    return [name.replace(braces[0], one) for one in braces[1].split(",")]
