"""Files that come with the package: in the source tree or in the installed ``share`` folder."""

from __future__ import annotations

from pathlib import Path


def asset(folder: str, name: str) -> Path:
    """Path of ``<folder>/<name>`` (folder: weights, config, launch).

    In the source tree the folder lies beside the package; after ``colcon build`` the package is
    somewhere under the prefix's ``lib`` and the folder under ``share/hmr_ros``. The result of the
    first place is returned if neither exists, so that an error names a path worth looking at.
    """
    package = Path(__file__).resolve().parent
    places = [package.parent / folder / name]
    places += [p / "share" / "hmr_ros" / folder / name for p in package.parents]
    return next((p for p in places if p.exists()), places[0])
