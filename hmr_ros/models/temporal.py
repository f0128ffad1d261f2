"""FactorizedHMR over time: what single frames say of a person, corrected by what came before.

On top of a frozen network for single frames. Each sighting is one token (``sightings``); causal
attention over a window of ``window`` frames reads them. As in the paper the torso comes first, the
*anchor* (root, spine, neck, collars, head, shape, place), and the limbs are estimated given it.
Both are corrections of the frame's own answer, and none before anything is learned. The world
branch tells the velocity of the root in the odometry frame and which feet and hands rest (six
logits, as GVHMR's). Where else the limbs may be, a velocity field says that is told each frame's
token and body (``limb_flow``, stage two of the paper).

The same weights read whole clips (``forward``, for training) and one frame at a time
(``step``, for a live camera; what it must remember is an input and an output of fixed size).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hmr_ros.models.causal_attention import FAR, CausalLayer
from hmr_ros.models.factorized_state import LIMBS, TORSO
from hmr_ros.models.lifter import matrix_from_6d
from hmr_ros.models.limb_flow import LimbFlow, pose_of
from hmr_ros.models.sightings import (
    FEATURES,
    HISTORY,
    MEMORIES,
    SUMS,
    Sighting,
    addends,
    features,
    follows,
    kept,
    sighting,
)
from hmr_ros.models.skeleton import Skeleton
from hmr_ros.sighting_fields import ANSWER, GAP, RESTING, SIGHTING, STATE, TOLD


@dataclass(frozen=True)
class TemporalConfig:
    """Sizes of the network; stored with its weights. window: frames that are looked back on, the
    newest with them. flow_layers: of the velocity field of the limbs."""

    width: int = 512
    heads: int = 8
    layers: int = 12
    expand: int = 4
    window: int = 32
    flow_layers: int = 4


class Temporal(nn.Module):
    """See the module text. ``skeleton`` belongs to the body model whose betas are predicted."""

    name = "temporal"

    def __init__(self, skeleton: Skeleton, config: TemporalConfig = TemporalConfig()) -> None:
        super().__init__()
        self.config, self.skeleton = config, skeleton
        width = config.width
        self.inward = nn.Linear(FEATURES, width)
        self.mixed = nn.Linear(width, width)
        self.layers = nn.ModuleList(
            CausalLayer(width, config.heads, config.expand) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        torso, limbs = 6 * len(TORSO), 6 * len(LIMBS)
        self.anchor = nn.Linear(width, torso + 10 + 3)
        self.given_anchor = nn.Linear(torso + 10 + 3, width)
        self.limbs = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(),
                                   nn.Linear(width, limbs))  # fmt: skip
        self.spread = nn.Linear(width, 23)  # of the joints but the root, which they are about
        self.world = nn.Linear(width, 3 + len(RESTING))
        for part in (self.anchor, self.limbs[-1], self.spread, self.world):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)
        self.flow = LimbFlow(width, config.heads, config.flow_layers)
        # Standard deviations are multiplied by these, the network's own and those of samples: for a
        # joint that is seen, and a hidden one.
        self.register_buffer("temperature", torch.ones(2))
        self.register_buffer("sample_temperature", torch.ones(2))
        # 1 where shape and place are corrected too, 0 where they stay the image's own.
        self.register_buffer("corrected", torch.ones(2))

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Clips [N, T, ...] of ``SIGHTING`` to ``ANSWER`` and ``TOLD`` [N, T, ...], see
        ``answered``."""
        seen = sighting(inputs)
        elapsed = inputs["elapsed"]
        frames = elapsed.shape[1]
        time = elapsed.cumsum(1)
        piece = (1 - follows(elapsed)).cumsum(1)  # number of the piece between two gaps
        order = torch.arange(frames, device=time.device)
        behind = order[:, None] - order
        together = (piece[:, :, None] == piece[:, None]) & (behind >= 0)
        before = torch.cat([seen.world_pelvis[:, :1], seen.world_pelvis[:, :-1]], 1)
        camera = inputs["camera_rotation"]
        camera_before = torch.cat([camera[:, :1], camera[:, :-1]], 1)
        added = addends(seen, before)
        way = (time[:, :, None] - time[:, None]).clamp(min=0)
        sums = [together * torch.exp(-way / memory) @ added for memory in MEMORIES]
        read, speed = features(seen, torch.stack(sums, 2), camera_before)
        allowed = together & (behind < self.config.window)
        blocked = FAR * (~allowed).to(time.dtype)
        x = self._token(read)
        for layer in self.layers:
            x = layer.whole(x, time, blocked)
        return self.answered(seen, x, speed)

    def step(
        self, inputs: dict[str, Tensor], state: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The newest sighting [N, ...] and what is remembered (``STATE``, zeros for somebody new)
        to ``ANSWER`` and ``TOLD`` [N, ...], and what to remember now."""
        seen = sighting(inputs)
        elapsed = inputs["elapsed"]
        goes_on = follows(elapsed)
        sums, before, camera_before = state["history"].split([HISTORY - 12, 3, 9], 1)
        sums = kept(elapsed)[..., None] * sums.unflatten(1, (len(MEMORIES), SUMS))
        sums = sums + addends(seen, before)[:, None]
        read, speed = features(seen, sums, camera_before.unflatten(1, (3, 3)))
        # Of each frame of the window: its age, and 0 where nothing is remembered.
        ages, there = state["times"].unbind(-1)
        ages = torch.cat([ages + elapsed[:, None], torch.zeros_like(elapsed)[:, None]], 1)
        there = torch.cat([goes_on[:, None] * there, torch.ones_like(elapsed)[:, None]], 1)
        ages = (ages * there).clamp(max=GAP * self.config.window)
        blocked = FAR * (1 - there)
        x, keys, values = self._token(read), [], []
        for n, layer in enumerate(self.layers):
            x, k, v = layer.step(x, state["keys"][:, n], state["values"][:, n], ages, blocked)
            keys.append(k)
            values.append(v)
        history = [sums.flatten(1), seen.world_pelvis, inputs["camera_rotation"].flatten(1)]
        after = {
            "history": torch.cat(history, 1),
            "keys": torch.stack(keys, 1),
            "values": torch.stack(values, 1),
            "times": torch.stack([ages, there], -1)[:, 1:],
        }
        return self.answered(seen, x, speed), after

    def answered(self, seen: Sighting, x: Tensor, speed: Tensor) -> dict[str, Tensor]:
        """``ANSWER`` and ``TOLD`` from tokens x [..., width] and the way per second of the shorter
        memory.

        rotations [..., 24, 3, 3], betas [..., 10], pelvis [..., 3]: as ``SIGHTING``.
        joint_factor [..., 24]: of the standard deviations; 1 for the root, about which joints are.
        velocity [..., 3]: of the root, m/s, odometry frame. resting [..., 6]: logits of
        ``RESTING``. token [..., width], pose [..., 144]: what ``flow`` is told.
        """
        inputs, x = seen.inputs, self.norm(x)
        change = self.anchor(x)
        torso, betas, place = change.split([6 * len(TORSO), 10, 3], -1)
        limbs = self.limbs(x + self.given_anchor(change.detach()))
        betas, place = betas * self.corrected[0], place * self.corrected[1]
        # Turns of each joint's frame, the root's in the facing frame.
        turns = _placed(torso.unflatten(-1, (-1, 6)), limbs.unflatten(-1, (-1, 6)))
        identity = torch.tensor([1.0, 0, 0, 0, 1, 0], device=x.device)
        turns = matrix_from_6d(turns + identity)
        to_camera = inputs["camera_rotation"] @ seen.facing.transpose(-1, -2)
        facing_root = turns[..., 0, :, :] @ seen.root
        root = to_camera @ facing_root
        others = turns[..., 1:, :, :] @ inputs["rotations"][..., 1:, :, :]
        depth = inputs["pelvis"][..., 2:].clamp(min=0.2)
        direction = inputs["pelvis"] / depth + F.pad(0.1 * place[..., :2], (0, 1))
        spread = self.spread(x).clamp(-2, 2).exp()
        pace = self.world(x)
        velocity = speed + pace[..., :3]
        return {
            "rotations": torch.cat([root[..., None, :, :], others], -3),
            "betas": inputs["betas"] + betas,
            "pelvis": direction * depth * (0.1 * place[..., 2:]).exp(),
            "joint_factor": F.pad(
                spread * self._temperatures(inputs["visibility"][..., 1:]), (1, 0), value=1.0
            ),
            "velocity": (seen.facing.transpose(-1, -2) @ velocity[..., None])[..., 0],
            "resting": pace[..., 3:],
            "token": x,
            "pose": pose_of(facing_root, others),
        }

    def _token(self, read: Tensor) -> Tensor:
        return self.mixed(F.gelu(self.inward(read)))

    def _temperatures(self, visibility: Tensor) -> Tensor:
        seen, hidden = self.temperature
        return (visibility * seen**2 + (1 - visibility) * hidden**2).sqrt()

    def nothing(self, people: int) -> dict[str, Tensor]:
        """What is remembered of people who are new."""
        return {name: torch.zeros(people, *s) for name, s in state_shapes(self.config).items()}


class Streaming(nn.Module):
    """``Temporal.step`` with tensors in a row, as it is exported: ``SIGHTING`` and ``STATE`` in,
    ``ANSWER``, ``TOLD`` and ``STATE`` out."""

    def __init__(self, network: Temporal) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        rotations: Tensor,
        betas: Tensor,
        pelvis: Tensor,
        joint_std: Tensor,
        distance_std: Tensor,
        visibility: Tensor,
        keypoints: Tensor,
        box: Tensor,
        camera_rotation: Tensor,
        camera_position: Tensor,
        odometry: Tensor,
        elapsed: Tensor,
        history: Tensor,
        keys: Tensor,
        values: Tensor,
        times: Tensor,
    ) -> tuple[Tensor, ...]:
        own = (rotations, betas, pelvis, joint_std, distance_std, visibility, keypoints, box)
        own = (*own, camera_rotation, camera_position, odometry, elapsed)
        state = dict(zip(STATE, (history, keys, values, times), strict=True))
        answer, after = self.network.step(dict(zip(SIGHTING, own, strict=True)), state)
        return *(answer[name] for name in ANSWER + TOLD), *(after[name] for name in STATE)


def state_shapes(config: TemporalConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of ``STATE`` for one person. times: age in seconds, and 1 where there is a frame."""
    cache = (config.layers, config.window - 1, config.width)
    return {
        "history": (HISTORY,),
        "keys": cache,
        "values": cache,
        "times": (config.window - 1, 2),
    }


def _placed(torso: Tensor, limbs: Tensor) -> Tensor:
    """Rows [..., 8, 6] of ``TORSO`` and [..., 16, 6] of ``LIMBS`` in the order of the joints."""
    order = torch.tensor([*TORSO, *LIMBS]).argsort()
    return torch.cat([torso, limbs], -2).index_select(-2, order.to(torso.device))
