"""RICH: people in scanned scenes seen by several fixed cameras, one pickle a person and frame.

Layout as in rich_toolkit: ``bodies/test/SEQUENCE/00000/009.pkl`` (SMPL-X),
``images/test/SEQUENCE/cam_00/00000_00.jpeg`` (or png, bmp), ``scan_calibration/SCENE/calibration/
000.xml``, and ``gender.json`` from its ``resource/``. Huang et al., CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from hmr_ros.data.datasets.annotated import Annotated, People, pixels, transformed
from hmr_ros.data.datasets.fields import Fields, existing, refusal
from hmr_ros.data.datasets.image_size import image_size
from hmr_ros.data.datasets.json_file import read_json
from hmr_ros.data.datasets.plausible import check_depth
from hmr_ros.data.datasets.protocols import Protocol
from hmr_ros.data.datasets.safe_pickle import read_plain_pickle

FPS = 30.0
SUFFIXES = ("jpeg", "jpg", "png", "bmp")
# The body files hold no joints and no boxes: a box is 1.8 m around the origin of the body, which is
# near the chest.
HALF_BODY = 0.9


def parts(folder: Path, protocol: Protocol, split: str, every_frame: bool) -> list[partial]:
    """One callable a sequence and camera."""
    if split not in ("train", "val", "test"):
        raise ValueError(f"RICH has the splits train, val and test, not {split!r}")
    cure = "arrange the downloads as rich_toolkit's README says"
    bodies = existing(folder / "bodies" / split, "a folder of RICH", cure)
    images = existing(folder / "images" / split, "a folder of RICH", cure)
    existing(folder / "gender.json", "rich_toolkit's resource/gender.json", "copy it here")
    views = [
        partial(read, folder, sequence, images / sequence.name / view.name)
        for sequence in sorted(p for p in bodies.iterdir() if p.is_dir())
        for view in sorted((images / sequence.name).glob("cam_*"))
    ]
    if not views:
        raise refusal(images, "", "holds no SEQUENCE/cam_* of the body files", cure)
    return views


def read(folder: Path, bodies: Path, view: Path) -> Iterator[Annotated]:
    """The images of one camera of a sequence. Raises DatasetError."""
    genders = read_json(folder / "gender.json")
    number = int(view.name.removeprefix("cam_"))
    scene = bodies.name.split("_")[0]
    calibration = folder / "scan_calibration" / scene / "calibration" / f"{number:03d}.xml"
    intrinsics, world_to_camera, distortion = _camera(calibration)
    frames = sorted(p for p in bodies.iterdir() if p.is_dir())
    if not frames:
        raise refusal(bodies, "", "holds no frames", "unpack the body files again")
    size = None
    for frame in frames:
        image = _image(view, f"{int(frame.name):05d}_{number:02d}")
        if size is None:
            size = image_size(image)
            _check_size(calibration, intrinsics, size, image)
        people = _people(frame, genders, intrinsics, world_to_camera)
        yield Annotated(
            image, *size, people, (), (), "smplx", intrinsics, distortion, world_to_camera,
            f"{bodies.name}/{view.name}", int(frame.name), FPS,
        )  # fmt: skip


def _people(
    frame: Path, genders: Fields, intrinsics: np.ndarray, world_to_camera: np.ndarray
) -> People:
    files = sorted(frame.glob("*.pkl"))
    if not files:
        raise refusal(frame, "", "holds no body file", "unpack the body files again")
    poses, betas, transl, words = np.zeros((len(files), 24, 3)), [], [], []
    for row, path in enumerate(files):
        fields = Fields(path, read_plain_pickle(path))
        poses[row, :1] = fields.array("global_orient", (1, 3))
        poses[row, 1:22] = fields.array("body_pose", (1, 63)).reshape(21, 3)
        betas.append(fields.array("betas", (1, 10))[0])
        transl.append(fields.array("transl", (1, 3))[0])
        root = transformed(transl[-1], world_to_camera)
        check_depth(fields, "transl", root[2:])
        words.append(genders.gender(f"{int(path.stem)}"))
    roots = transformed(np.array(transl), world_to_camera)
    corners = roots[:, None] + HALF_BODY * np.array([[-1, -1, 0], [1, 1, 0]])
    low, high = np.moveaxis(pixels(corners, intrinsics), 1, 0)
    return People(
        boxes=np.concatenate([low, high - low], 1),
        track_ids=np.array([int(path.stem) for path in files]),
        evaluated=np.ones(len(files), bool),
        genders=np.array(words),
        poses=poses,
        betas=np.array(betas),
        transl=np.array(transl),
    )


def _image(view: Path, stem: str) -> Path:
    for suffix in SUFFIXES:
        path = view / f"{stem}.{suffix}"
        if path.is_file():
            return path
    raise refusal(
        view / stem, "", f"there is no image ({', '.join(SUFFIXES)})", "unpack the images"
    )


def _camera(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """K [3, 3], world to camera [4, 4] and distortion of an OpenCV storage file."""
    text = existing(path, "the calibration", "unpack scan_calibration.zip").read_text("latin1")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise refusal(path, "", "declares entities", "a calibration has none: download it again")
    try:
        root = ElementTree.fromstring(text.encode("latin1"))
    except (ElementTree.ParseError, ValueError) as error:
        raise refusal(path, "", f"is no whole XML ({error})", "download it again") from None
    found = {}
    for name in ("CameraMatrix", "Intrinsics", "Distortion"):
        node = root.find(f"./{name}/data")
        if node is not None:
            found[name] = (node.text or "").split()
    fields = Fields(path, found)
    matrix = fields.array("CameraMatrix", (12,)).reshape(3, 4)
    intrinsics = fields.array("Intrinsics", (9,)).reshape(3, 3)
    distortion = fields.array("Distortion", (-1,)) if "Distortion" in fields else np.zeros(0)
    return intrinsics, np.vstack([matrix, [0, 0, 0, 1]]), tuple(float(d) for d in distortion[:5])


def _check_size(path: Path, intrinsics: np.ndarray, size: tuple[int, int], image: Path) -> None:
    centre = intrinsics[:2, 2] / size
    if not ((centre > 0.25) & (centre < 0.75)).all():
        raise refusal(
            path,
            "field Intrinsics",
            f"has its centre at {intrinsics[:2, 2].round().tolist()}, {image.name} is "
            f"{size[0]}x{size[1]}",
            "use the images in the size that was calibrated, not the small ones",
        )
