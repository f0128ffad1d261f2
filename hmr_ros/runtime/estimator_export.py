"""Trained weights of an estimator, or of the network over time, as ONNX files, with what is known
of their training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hmr_ros.body.model import BodyModel
from hmr_ros.models import lifter_weights, weights
from hmr_ros.runtime import lifter_export, network_export, temporal_export
from hmr_ros.runtime.graph_description import reference_path
from hmr_ros.runtime.graph_file import WeightsError, manifest_path, read_graph

REFERENCES = 4  # made-up people, where none are kept


def export(source: Path, body: BodyModel, name: str, out: Path, half: bool = False) -> float:
    """Write the ONNX files of the network ``name`` with the weights ``source`` (.safetensors) into
    the folder ``out``, compared with torch.

    Of the manifest beside ``source`` the facts of the training are kept, of the reference answers
    the people. half: also the float16 graphs, but of the network over time, which has none. Returns
    the largest difference to torch.

    Raises ValueError for weights that cannot be used, RuntimeError for too large a difference.
    """
    out.mkdir(parents=True, exist_ok=True)
    beside = source.with_suffix(".onnx")
    if name == "lifter":
        network = lifter_weights.load(source, body)
        facts = _kept(beside, lifter_export.manifest(network, body, {}))
        made_up = lifter_export.example_inputs(REFERENCES)
        return lifter_export.export(network, body, out, facts, _people(beside, made_up), half)
    network = weights.load(source, body, name)
    if name == "temporal":
        facts = _kept(beside, temporal_export.manifest(network, body, {}))
        people = _people(beside, temporal_export.references(network))
        return temporal_export.export(network, body, out, facts, people)
    facts = _kept(beside, network_export.manifest(network, body, {}))
    made_up = network_export.example_inputs(network.config.backbone.image, REFERENCES)
    return network_export.export(network, body, out, facts, _people(beside, made_up), half)


def _kept(beside: Path, anew: Mapping) -> dict:
    """Facts of the manifest of ``beside`` that do not follow from the network."""
    path = manifest_path(beside)
    known = json.loads(path.read_text()) if path.is_file() else {}
    return {key: value for key, value in known.items() if key not in {*anew, "graph"}}


def _people(beside: Path, made_up: Mapping) -> dict[str, np.ndarray]:
    """Reference inputs kept beside the weights if they fit the network, else made-up ones."""
    wanted = {name: np.asarray(value) for name, value in made_up.items()}
    if reference_path(beside).is_file():
        try:
            inputs, _ = read_graph(beside).references()
        except WeightsError:
            return wanted
        if {k: v.shape[1:] for k, v in inputs.items()} == {
            k: v.shape[1:] for k, v in wanted.items()
        }:
            return inputs
    return wanted
