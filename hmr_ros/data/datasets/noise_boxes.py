"""Rectangles of noise before people: 3DPW-XOCC's occluders.

The recipe of NIKI (Li et al., CVPR 2023) draws, at every 8th image, a rectangle of 0 to 30 % of the
person's box, its height 0.5 to 2 times its width, anywhere within the box and the image; between
those images it moves and grows linearly. It is filled with uniform noise, a new one for each image.

Reproduced: these rectangles and their filling, from seeds of our own, so that they are not the very
same rectangles. Not reproduced: the second half of that recipe, which also moves the crop so that
upper or lower body is cut off.
"""

from __future__ import annotations

import zlib

import cv2
import numpy as np

from hmr_ros.data.datasets.annotated import Annotated
from hmr_ros.data.datasets.fields import refusal

KEY_INTERVAL = 8
LARGEST_SHARE = 0.3
FLATTEST = 0.5
TRIES = 200


def noise_boxes(sequence: str, frame: int, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """x, y, width, height [N, 4] of the rectangles before people with ``boxes`` [N, 4].

    The same sequence, frame and box give the same rectangle. Where none fits into the image it is
    zeros. size: width, height of the image.
    """
    before = frame - frame % KEY_INTERVAL
    share = (frame - before) / KEY_INTERVAL
    found = []
    for person, box in enumerate(boxes):
        first = _drawn(_generator(sequence, before, person), box, size)
        second = _drawn(_generator(sequence, before + KEY_INTERVAL, person), box, size)
        found.append((1 - share) * first + share * second)
    return np.array(found).reshape(-1, 4)


def read_image(annotated: Annotated, person: int | None = None) -> np.ndarray:
    """[H, W, 3] uint8 BGR pixels, with the noise before ``person``, or before all for None.

    The protocol scores one person at a time, with that person's rectangle only. Raises DatasetError
    if the file is no whole image or not of the annotated size.
    """
    image = cv2.imread(str(annotated.image), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise refusal(annotated.image, "", "cannot be decoded as an image", "download it again")
    if image.shape[:2] != (annotated.height, annotated.width):
        raise refusal(
            annotated.image,
            "",
            f"is {image.shape[1]}x{image.shape[0]}, annotated {annotated.width}x{annotated.height}",
            "use the images in their published size",
        )
    rectangles = annotated.people.noise_boxes
    if rectangles is None:
        return image
    for number in range(len(rectangles)) if person is None else (person,):
        x, y, width, height = rectangles[number].astype(int)
        random = _generator(annotated.sequence, annotated.frame, number, 1)
        image[y : y + height, x : x + width] = random.integers(0, 256, (height, width, 3), np.uint8)
    return image


def _generator(sequence: str, frame: int, person: int, use: int = 0) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(sequence.encode()), frame, person, use])


def _drawn(random: np.random.Generator, box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    for _ in range(TRIES):
        area = random.uniform(0, LARGEST_SHARE) * box[2] * box[3]
        ratio = random.uniform(FLATTEST, 1 / FLATTEST)
        height, width = np.sqrt(area * ratio), np.sqrt(area / ratio)
        x = box[0] + random.uniform() * (box[2] - width - 1)
        y = box[1] + random.uniform() * (box[3] - height - 1)
        in_image = x >= 0 and y >= 0 and x + width < size[0] and y + height < size[1]
        if in_image and width < box[2] and height < box[3]:
            return np.array([x, y, width, height])
    return np.zeros(4)
