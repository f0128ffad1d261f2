"""One contract for every network on person crops, whatever evidence it has parts for."""

from __future__ import annotations

import copy
import json
from functools import cache

import numpy as np
import onnx
import pytest
import torch

from hmr_ros.body.model import load_body_model
from hmr_ros.models.backbone import BackboneConfig
from hmr_ros.models.merging import fused
from hmr_ros.models.weights import NETWORKS, build, load, save
from hmr_ros.person_crops import INPUTS
from hmr_ros.runtime.answers import OUTPUTS
from hmr_ros.runtime.graph_description import answering, answers
from hmr_ros.runtime.graph_file import variant_path
from hmr_ros.runtime.half_rounding import open_rounding
from hmr_ros.runtime.network_export import (
    JOINT_TOLERANCE,
    compare,
    example_inputs,
    export_onnx,
    rounded,
)

# As small as it gets with the grids that every network has.
TINY = {
    "backbone": {
        "image": 64,
        "stem": 2,
        "widths": [8, 12, 16, 24],
        "depths": [1, 1, 1, 1],
        "strides": [1, 1, 2, 2],
        "heads": 2,
    },
    "width": 32,
    "heads": 2,
    "layers": [1, 1],
}
KINDS = ["image", "heatmaps", "mask", "features", "keypoints", "world", "rays"]
PICTURED = ["image", "heatmaps", "mask", "features"]
WITHOUT = [[], *[[kind] for kind in KINDS], ["heatmaps", "mask"], ["keypoints", "world"], PICTURED]
# All networks share the parts for evidence: every kind is left out of one of them only.
CASES = [("baseline", without) for without in WITHOUT]
CASES += [(name, w) for name in NETWORKS if name != "baseline" for w in (WITHOUT[0], WITHOUT[-1])]
SHAPES = {
    "rotations": (24, 3, 3),
    "betas": (10,),
    "pelvis": (3,),
    "joint_cov": (24, 3, 3),
    "pelvis_cov": (3, 3),
    "visibility": (24,),
}
DIFFERENCE = "largest_difference_to_torch_m"
swept = pytest.mark.parametrize("name, without", CASES)


@cache
def body():
    return load_body_model()


@cache
def made(name, without=(), size=64):
    """A network whose normalisations have seen something."""
    torch.manual_seed(0)
    tied = {"tied": True} if name == "factorized" else {}
    network = build(name, body(), TINY | tied | {"without": list(without)})
    with torch.no_grad():
        for seed in range(3):
            network(**example_inputs(size, 8, seed=10 + seed))
    return network.eval()


def answer(network, inputs):
    with torch.no_grad():
        return dict(zip(OUTPUTS, network(**inputs), strict=True))


@swept
def test_shapes_and_types(name, without):
    for people in (1, 3):
        found = answer(made(name, tuple(without)), example_inputs(64, people))
        assert {k: tuple(v.shape) for k, v in found.items()} == {
            k: (people, *shape) for k, shape in SHAPES.items()
        }
        assert all(v.dtype == torch.float32 and v.isfinite().all() for v in found.values())
        turned = found["rotations"]
        assert torch.allclose(
            turned @ turned.transpose(-1, -2), torch.eye(3).expand_as(turned), atol=1e-5
        )
        assert (torch.linalg.det(turned) > 0.99).all()
        for name_of in ("joint_cov", "pelvis_cov"):
            assert (torch.linalg.eigvalsh(found[name_of].double()) > 0).all()
        assert ((found["visibility"] > 0) & (found["visibility"] < 1)).all()


@swept
def test_the_same_seed_gives_the_same_network_and_answer(name, without):
    first = answer(made(name, tuple(without)), example_inputs(64, 2))
    made.cache_clear()
    again = answer(made(name, tuple(without)), example_inputs(64, 2))
    assert all(torch.equal(first[k], again[k]) for k in OUTPUTS)


@swept
def test_a_row_of_a_batch_equals_a_batch_of_one(name, without):
    inputs = example_inputs(64, 5)
    whole = answer(made(name, tuple(without)), inputs)
    for row in (0, 3):
        alone = answer(made(name, tuple(without)), {k: v[[row]] for k, v in inputs.items()})
        for key in OUTPUTS:
            assert torch.allclose(whole[key][[row]], alone[key], atol=2e-5), key


@swept
def test_gradients_reach_every_parameter(name, without):
    torch.manual_seed(0)
    network = build(name, body(), TINY | {"without": without}).train()
    guess, final = network.looks(example_inputs(64, 4))
    values = (final.joints, final.betas, final.place, final.log_std, final.place_log_std)
    values += (final.visibility_logit, guess.landmarks, guess.place, guess.betas)
    if network.generative:  # parts that only matter on the way from noise to data
        _, told = network.told(example_inputs(64, 4))
        values += (network.sample(told, torch.randn(told.anchor.shape), steps=2),)
    rng = torch.Generator().manual_seed(1)
    sum((v * torch.randn(v.shape, generator=rng)).sum() for v in values).backward()
    dead = [k for k, v in network.named_parameters() if v.grad is None or not v.grad.any()]
    # Stage one is trained by itself, as the network that it is.
    assert [k for k in dead if not (name == "factorized" and k.startswith("anchor."))] == []


@pytest.mark.parametrize("name", NETWORKS)
def test_joints_do_not_make_people_smaller(name):
    """Unsure of a limb, a network would shrink the person, who then stands too near."""
    torch.manual_seed(0)
    network = build(name, body(), TINY).train()
    for final in network.looks(example_inputs(64, 4)):
        final.betas.retain_grad()
        (final.joints.sum() + final.landmarks.sum()).backward(retain_graph=True)
        assert final.betas.grad is None or not final.betas.grad.any()
        final.betas.sum().backward(retain_graph=True)
        assert final.betas.grad.all()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_factor_of_the_place_widens_the_pelvis_alone(name):
    network, inputs = copy.deepcopy(made(name)), example_inputs(64, 3)
    before = answer(network, inputs)
    network.place_temperature.fill_(1.5)
    after = answer(network, inputs)
    for key in OUTPUTS:
        wider = 2.25 if key == "pelvis_cov" else 1.0
        assert torch.allclose(after[key], wider * before[key], rtol=1e-4, atol=1e-7), key


@pytest.mark.parametrize("name", NETWORKS)
def test_half_precision_gives_nearly_the_same_body(name):
    network, inputs = made(name), example_inputs(64, 4)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rough = network.predict(inputs)
    with torch.no_grad():
        exact = network.predict(inputs)
    assert rough.joints.dtype == rough.log_std.dtype == rough.place.dtype == torch.float32
    assert (rough.joints - exact.joints).norm(dim=-1).mean() < 0.02
    turned = rough.rotations
    eye = torch.eye(3).expand_as(turned)
    assert torch.allclose(turned @ turned.transpose(-1, -2), eye, atol=1e-5)


@swept
def test_evidence_that_is_switched_off_has_no_part_and_no_influence(name, without):
    network, inputs = made(name, tuple(without)), example_inputs(64, 2)
    whole = made(name)
    count = [sum(p.numel() for p in n.parameters()) for n in (network, whole)]
    assert count[0] < count[1] or without in ([], ["rays"])
    before = answer(network, inputs)
    for kind in KINDS:
        after = answer(network, inputs | {kind: inputs[kind].flip(-1) * 0.5})
        same = all(torch.equal(before[k], after[k]) for k in OUTPUTS)
        blind = kind == "rays" and {"image", "heatmaps", "mask"} <= set(without)
        assert same == (kind in without or blind), kind


@pytest.mark.parametrize("name", NETWORKS)
def test_merging_the_branches_changes_nothing(name):
    network, inputs = made(name), example_inputs(64, 3)
    merged = fused(network)
    assert not any(type(m).__name__ == "Normed" for m in merged.modules())
    expected, found = answer(network, inputs), answer(merged, inputs)
    for key in OUTPUTS:
        assert torch.allclose(expected[key], found[key], atol=1e-5), key


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "name, without", [("factorized", ()), ("baseline", ("image", "keypoints"))]
)
def test_other_evidence_is_exported_as_well(name, without, tmp_path):
    path = tmp_path / "network.onnx"
    assert export_onnx(made(name, without), path, half=True) < JOINT_TOLERANCE
    assert b"hmr_ros/models" not in path.read_bytes()
    check_half(path, variant_path(path, "float16"))


@pytest.mark.slow
@pytest.mark.timeout(400)  # exported by the first test that asks
@pytest.mark.parametrize("name", NETWORKS)
def test_export_gives_the_same_joints(name, released):
    path = released[name] / f"{name}.onnx"
    ready = rounded(fused(load(path.with_suffix(".safetensors"), body(), name)))
    joints, _ = compare(ready, path)
    told = json.loads(path.with_suffix(".json").read_text())[DIFFERENCE]
    assert joints < JOINT_TOLERANCE and told == pytest.approx(joints, abs=1e-6)
    assert not list(path.parent.glob("*.partial"))
    assert b"hmr_ros/models" not in path.read_bytes()  # the exporter notes down source files
    check_half(path, variant_path(path, "float16"))


SINGLE = {"LayerNormalization", "Softmax", "Exp", "ReduceL2", "Sigmoid", "Log", "Sin", "Cos"}
PRECISE = ("skeleton.", "_head.", "spread.", "field.out")


def check_half(path, half):
    """Layers with weights in float16; in float32 what needs its digits, and both ends."""
    model = onnx.load(half)
    values = [*model.graph.value_info, *model.graph.output]
    kinds = {v.name: v.type.tensor_type.elem_type for v in values}
    for node in model.graph.node:
        if node.op_type in SINGLE:
            assert kinds[node.output[0]] == onnx.TensorProto.FLOAT, node.name
    constants = {constant.name for constant in model.graph.initializer}
    constants |= {n.output[0] for n in model.graph.node if {*n.input} <= constants}
    layers = [n for n in model.graph.node if n.op_type in ("Conv", "Gemm", "MatMul")]
    precise = {True: 0, False: 0}
    for node in (n for n in layers if constants & {*n.input}):
        # What is asked for a body: answers of the heads, and the skeleton's joints.
        answers_with = any(part in name for name in node.input for part in PRECISE)
        wanted = onnx.TensorProto.FLOAT if answers_with else onnx.TensorProto.FLOAT16
        assert kinds[node.output[0]] == wanted, (node.name, [*node.input])
        precise[answers_with] += 1
    assert precise[True] >= 5 and precise[False] >= 20
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    inputs = {k: v.numpy() for k, v in example_inputs(64, 3).items()}
    exact, found = answers(path, inputs), answering(open_rounding(model))(inputs)
    for name in ("rotations", "betas", "pelvis"):
        off = np.abs(found[name] - exact[name]).max()
        assert 0 < off < 0.02, (name, off)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_survive_a_file(name, tmp_path):
    network, path = made(name), tmp_path / "weights.safetensors"
    save(network, path)
    again = load(path, body(), name)
    assert again.config == network.config
    for key, value in network.state_dict().items():
        assert torch.allclose(value, again.state_dict()[key], rtol=1e-3, atol=1e-4), key
    found = answer(again, example_inputs(64, 2))["pelvis"]
    assert torch.allclose(answer(network, example_inputs(64, 2))["pelvis"], found, atol=0.02)


def test_foreign_and_damaged_weight_files_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ValueError, match="does not exist; train one with: hmr train baseline"):
        load(path, body(), "baseline")
    save(made("baseline"), path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="weights.safetensors cannot be used"):
        load(path, body(), "baseline")
    path.write_bytes(content.replace(b'"network":"baseline"', b'"network":"teletext"'))
    with pytest.raises(ValueError, match="it holds 'teletext'"):
        load(path, body(), "baseline")
    broken = made("baseline")
    state = {k: v.clone() for k, v in broken.state_dict().items()}
    with torch.no_grad():
        broken.queries[0, 0] = np.nan
    save(broken, path)
    broken.load_state_dict(state)
    with pytest.raises(ValueError, match="queries is not finite"):
        load(path, body(), "baseline")


@pytest.mark.parametrize(
    "values, message",
    [
        ({"wide": 3}, "'wide' is unknown; known: backbone, width"),
        ({"width": "3"}, "width is '3', not int"),
        ({"backbone": {"stem": 8}}, "maps of .* places a side; needed are 32"),
        ({"backbone": {"deep": 8}}, "'backbone.deep' is unknown"),
        ({"without": ["colour"]}, "colour unknown; known: image"),
        ({"without": [kind for kind in KINDS if kind != "rays"]}, "no evidence is left"),
    ],
)
def test_wrong_sizes_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        build("baseline", body(), values)


def test_unknown_networks_are_named():
    with pytest.raises(ValueError, match="'resnet' is unknown; known: baseline, factorized"):
        build("resnet", body())


def test_full_size_keeps_to_its_limit():
    network = build("baseline", body())
    backbone = network.condition.image.backbone
    assert sum(p.numel() for p in backbone.parameters()) <= 14e6
    assert sum(p.numel() for p in network.parameters()) * 2 <= 40e6  # bytes, half precision
    assert network.config.backbone == BackboneConfig()
    assert set(INPUTS) == set(example_inputs(256, 1))
