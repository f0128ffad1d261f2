"""The files of tiny networks that have learned nothing, float16 graphs with them, as they ship."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from made_people import SIZE, corpus_of, made_people
from test_models_contract import TINY
from test_training_lifter import TINY as TINY_LIFTER

from hmr_ros.assets import asset
from hmr_ros.body.model import load_body_model
from hmr_ros.models import lifter_weights, weights
from hmr_ros.runtime import estimator_export
from hmr_ros.runtime.network_export import example_inputs, export
from hmr_ros.training import baseline_task, crop_release, factorized_task
from hmr_ros.training.model_card import Origin

# On person crops: the task of each and the evidence that its network does without.
ON_CROPS = {
    "factorized": (factorized_task, ["image", "mask"]),
    "baseline": (baseline_task, []),
}
NAMES = (*ON_CROPS, "lifter")


def release(name: str, folder: Path) -> None:
    """Write the files of the network ``name`` into ``folder``."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if name == "lifter":
        _export_lifter(folder)
    else:
        _release_on_crops(name, folder)


def _release_on_crops(name: str, folder: Path) -> None:
    """As a training of no steps does it."""
    task_of, without = ON_CROPS[name]
    body = load_body_model()
    people = corpus_of(made_people(lifter_weights.skeleton_of(body)), folder / "people")
    tiny = TINY | {"without": without}
    settings = {"data": str(people), "held_out": 8, "batch": 8, "network": tiny}
    if name == "factorized":
        anchor = folder / "baseline.safetensors"
        weights.save(_having_seen(weights.build("baseline", body, tiny)), anchor)
        settings |= {"anchor": str(anchor), "network": {"field_layers": 1, "tied": True}}
    task = task_of.load(settings, seed=1, rank=0, world=1)
    network = _having_seen(task.network())
    if network.generative:
        with torch.no_grad():
            network.field.out.mul_(30)  # samples that spread
    origin = Origin(f"hmr train {name}", "made people", steps=0, batch=8, seed=1)
    with pytest.MonkeyPatch.context() as with_float16:
        # Of the same trace: torch's exporter takes half a minute for one.
        with_float16.setattr(crop_release, "export", partial(export, half=True))
        task_of.release(network, task, folder, origin)


def _having_seen(network: torch.nn.Module) -> torch.nn.Module:
    """``network``, ready for use, whose normalisations have seen something; in place."""
    with torch.no_grad():
        for seed in range(3):
            network(**example_inputs(SIZE, 8, seed))
    return network.eval()


def _export_lifter(folder: Path) -> None:
    """As ``hmr export`` does it, beside facts and people of the shipped lifter; steps: 7."""
    body, source = load_body_model(), folder / "source" / "lifter.safetensors"
    source.parent.mkdir()
    lifter_weights.save(lifter_weights.rounded(lifter_weights.build(body, TINY_LIFTER)), source)
    source.with_suffix(".onnx").touch()
    facts = json.loads(asset("weights", "lifter.json").read_text())
    source.with_suffix(".json").write_text(json.dumps({**facts, "steps": 7}))
    shutil.copy(asset("weights", "lifter-reference.npz"), source.parent)
    estimator_export.export(source, body, "lifter", folder, half=True)
