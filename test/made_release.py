"""What a training writes of a tiny network that has learned nothing, its float16 graphs with it."""

from functools import partial
from pathlib import Path

import pytest
import torch
from made_people import SIZE, corpus_of, made_people
from test_models_contract import TINY

from hmr_ros.body.model import load_body_model
from hmr_ros.models import weights
from hmr_ros.models.lifter_weights import skeleton_of
from hmr_ros.runtime.network_export import example_inputs, export
from hmr_ros.training import baseline_task, crop_release, factorized_task
from hmr_ros.training.model_card import Origin

# Evidence that the released network of this name does without.
WITHOUT = {"baseline": [], "factorized": ["image", "mask", "keypoints"]}


def release(name: str, folder: Path) -> None:
    """Write the files of the network ``name`` into ``folder``."""
    torch.manual_seed(0)
    body = load_body_model()
    people = corpus_of(made_people(skeleton_of(body)), folder / "people")
    tiny = TINY | {"without": WITHOUT[name]}
    settings = {"data": str(people), "held_out": 8, "batch": 8, "network": tiny}
    tasks = {"baseline": baseline_task, "factorized": factorized_task}
    if name == "factorized":
        anchor = folder / "baseline.safetensors"
        weights.save(_having_seen(weights.build("baseline", body, tiny)), anchor)
        settings |= {"anchor": str(anchor), "network": {"field_layers": 1}}
    task = tasks[name].load(settings, seed=1, rank=0, world=1)
    network = _having_seen(task.network())
    if network.generative:
        with torch.no_grad():
            network.field.out.mul_(100)  # samples that spread
    origin = Origin(f"hmr train {name}", "made people", steps=0, batch=8, seed=1)
    with pytest.MonkeyPatch.context() as with_float16:
        # Of the same trace: torch's exporter takes half a minute for one.
        with_float16.setattr(crop_release, "export", partial(export, half=True))
        tasks[name].release(network, task, folder, origin)


def _having_seen(network: torch.nn.Module) -> torch.nn.Module:
    """``network``, ready for use, whose normalisations have seen something; in place."""
    with torch.no_grad():
        for seed in range(3):
            network(**example_inputs(SIZE, 8, seed))
    return network.eval()
