"""Scenes of the first renderer under the names of the new one. Goes when the new one is here."""

from __future__ import annotations

import numpy as np

from hmr_ros.data.joint_visibility import HIDDEN, SELF_OCCLUDED
from hmr_ros.data.people_scene import SceneRanges, sample_scene
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.rendering import SOLID, render
from hmr_ros.data.scenes.things import Thing
from hmr_ros.data.viewpoints import Viewpoint

SOLIDS = {"light": (0, 0), "medium": (1, 3), "heavy": (4, 8)}


def old_picture(rng, body, motions, level, photos, width, height) -> RenderedImage:
    ranges = SceneRanges(width=width, height=height, solids=SOLIDS[level], photos=photos)
    scene = sample_scene(rng, body, motions, ranges)
    old = render(scene, body, supersample=1)
    occluder = np.zeros(old.visibility.shape, np.uint8)
    occluder[old.visibility == SELF_OCCLUDED] = Thing.SELF
    occluder[old.visibility == HIDDEN] = Thing.SOLID
    x, y = np.nan_to_num(old.joints_2d, nan=-9).transpose(2, 0, 1)
    outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
    occluder[outside] = Thing.BORDER
    thing = np.where(old.person_id >= 0, Thing.PERSON, Thing.NOTHING)
    thing[old.person_id == SOLID] = Thing.SOLID
    return RenderedImage(
        image=old.image,
        depth=old.depth,
        thing=thing.astype(np.uint8),
        person_id=np.maximum(old.person_id, -1),
        part_id=old.part_id,
        joints=old.joints,
        joints_2d=old.joints_2d,
        visibility=old.visibility,
        occluder=occluder,
        rotations=old.rotations,
        betas=old.betas,
        transl=old.transl,
        boxes=old.boxes,
        shown=old.shown,
        view=Viewpoint(old.camera, np.eye(3), np.zeros(3)),
    )
