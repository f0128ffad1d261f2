"""A batch of scenes as pictures with their truth, on any device torch knows.

The same scene drawn on the CPU by ``render`` gives the same pixels to rounding: coverage and
depth are whole numbers and float64 in the same order, colours float32 in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hmr_ros.body.torch_body import TorchBody
from hmr_ros.data.render.coverage import EMPTY
from hmr_ros.data.render.rendered import RenderedImage
from hmr_ros.data.render.torch_finish import finished
from hmr_ros.data.render.torch_posing import posed
from hmr_ros.data.render.torch_raster import Fronts, rasterized
from hmr_ros.data.render.torch_shading import shaded
from hmr_ros.data.render.torch_shadow import shadow_maps
from hmr_ros.data.render.torch_soup import Soup
from hmr_ros.data.render.torch_stage import stage_of
from hmr_ros.data.render.torch_truth import boxes_and_shares, maps, seen_joints
from hmr_ros.data.scenes.scene import Scene
from hmr_ros.data.viewpoints import Viewpoint

# Pixels worked on at once, about 1 kB each: what fits the CPU's cache, and what fills a GPU.
CPU_BUDGET, GPU_BUDGET = 1 << 15, 1 << 22


@dataclass(frozen=True, eq=False)
class RenderedBatch:
    """B pictures and their truth as tensors on one device; fields as in ``RenderedImage``.

    image [B, H, W, 3] uint8 BGR, depth [B, H, W] float32, thing uint8, person_id int32, part_id
    uint8 [B, H, W]. joints [B, P, 24, 3], joints_2d [B, P, 24, 2], rotations [B, P, 24, 3, 3],
    betas [B, P, 10], transl [B, P, 3] float32, NaN beyond the people of a picture; visibility,
    occluder [B, P, 24] uint8, boxes [B, P, 4], shown [B, P] float32.
    counts: people of each picture. views: of each, on the host.
    """

    image: Tensor
    depth: Tensor
    thing: Tensor
    person_id: Tensor
    part_id: Tensor
    joints: Tensor
    joints_2d: Tensor
    visibility: Tensor
    occluder: Tensor
    rotations: Tensor
    betas: Tensor
    transl: Tensor
    boxes: Tensor
    shown: Tensor
    counts: tuple[int, ...]
    views: tuple[Viewpoint, ...]

    def picture(self, n: int) -> RenderedImage:
        """Picture n on the host."""
        people = slice(self.counts[n])

        def host(name: str) -> np.ndarray:
            row = getattr(self, name)[n]
            return (row[people] if name in _PER_PERSON else row).cpu().numpy()

        names = [f for f in RenderedBatch.__dataclass_fields__ if f not in ("counts", "views")]
        return RenderedImage(**{name: host(name) for name in names}, view=self.views[n])


_PER_PERSON = {
    "joints",
    "joints_2d",
    "visibility",
    "occluder",
    "rotations",
    "betas",
    "transl",
    "boxes",
    "shown",
}


def budget_of(device: torch.device) -> int:
    """Pixels worked on at once on a device, unless somebody knows better."""
    return CPU_BUDGET if device.type == "cpu" else GPU_BUDGET


def render_batch(
    soup: Soup, truth: bool = True, finish: bool = True, budget: int | None = None
) -> RenderedBatch:
    """Draw a batch of scenes.

    truth: False leaves out visibility, boxes and shares shown, which are then zeros.
    finish: False leaves out what camera and transport do: light times 255, rounded.
    budget: pixels worked on at once; bounds the memory.
    """
    device = soup.tables.device
    budget = budget_of(device) if budget is None else budget
    # Whoever trains beside this may have halves switched on; they would round colours.
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        fronts = rasterized(soup, budget, truth)
        light = shaded(soup, fronts, shadow_maps(soup, budget), budget)
        return delivered(soup, fronts, light, truth, finish)


def render_scenes(scenes: Sequence[Scene], body: TorchBody, truth: bool = True) -> RenderedBatch:
    """Lay out, pose and draw scenes on the device of ``body`` (float64).

    Raises ValueError for scenes that cannot be drawn together; the text says why.
    """
    return render_batch(posed(stage_of(scenes, body)), truth)


def delivered(
    soup: Soup, fronts: Fronts, light: Tensor, truth: bool = True, finish: bool = True
) -> RenderedBatch:
    """The last step of ``render_batch``: finish and truth."""
    t = soup.tables
    if finish:
        image = finished(light, t.finishes, t.outside)
    else:
        image = torch.floor(light.clamp(0.0, 1.0) * 255.0 + 0.5).to(torch.uint8)
    centre, depth, silhouettes = fronts.faces[..., 0], fronts.depth, fronts.silhouettes
    if t.outside is not None:
        centre = centre.masked_fill(t.outside, EMPTY)
        depth = depth.masked_fill(t.outside, torch.inf)
        silhouettes = silhouettes & ~t.outside[:, None]
    thing, person_id, part_id = maps(soup, centre)
    shape = soup.joints.shape[:3]
    visibility = torch.zeros(shape, dtype=torch.uint8, device=t.device)
    occluder = visibility.clone()
    boxes, shown = torch.zeros(*shape[:2], 4), torch.zeros(shape[:2])
    boxes, shown = boxes.to(t.device), shown.to(t.device)
    if truth and t.people:
        visibility, occluder = seen_joints(soup, fronts)
        boxes, shown = boxes_and_shares(silhouettes, person_id)
    return RenderedBatch(
        image=image,
        depth=depth,
        thing=thing,
        person_id=person_id,
        part_id=part_id,
        joints=soup.joints,
        joints_2d=soup.places.to(torch.float32),
        visibility=visibility,
        occluder=occluder,
        rotations=soup.rotations,
        betas=t.betas,
        transl=soup.transl,
        boxes=boxes,
        shown=shown,
        counts=t.counts,
        views=t.views,
    )
