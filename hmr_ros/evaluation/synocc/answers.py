"""What is true about the people of a benchmark, and what a model says about them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from hmr_ros.batch import EqualLength


@dataclass(frozen=True, eq=False)
class Truth(EqualLength):
    """N people of many images. Camera optical frame, metres, pixels.

    image:      [N] int64, number of the image; person: [N] int64, row of the person in it.
    level:      [N] name of the occlusion level the image was drawn at.
    joints:     [N, 24, 3] float32. joints_2d: [N, 24, 2] float32.
    visibility: [N, 24] uint8, values of ``hmr_ros.data.joint_visibility``.
    occluder:   [N, 24] uint8, the ``Thing`` that hides the joint.
    rotations:  [N, 24, 3, 3] float32, joint 0 to the camera. betas: [N, 10] float32.
    boxes:      [N, 4] float32 x, y, width, height as if nothing hid the person.
    given:      [N, 4] float32, the box that models are told in the protocol ``given``.
    shown:      [N] float32, share of the silhouette that nothing hides.
    intrinsics: [N, 4] float32 fx, fy, cx, cy.
    """

    image: np.ndarray
    person: np.ndarray
    level: np.ndarray
    joints: np.ndarray
    joints_2d: np.ndarray
    visibility: np.ndarray
    occluder: np.ndarray
    rotations: np.ndarray
    betas: np.ndarray
    boxes: np.ndarray
    given: np.ndarray
    shown: np.ndarray
    intrinsics: np.ndarray


@dataclass(frozen=True, eq=False)
class Answer(EqualLength):
    """What one model says about the same N people, in the same order.

    found:      [N] bool, whether the model itself claims to have seen the person.
    answered:   [N] bool, whether there are figures at all; rows without are NaN. A model that
                falls back on a prior answers everybody and has ``found`` False there.
    joints:     [N, 24, 3] camera frame or about any point of the person; joints that the model
                does not know are NaN. joints_2d: [N, 24, 2] pixels.
    rotations:  [N, 24, 3, 3] and betas [N, 10], or None for a model without a mesh.
    joint_cov:  [N, 24, 3, 3] of ``joints`` about the pelvis, m^2, or None. joint_tails: [N, 24] of
                these errors (``hmr_ros.regions``), or None for Gaussian ones.
    """

    found: np.ndarray
    answered: np.ndarray
    joints: np.ndarray
    joints_2d: np.ndarray
    rotations: np.ndarray | None = None
    betas: np.ndarray | None = None
    joint_cov: np.ndarray | None = None
    joint_tails: np.ndarray | None = None


def no_answer(count: int) -> Answer:
    """``count`` people whom a model says nothing about."""
    return Answer(
        found=np.zeros(count, bool),
        answered=np.zeros(count, bool),
        joints=np.full((count, 24, 3), np.nan, np.float32),
        joints_2d=np.full((count, 24, 2), np.nan, np.float32),
    )


def placed(answer: Answer, rows: np.ndarray, count: int) -> Answer:
    """The rows of ``answer`` at the places ``rows`` of ``count`` people; nothing at the others."""
    empty = no_answer(count)
    filled = {}
    for name in (f.name for f in fields(Answer)):
        value = getattr(answer, name)
        if value is None:
            continue
        fill = getattr(empty, name)
        if fill is None:
            fill = np.full((count, *value.shape[1:]), np.nan, np.float32)
        fill[rows] = value
        filled[name] = fill
    return Answer(**filled)
