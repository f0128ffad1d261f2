"""COCO keypoint files, and OCHuman and CrowdPose, which use the same form.

Layouts: ``annotations/person_keypoints_val2017.json`` with ``val2017/``;
``ochuman_coco_format_test_range_0.00_1.00.json`` with ``images/``; ``json/crowdpose_test.json``
with ``images/``. Lin et al., ECCV 2014; Zhang et al., CVPR 2019; Li et al., CVPR 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from hmr_ros.data.datasets.annotated import Annotated, People
from hmr_ros.data.datasets.fields import Fields, existing
from hmr_ros.data.datasets.joint_names import COCO17, CROWDPOSE14
from hmr_ros.data.datasets.json_file import read_json
from hmr_ros.data.datasets.protocols import Protocol


@dataclass(frozen=True)
class Layout:
    """Where a data set keeps what; ``{split}`` is filled in."""

    annotations: str
    images: str
    splits: tuple[str, ...]
    names: tuple[str, ...]


LAYOUTS = {
    "coco": Layout(
        "annotations/person_keypoints_{split}.json", "{split}", ("val2017", "train2017"), COCO17
    ),
    "ochuman": Layout(
        "ochuman_coco_format_{split}_range_0.00_1.00.json", "images", ("val", "test"), COCO17
    ),
    "crowdpose": Layout(
        "json/crowdpose_{split}.json", "images", ("train", "val", "trainval", "test"), CROWDPOSE14
    ),
}
# Other words for the same point.
SYNONYMS = {"head": "head_top", "top_head": "head_top"}


def parts(folder: Path, protocol: Protocol, split: str, every_frame: bool) -> list[partial]:
    layout = LAYOUTS[protocol.dataset]
    if split not in layout.splits:
        raise ValueError(
            f"{protocol.dataset} has the splits {', '.join(layout.splits)}, not {split!r}"
        )
    path = folder / layout.annotations.format(split=split)
    existing(path, "the annotation file", f"unpack {protocol.dataset} as docs/datasets.md shows")
    return [partial(read, path, folder / layout.images.format(split=split), layout.names)]


def read(path: Path, images: Path, names: tuple[str, ...]) -> Iterator[Annotated]:
    """The photographs with labelled people, each image file checked to be there."""
    for annotated in read_labels(path, images, names):
        existing(annotated.image, "the image", "unpack the images")
        yield annotated


def read_labels(path: Path, images: Path, names: tuple[str, ...]) -> list[Annotated]:
    """The photographs with at least one person who has a labelled keypoint; crowds are left out.

    path: the JSON file; images: the folder that its file names are in. Raises DatasetError.
    """
    content = read_json(path)
    _check_names(content, names)
    entries, people = {}, {}
    for number, entry in enumerate(content.items("images")):
        fields = Fields(content.path, entry, f"images[{number}]")
        entries[fields.get("id")] = fields
        people[fields.get("id")] = []
    for number, entry in enumerate(content.items("annotations")):
        fields = Fields(content.path, entry, f"annotations[{number}]")
        keypoints = fields.array("keypoints", (3 * len(names),)).reshape(-1, 3)
        if fields.content.get("iscrowd") or not keypoints[:, 2].any():
            continue
        if fields.get("image_id") not in people:
            raise fields.error("image_id", "is no id in images", "download it again")
        box = fields.array("bbox", (4,))
        if (box[2:] < 0).any():
            raise fields.error("bbox", f"is {box.tolist()}", "expected x, y, width, height")
        if not np.isin(keypoints[:, 2], (0, 1, 2)).all():
            raise fields.error(
                "keypoints", "have a v other than 0, 1, 2", "take the file in COCO's format"
            )
        area = float(fields.content.get("area") or box[2] * box[3])
        person = int(fields.content.get("id", number))
        people[fields.get("image_id")].append((keypoints, box, area, person))
    found = [_annotated(entries[i], images, rows, names) for i, rows in people.items() if rows]
    if not found:
        raise content.error("annotations", "holds nobody with a keypoint", "is it the right file?")
    return found


def _annotated(entry: Fields, images: Path, rows: list[tuple], names: tuple[str, ...]) -> Annotated:
    keypoints, boxes, areas, ids = (np.array(column) for column in zip(*rows, strict=True))
    count = len(rows)
    people = People(
        boxes=boxes.astype(float),
        track_ids=ids.astype(np.int64),
        evaluated=np.ones(count, bool),
        keypoints=keypoints,
        areas=areas.astype(float),
    )
    width = int(entry.number("width")) if "width" in entry else 0
    height = int(entry.number("height")) if "height" in entry else 0
    name = entry.text("file_name")
    return Annotated(images / name, width, height, people, (), names, sequence=Path(name).stem)


def _check_names(content: Fields, names: tuple[str, ...]) -> None:
    """Refuse another order, where the file says its own."""
    for category in content.content.get("categories") or []:
        fields = Fields(content.path, category, "categories[0]")
        if "keypoints" not in fields:
            continue
        found = tuple(SYNONYMS.get(str(n), str(n)) for n in fields.items("keypoints"))
        if found != names:
            raise fields.error(
                "keypoints",
                f"are in the order {', '.join(found[:4])}, ... ({len(found)}), expected "
                f"{', '.join(names[:4])}, ... ({len(names)})",
                "is it the right data set?",
            )
