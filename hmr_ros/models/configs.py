"""Sizes of networks from plain values, as recipes and weight files hold them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TypeVar

Config = TypeVar("Config")


def read_config(kind: type[Config], values: dict | None, where: str = "") -> Config:
    """The dataclass ``kind`` from a dictionary; keys that are left out keep their defaults.

    Lists become tuples, nested dictionaries nested dataclasses. Raises ValueError that names the
    key: one that is unknown, or a value of another type than the default's.
    """
    defaults, read = kind(), {}
    known = {f.name: getattr(defaults, f.name) for f in fields(kind)}
    for name, value in (values or {}).items():
        if name not in known:
            raise ValueError(f"key {where + name!r} is unknown; known: {', '.join(known)}")
        default = known[name]
        if is_dataclass(default):
            read[name] = read_config(type(default), value, f"{where}{name}.")
            continue
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        wanted = (int, float) if type(default) is float else type(default)
        if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
            raise ValueError(f"{where}{name} is {value!r}, not {type(default).__name__}")
        read[name] = value
    return kind(**read)
