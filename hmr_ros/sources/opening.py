"""From what a user writes (a path, an index, a device) to a source of pictures."""

from __future__ import annotations

from pathlib import Path

from hmr_ros.sources.source import Source, SourceError

BAG_FILES = (".db3", ".mcap")


def open_source(where: str | Path, image_topic: str | None = None) -> Source:
    """The source that ``where`` names.

    where: an image, a folder of images, a video file, a rosbag2 (its folder, ``.mcap`` or
        ``.db3``), a webcam (``0``, ``webcam``, ``webcam:1``, ``/dev/video0``), or
        ``photo:astronaut`` for scikit-image's photograph, panned and zoomed.
    image_topic: which topic of a bag, needed where it has several.

    Raises SourceError that says what is wrong with it and what would be right.
    """
    text = str(where)
    if text == "photo:astronaut":
        return _astronaut()
    device = _webcam_device(text)
    if device is not None:
        from hmr_ros.sources.video import webcam_source

        return webcam_source(device)
    path = Path(text).expanduser()
    if not path.exists():
        raise SourceError(
            f"{text}: there is no such file; expected an image, a folder of images, a video, a "
            "rosbag2, or a webcam's index"
        )
    if path.suffix == ".bag":
        raise SourceError(
            f"{text}: is a ROS 1 bag; convert it with `rosbags-convert --src {path.name} "
            f"--dst {path.stem}` (installed with this package) and use the folder it makes"
        )
    if path.suffix in BAG_FILES or (path / "metadata.yaml").exists():
        from hmr_ros.sources.bag import bag_source

        return bag_source(path, image_topic)
    from hmr_ros.sources import photos, video

    if path.is_dir():
        return photos.folder_source(path)
    if path.suffix.lower() in photos.SUFFIXES:
        return photos.photo_source(path)
    return video.video_source(path)


def _webcam_device(text: str) -> int | str | None:
    if text.startswith("/dev/"):
        return text
    if text == "webcam":
        return 0
    index = text.removeprefix("webcam:")
    return int(index) if index.isdigit() and not Path(text).exists() else None


def _astronaut() -> Source:
    try:
        from skimage.data import astronaut
    except ImportError:
        raise SourceError(
            "photo:astronaut needs scikit-image: `pip install scikit-image`, or name a video, a "
            "bag or a webcam"
        ) from None
    from hmr_ros.sources.panned import panned_source

    return panned_source(astronaut()[..., ::-1].copy(), "photo:astronaut")
