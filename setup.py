"""The Python package alone, for use without ROS: ``pip install .`` gives the command ``hmr``.

The ROS package with its messages, node and launch files is built by colcon (CMakeLists.txt).
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def requirements() -> list[str]:
    """The names in requirements/runtime.txt."""
    lines = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8").splitlines()
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def files_of(folder: str) -> tuple[str, list[str]]:
    """The files of ``folder`` and where hmr_ros.assets looks for them."""
    files = sorted(p.relative_to(ROOT) for p in (ROOT / folder).glob("*") if p.is_file())
    return f"share/hmr_ros/{folder}", [str(p) for p in files]


setup(
    name="hmr_ros",
    version="0.1.0",
    description="People in three dimensions from images: SMPL bodies that hold under occlusion",
    license="Apache-2.0",
    python_requires=">=3.10,<3.13",
    packages=find_packages(include=["hmr_ros", "hmr_ros.*"]),
    package_data={"hmr_ros.data": ["*.npz"], "hmr_ros.training": ["recipes/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/hmr_ros"]),
        ("share/hmr_ros", ["package.xml"]),
        files_of("config"),
        files_of("weights"),
    ],
    install_requires=requirements(),
    entry_points={"console_scripts": ["hmr = hmr_ros.cli.main:main"]},
)
