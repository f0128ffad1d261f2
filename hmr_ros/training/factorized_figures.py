"""What samples are worth: how near the best comes, how far they spread, do both views agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.models.factorized import SAMPLES, STEPS, Factorized
from hmr_ros.models.factorized_state import DISTAL, SIZE, body_of, positions_of


@torch.no_grad()
def sample_figures(
    network: Factorized, batches: Iterable[Mapping[str, Tensor]], seed: int = 0
) -> dict[str, float]:
    """Millimetres over distal joints (knees, elbows and beyond). batches: inputs with ``joints``
    [N, 24, 3] about the pelvis and ``visibility`` [N, 24].

    ``*_hidden_mm`` and ``*_visible_mm``: ``estimate``, the error of the estimate; ``sample``, the
    mean error of one sample; ``best8``, of the nearest of eight, joint by joint; ``spread``, root
    mean square distance of samples to their mean. ``disagree_mm``: between the two views.
    """
    distal = list(DISTAL)
    rng = torch.Generator().manual_seed(seed)
    parts: dict[str, list[Tensor]] = {}
    for batch in batches:
        _, told = network.told(batch)
        n, true = len(batch["joints"]), batch["joints"][:, distal]
        joints, apart = [], []
        for _ in range(SAMPLES):
            noise = torch.randn(n, SIZE, generator=rng).to(true.device)
            state = network.sample(told, noise, STEPS)
            joints.append(body_of(network.skeleton, state).joints[:, distal])
            apart.append((positions_of(network.skeleton, state) - joints[-1]).norm(dim=-1))
        drawn = torch.stack(joints)
        off = (drawn - true).norm(dim=-1)
        estimate = body_of(network.skeleton, network.estimate(told)).joints[:, distal]
        found = {
            "estimate": (estimate - true).norm(dim=-1),
            "sample": off.mean(0),
            "best8": off.amin(0),
            "square": (drawn - drawn.mean(0)).square().sum(-1).mean(0),
            "apart": torch.stack(apart).mean(0),
            "state": batch["visibility"][:, distal],
        }
        for name, value in found.items():
            parts.setdefault(name, []).append(value.cpu())
    values = {name: torch.cat(value) for name, value in parts.items()}
    figures = {}
    for name, state in (("hidden", HIDDEN), ("visible", VISIBLE)):
        rows = values["state"] == state
        for key in ("estimate", "sample", "best8"):
            figures[f"{key}_{name}_mm"] = 1e3 * values[key][rows].mean().item()
        figures[f"spread_{name}_mm"] = 1e3 * values["square"][rows].mean().sqrt().item()
    figures["disagree_mm"] = 1e3 * values["apart"].mean().item()
    return figures
