"""Parameters given on the command line as NAME=VALUE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from hmr_ros.parameters import table, validated


def settings_from(pairs: Sequence[str], overrides: Mapping[str, Any]) -> SimpleNamespace:
    """Settings from ``NAME=VALUE`` texts; ``overrides`` hold where the texts say nothing.

    Raises ValueError naming the pair or the parameter.
    """
    known = table()
    values = dict(overrides)
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in known:
            raise ValueError(f"{pair!r}: expected NAME=VALUE with NAME one of {', '.join(known)}")
        values[name] = _parsed(name, text, type(known[name].default))
    return validated(values)


def _parsed(name: str, text: str, kind: type) -> bool | int | float | str:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"parameter {name}: {text!r} is neither true nor false")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"parameter {name}: {text!r} is not {kind.__name__}") from None
