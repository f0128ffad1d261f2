"""What a check says about one part of the installation."""

from __future__ import annotations

from dataclasses import asdict, dataclass

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Finding:
    """state: ok; warn (works, but worse, or an optional piece is missing); fail (needed).
    found: what is there. remedy: what to do about it; empty for ok."""

    name: str
    state: str
    found: str
    remedy: str = ""

    def as_dict(self) -> dict:
        return asdict(self)


def ok(name: str, found: str) -> Finding:
    return Finding(name, OK, found)


def warn(name: str, found: str, remedy: str) -> Finding:
    return Finding(name, WARN, found, remedy)


def fail(name: str, found: str, remedy: str) -> Finding:
    return Finding(name, FAIL, found, remedy)
