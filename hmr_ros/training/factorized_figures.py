"""What samples are worth: how near the best comes, how far they spread, do both views agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from hmr_ros.data.joint_visibility import HIDDEN, VISIBLE
from hmr_ros.models.factorized import Factorized
from hmr_ros.models.factorized_state import DISTAL
from hmr_ros.models.several_samples import noise_of, several


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
        first, told = network.told(batch)
        true = batch["joints"]
        _, _, found = several(network, told, true, noise_of(len(true), rng))
        found["estimate"] = (network.estimated(first, told).joints - true).norm(dim=-1)
        found["state"] = batch["visibility"]
        found = {k: v if k == "apart" else v[:, distal] for k, v in found.items()}
        for name, value in found.items():
            parts.setdefault(name, []).append(value.cpu())
    values = {name: torch.cat(value) for name, value in parts.items()}
    return by_visibility(values) | {"disagree_mm": 1e3 * values["apart"].mean().item()}


def by_visibility(values: Mapping[str, Tensor]) -> dict[str, float]:
    """The first figures of ``sample_figures``, by joints [M]: in metres ``estimate``, ``sample``
    and ``best``; ``square``, of samples to their mean (m^2); ``state``, their visibility."""
    figures = {}
    for name, state in (("hidden", HIDDEN), ("visible", VISIBLE)):
        rows = values["state"] == state
        for key, said in (("estimate", "estimate"), ("sample", "sample"), ("best", "best8")):
            figures[f"{said}_{name}_mm"] = 1e3 * values[key][rows].mean().item()
        figures[f"spread_{name}_mm"] = 1e3 * values["square"][rows].mean().sqrt().item()
    return figures
