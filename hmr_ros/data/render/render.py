"""A scene as a picture, with everything that is true about it."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.body.self_occlusion import allowed_depth
from hmr_ros.data.render.coverage import EMPTY, covered
from hmr_ros.data.render.draw_list import draw_list
from hmr_ros.data.render.finish import finished, inside_window
from hmr_ros.data.render.projection import projected
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.render.shading import shaded
from hmr_ros.data.render.shadow import shadow_map
from hmr_ros.data.render.truth import boxes_and_shares, maps, seen_joints
from hmr_ros.data.scenes.scene import Scene

_ALLOWED: WeakKeyDictionary = WeakKeyDictionary()


def render(scene: Scene, body: BodyModel, truth: bool = True) -> RenderedImage:
    """Draw a scene. The same scene gives the same bytes on any machine.

    Where the camera reaches over the real sensor (``scene.window``), picture and maps are empty.
    truth: False leaves out visibility, boxes and shares shown, which are then zeros.

    Raises ValueError for a scene that cannot be drawn; the text names the field.
    """
    camera = scene.view.camera
    draw = draw_list(scene, body)
    joints = _stacked([p.joints for p in draw.people], (24, 3))
    places = projected(joints.reshape(-1, 3), camera)
    coverage = covered(draw, places if truth else places[:0])
    light = shaded(draw, coverage, shadow_map(draw), scene.background, scene.catcher)
    image = finished(light, scene.finish, scene.window)
    if scene.window is not None:
        outside = ~inside_window(scene.window, camera.height, camera.width)
        coverage.centre[outside] = EMPTY
        coverage.depth[outside] = np.inf
        coverage.silhouettes[outside] = 0
    thing, person_id, part_id = maps(draw, coverage)
    people = len(draw.people)
    joints_2d = places.reshape(people, 24, 2).astype(np.float32)
    visibility = np.zeros((people, 24), np.uint8)
    occluder = np.zeros((people, 24), np.uint8)
    boxes, shown = np.zeros((people, 4), np.float32), np.zeros(people, np.float32)
    if truth:
        visibility, occluder = seen_joints(
            draw, coverage, joints, joints_2d, allowed(body), sensor(scene)
        )
        boxes, shown = boxes_and_shares(coverage.silhouettes, person_id, people)
    return RenderedImage(
        image=image,
        depth=coverage.depth,
        thing=thing,
        person_id=person_id,
        part_id=part_id,
        joints=joints,
        joints_2d=joints_2d,
        visibility=visibility,
        occluder=occluder,
        rotations=_stacked([p.rotations for p in draw.people], (24, 3, 3)),
        betas=_stacked([p.person.betas for p in draw.people], (10,)),
        transl=_stacked([p.transl for p in draw.people], (3,)),
        boxes=boxes,
        shown=shown,
        view=scene.view,
    )


def sensor(scene: Scene) -> tuple[float, float, float, float]:
    """Left, top, right, bottom, pixels: outer edges of what the picture can show."""
    camera = scene.view.camera
    left, top, right, bottom = -0.5, -0.5, camera.width - 0.5, camera.height - 0.5
    if scene.window is None:
        return left, top, right, bottom
    a, b, c, d = scene.window
    return max(left, a), max(top, b), min(right, c), min(bottom, d)


def allowed(body: BodyModel) -> np.ndarray:
    """``allowed_depth`` of a body, computed once."""
    if body not in _ALLOWED:
        _ALLOWED[body] = allowed_depth(body)
    return _ALLOWED[body]


def _stacked(rows: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, *shape), np.float32)
