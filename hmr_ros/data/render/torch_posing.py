"""People of a batch posed on a device, and all of it moved into the cameras' frames.

The steps of ``posing`` and ``draw_list`` in float64, rounded to float32 last. Sums run in another
order than the CPU's, so a vertex may differ in the last bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hmr_ros.data.render.projection import NEAR
from hmr_ros.data.render.torch_lens import cut_at_near, snapped
from hmr_ros.data.render.torch_normals import normals_of
from hmr_ros.data.render.torch_soup import Soup
from hmr_ros.data.render.torch_stage import Stage


@dataclass(frozen=True, eq=False)
class _Skeletons:
    """Of Q people in the frames of their cameras, float64. bones: [Q, 24, 3, 4] as in
    ``PosedPerson``; the others as there too."""

    rotations: Tensor
    transl: Tensor
    joints: Tensor
    bones: Tensor


def posed(
    stage: Stage,
    rotations: Tensor | None = None,
    betas: Tensor | None = None,
    transl: Tensor | None = None,
) -> Soup:
    """The scenes of a stage, ready to be drawn.

    rotations [Q, 24, 3, 3] local with joint 0 to the world, betas [Q, 10], transl [Q, 3] metres in
    the world of the people in the order of the scenes; None for those of the scenes themselves.
    """
    with torch.no_grad():
        poses = [
            own if given is None else given.to(own)
            for own, given in (
                (stage.rotations, rotations),
                (stage.betas, betas),
                (stage.transl, transl),
            )
        ]
        for given, own in zip(poses, (stage.rotations, stage.betas, stage.transl), strict=True):
            if given.shape != own.shape:
                raise ValueError(
                    f"poses have shape {tuple(given.shape)}, this stage needs {tuple(own.shape)}"
                )
        rotations, betas, transl = poses
        skeletons = _skeletons(stage, rotations, betas, transl)
        vertices = _vertices(stage, skeletons, rotations, betas)
        return _soup(stage, skeletons, vertices, betas)


def _skeletons(stage: Stage, rotations: Tensor, betas: Tensor, transl: Tensor) -> _Skeletons:
    turn, position = stage.turn[stage.scene], stage.position[stage.scene]
    rest = stage.body.rest_joints(betas)
    local = torch.cat([(turn @ rotations[:, 0])[:, None], rotations[:, 1:]], 1)
    root = (turn @ (rest[:, 0] + transl - position)[..., None])[..., 0]
    joints, turned = stage.body.forward_kinematics(local, rest)
    joints = joints + (root - rest[:, 0])[:, None]
    shift = joints - (turned @ rest[..., None])[..., 0]
    return _Skeletons(
        rotations=local,
        transl=root - rest[:, 0],
        joints=joints,
        bones=torch.cat([turned, shift[..., None]], -1),
    )


def _vertices(stage: Stage, skeletons: _Skeletons, rotations: Tensor, betas: Tensor) -> Tensor:
    """[V, 3] float32 in the frames of the cameras."""
    body = stage.body
    shaped = body.v_template + torch.einsum("vck,nk->nvc", body.shapedirs, betas)
    shaped = shaped.to(torch.float32).double()
    rest = shaped[stage.wearer, stage.anchor] + stage.offset
    if body.posedirs is not None and len(rotations):
        feature = (rotations[:, 1:] - body.eye).flatten(1)
        offsets = (feature @ body.posedirs.flatten(0, 1).T).unflatten(1, (-1, 3))
        bent = offsets[stage.wearer, stage.anchor]
        rest = torch.where(stage.bare[:, None], rest + bent, rest)
    x, y, z = (v[:, None] for v in rest.unbind(1))
    total, weights = torch.zeros_like(rest), torch.zeros_like(x)
    for k in range(stage.bones.shape[1]):
        b = skeletons.bones[stage.wearer, stage.bones[:, k]]
        w = stage.weights[:, k, None]
        total += w * (b[..., 0] * x + b[..., 1] * y + b[..., 2] * z + b[..., 3])
        weights += w
    out = torch.empty(len(stage.part), 3, device=rest.device)
    # Rounded weights do not sum to one exactly, and the camera may be far away.
    out[stage.worn] = (total / weights).to(torch.float32)
    scene = stage.vertex_scene[stage.prop]
    x, y, z = (v[:, None] for v in (stage.place - stage.position[scene]).unbind(1))
    turn = stage.turn[scene]
    props = turn[..., 0] * x + turn[..., 1] * y + turn[..., 2] * z
    out[stage.prop] = props.to(torch.float32)
    return out


def _soup(stage: Stage, skeletons: _Skeletons, vertices: Tensor, betas: Tensor) -> Soup:
    t = stage.tables
    lenses = stage.lenses
    per_vertex = {
        "vertices": vertices,
        "normals": normals_of(vertices, stage.faces, stage.corners),
        "texture": stage.texture,
        "levels": stage.levels,
        "part": stage.part,
        "thickness": stage.thickness,
        "vertex_scene": stage.vertex_scene,
    }
    flat = ~lenses.distorted[t.mesh_scene[stage.mesh]]
    per_vertex, faces, mesh = cut_at_near(per_vertex, stage.faces, stage.mesh, flat)
    vertices = per_vertex["vertices"]
    places = lenses.pixels(vertices, per_vertex["vertex_scene"])
    reached = (vertices[:, 2] >= NEAR) & ~torch.isnan(places[:, 0])

    def padded(rows: Tensor) -> Tensor:
        out = torch.full((t.scenes, t.people, *rows.shape[1:]), torch.nan, device=rows.device)
        out = out.to(rows.dtype)
        out[stage.scene, stage.row] = rows
        return out

    joints = skeletons.joints.to(torch.float32)
    joint_scene = stage.scene[:, None].expand(joints.shape[:2]).flatten()
    joint_places = lenses.pixels(joints.view(-1, 3), joint_scene).view(*joints.shape[:2], 2)
    x, y, z = stage.towards[..., None].unbind(1)
    towards = stage.turn[..., 0] * x + stage.turn[..., 1] * y + stage.turn[..., 2] * z
    return Soup(
        tables=replace(t, betas=padded(betas.to(torch.float32))),
        pixels=snapped(places),
        faces=faces,
        mesh=mesh,
        drawable=reached[faces].all(1),
        towards=towards.to(torch.float32),
        up=stage.turn[..., 1].to(torch.float32),
        floor=stage.position[:, 1].to(torch.float32),
        joints=padded(joints),
        places=padded(joint_places),
        rotations=padded(skeletons.rotations.to(torch.float32)),
        transl=padded(skeletons.transl.to(torch.float32)),
        **per_vertex,
    )
