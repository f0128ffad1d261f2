"""A scene as a picture, with everything that is true about it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hmr_ros.body.kinematics import forward_kinematics, rest_joints
from hmr_ros.body.model import BodyModel
from hmr_ros.data.joint_visibility import allowed_depth, joint_visibility
from hmr_ros.data.people_scene import Finish, Scene, posed_vertices
from hmr_ros.data.shading import shade
from hmr_ros.geometry.camera import Camera
from hmr_ros.geometry.rasterize import empty_buffers, rasterize

NOBODY, SOLID = -1, -2  # values of ``person_id`` where no person is in front
NO_PART = 255


@dataclass(frozen=True, eq=False)
class RenderedImage:
    """A picture of P people and its truth; camera optical frame, metres, pixels.

    image:      [H, W, 3] uint8 BGR. depth: [H, W] float32, inf where only background is.
    person_id:  [H, W] int32, row of the person in front, ``NOBODY`` or ``SOLID``.
    part_id:    [H, W] uint8, SMPL part (its joint) of the person in front, else ``NO_PART``.
    joints:     [P, 24, 3] float32. joints_2d: [P, 24, 2] float32 (NaN behind the camera).
    visibility: [P, 24] uint8, values of ``joint_visibility``.
    rotations:  [P, 24, 3, 3] float32, joint 0 to the camera. betas [P, 10], transl [P, 3] float32.
    boxes:      [P, 4] float32 x, y, width, height of the whole silhouette inside the image, as if
                nothing hid it; zeros if it is outside.
    shown:      [P] float32, share of that silhouette that nothing hides.
    """

    image: np.ndarray
    depth: np.ndarray
    person_id: np.ndarray
    part_id: np.ndarray
    joints: np.ndarray
    joints_2d: np.ndarray
    visibility: np.ndarray
    rotations: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    boxes: np.ndarray
    shown: np.ndarray
    camera: Camera


def render(scene: Scene, body: BodyModel, supersample: int = 2) -> RenderedImage:
    """Draw a scene. The same scene gives the same bytes.

    supersample: the colours are drawn this many times finer in each direction and averaged;
    depth, ``person_id`` and visibility are those at pixel centres whatever it is.
    """
    camera = scene.camera
    n = len(scene.people)
    rotations = _stack([p.rotations for p in scene.people], (24, 3, 3))
    betas = _stack([p.betas for p in scene.people], (10,))
    transl = _stack([p.transl for p in scene.people], (3,))
    posed = [posed_vertices(body, person) for person in scene.people]
    joints, _ = forward_kinematics(rotations, rest_joints(body, betas), body.parents)
    joints = (joints + transl[:, None]).astype(np.float32)
    joints_2d = camera.project(joints).astype(np.float32)
    meshes = [(mesh, body.faces, p.outfit) for mesh, p in zip(posed, scene.people, strict=True)]
    meshes += [(s.vertices, s.faces, s.surface) for s in scene.solids]

    depth, face_id = _rasterized(meshes, camera)
    person_id = np.where(face_id < 0, NOBODY, face_id // len(body.faces)).astype(np.int32)
    person_id[face_id >= n * len(body.faces)] = SOLID
    first_corner = body.faces[face_id % len(body.faces), 0]
    part_id = np.where(person_id < 0, NO_PART, body.part_id[first_corner]).astype(np.uint8)
    boxes, shown = _silhouettes(meshes[:n], camera, person_id)
    return RenderedImage(
        image=_picture(scene, meshes, face_id, supersample),
        depth=depth,
        person_id=person_id,
        part_id=part_id,
        joints=joints,
        joints_2d=joints_2d,
        visibility=joint_visibility(
            joints, joints_2d, depth, person_id, part_id, allowed_depth(body)
        ),
        rotations=rotations,
        betas=betas,
        transl=transl,
        boxes=boxes,
        shown=shown,
        camera=camera,
    )


def _stack(rows: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, *shape), np.float32)


def _rasterized(meshes: list, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    depth, face_id = empty_buffers(camera)
    offset = 0
    for mesh, faces, _ in meshes:
        rasterize(mesh, faces, camera, depth, face_id, offset)
        offset += len(faces)
    return depth, face_id


def _silhouettes(
    people: list, camera: Camera, person_id: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.zeros((len(people), 4), np.float32)
    shown = np.zeros(len(people), np.float32)
    for n, person in enumerate(people):
        alone = _rasterized([person], camera)[1] >= 0
        rows, columns = np.flatnonzero(alone.any(1)), np.flatnonzero(alone.any(0))
        if len(rows) == 0:
            continue
        # A pixel covers half a unit to either side of its centre.
        x, y = columns[0] - 0.5, rows[0] - 0.5
        boxes[n] = x, y, columns[-1] + 0.5 - x, rows[-1] + 0.5 - y
        shown[n] = (person_id == n).sum() / alone.sum()
    return boxes, shown


def _picture(scene: Scene, meshes: list, face_id: np.ndarray, supersample: int) -> np.ndarray:
    camera = scene.camera
    width, height = camera.width, camera.height
    fine = camera.scaled(width * supersample, height * supersample)
    background = scene.background.astype(np.float32) / 255
    if supersample > 1:
        _, face_id = _rasterized(meshes, fine)
        size = (fine.width, fine.height)
        background = cv2.resize(background, size, interpolation=cv2.INTER_NEAREST)
    offset = 0
    for mesh, faces, surface in meshes:
        shade(background, face_id, offset, mesh, faces, surface, fine, scene.light)
        offset += len(faces)
    if supersample > 1:
        background = cv2.resize(background, (width, height), interpolation=cv2.INTER_AREA)
    return finished(background, scene.finish)


def finished(image: np.ndarray, finish: Finish) -> np.ndarray:
    """Light [H, W, 3] float32, 0..1, as the camera delivers it: uint8."""
    if finish.blur > 0:
        image = cv2.GaussianBlur(image, (0, 0), finish.blur)
    values = 255 * np.clip(image, 0, 1) ** np.float32(finish.gamma)
    if finish.noise > 0:
        rng = np.random.default_rng(finish.seed)
        values = values + finish.noise * rng.standard_normal(values.shape, np.float32)
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
