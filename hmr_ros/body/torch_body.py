"""The body model in torch: batched, differentiable, exportable to ONNX."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hmr_ros.body.keypoints import mixture
from hmr_ros.body.model import BodyModel


class TorchBody(nn.Module):
    """Kinematics, skinning and keypoints of ``model`` as in the numpy functions of this package.

    Rotations are [N, 24, 3, 3] local rotations (joint 0: global orientation), betas [N, 10],
    results in metres, Y up, in the module's dtype (``.double()`` for float64). No parameter is
    trained; ``.to(device)`` moves everything.
    """

    def __init__(self, model: BodyModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.model = model

        def constant(name: str, value: np.ndarray) -> None:
            self.register_buffer(name, torch.tensor(value, dtype=dtype), persistent=False)

        constant("v_template", model.v_template)
        constant("shapedirs", model.shapedirs)
        constant("weights", model.weights)
        constant("joint_template", model.joint_template)
        constant("joint_shapedirs", model.joint_shapedirs)
        constant("eye", np.eye(3))
        if model.posedirs is None:
            self.posedirs = None
        else:
            constant("posedirs", model.posedirs)
        self._levels = _levels(model.parents)
        self._order = [j for joints in self._levels for j in joints]
        self._parents = model.parents.tolist()

    def rest_joints(self, betas: Tensor) -> Tensor:
        """Joints [N, 24, 3] of the T-posed bodies."""
        return self.joint_template + torch.einsum("jck,nk->njc", self.joint_shapedirs, betas)

    def joints(self, rotations: Tensor, betas: Tensor, transl: Tensor | None = None) -> Tensor:
        """Posed joints [N, 24, 3]."""
        joints, _ = self.forward_kinematics(rotations, self.rest_joints(betas))
        return _moved(joints, transl)

    def forward_kinematics(self, rotations: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        """Joints [N, 24, 3], the root at ``rest[:, 0]``, and global rotations [N, 24, 3, 3]."""
        positions, turns = [rest[:, :1]], [rotations[:, :1]]
        place = {0: 0}
        # Joints of one depth are posed together: 8 steps rather than 24.
        for depth, joints in enumerate(self._levels[1:]):
            parents = [self._parents[j] for j in joints]
            above = [place[p] for p in parents]
            turn = turns[depth][:, above]
            bone = (rest[:, joints] - rest[:, parents])[..., None]
            positions.append(positions[depth][:, above] + (turn @ bone)[..., 0])
            turns.append(turn @ rotations[:, joints])
            place = {j: i for i, j in enumerate(joints)}
        back = [self._order.index(j) for j in range(len(self._order))]
        return torch.cat(positions, 1)[:, back], torch.cat(turns, 1)[:, back]

    def vertices(self, rotations: Tensor, betas: Tensor, transl: Tensor | None = None) -> Tensor:
        """Posed vertices [N, V, 3]."""
        rest = self.rest_joints(betas)
        posed = self.forward_kinematics(rotations, rest)
        return _moved(self._skinned(rotations, betas, rest, *posed, slice(None)), transl)

    def keypoints(
        self, rotations: Tensor, betas: Tensor, name: str, transl: Tensor | None = None
    ) -> Tensor:
        """Keypoints [N, K, 3] of a joint set; only the vertices it needs are skinned."""
        parts = mixture(self.model, name)
        rest = self.rest_joints(betas)
        joints, turns = self.forward_kinematics(rotations, rest)
        points = self._constant(parts.joint_weights) @ joints
        if len(parts.vertex_ids):
            ids = torch.as_tensor(parts.vertex_ids, device=rest.device)
            skin = self._skinned(rotations, betas, rest, joints, turns, ids)
            points = points + self._constant(parts.vertex_weights) @ skin
        return _moved(points, transl)

    def forward(
        self, rotations: Tensor, betas: Tensor, transl: Tensor, subset: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Vertices [N, V, 3], or those of the ids ``subset`` alone, and joints [N, 24, 3]: the two
        outputs of an exported body."""
        rest = self.rest_joints(betas)
        joints, turns = self.forward_kinematics(rotations, rest)
        ids = slice(None) if subset is None else subset
        skin = self._skinned(rotations, betas, rest, joints, turns, ids)
        return _moved(skin, transl), _moved(joints, transl)

    def _skinned(
        self, rotations: Tensor, betas: Tensor, rest: Tensor, joints: Tensor, turns: Tensor, ids
    ) -> Tensor:
        shaped = self.v_template[ids] + torch.einsum("vck,nk->nvc", self.shapedirs[ids], betas)
        if self.posedirs is not None:
            feature = (rotations[:, 1:] - self.eye).flatten(1)
            offsets = feature @ self.posedirs[ids].flatten(0, 1).T
            shaped = shaped + offsets.unflatten(1, (-1, 3))
        shift = joints - (turns @ rest[..., None])[..., 0]
        transform = torch.cat([turns, shift[..., None]], -1).flatten(2)
        blended = (self.weights[ids] @ transform).unflatten(2, (3, 4))
        return (blended[..., :3] @ shaped[..., None])[..., 0] + blended[..., 3]

    def _constant(self, value: np.ndarray) -> Tensor:
        return torch.as_tensor(value, dtype=self.v_template.dtype, device=self.v_template.device)


def _moved(points: Tensor, transl: Tensor | None) -> Tensor:
    return points if transl is None else points + transl[:, None]


def _levels(parents: np.ndarray) -> list[list[int]]:
    """Joints by depth in the tree."""
    depth = [0] * len(parents)
    for j in range(1, len(parents)):
        depth[j] = depth[parents[j]] + 1
    return [[j for j, d in enumerate(depth) if d == level] for level in range(max(depth) + 1)]
