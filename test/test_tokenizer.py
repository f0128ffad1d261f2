"""The pose tokenizer: its parts against independent truth, its weights file, its training task."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import save_file  # noqa: E402

from hmr_ros.data.joint_limits import LIMITS, excess, from_swing_twist  # noqa: E402
from hmr_ros.geometry.rotations import axis_angle_from_matrix, matrix_from_axis_angle  # noqa: E402
from hmr_ros.models.bounded_joints import LARGEST_SWING, BoundedJoints  # noqa: E402
from hmr_ros.models.codebook import Codebook  # noqa: E402
from hmr_ros.models.tokenizer import Tokenizer, TokenizerConfig, sixd_of  # noqa: E402
from hmr_ros.models.tokenizer_weights import load, save  # noqa: E402

TINY = TokenizerConfig(tokens=6, codes=32, code_width=8, width=16, mix_width=8, bottleneck=2)
BODY_LIMITS = torch.tensor(LIMITS[1:22])


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def frozen() -> Tokenizer:
    return Tokenizer(BODY_LIMITS, TINY).eval().requires_grad_(False)


def rotations(n: int, seed: int = 0) -> torch.Tensor:
    vectors = np.random.default_rng(seed).normal(0, 0.4, (n, 21, 3))
    return torch.from_numpy(matrix_from_axis_angle(vectors)).float()


def test_bounded_rotations_are_the_joint_limits_own_swing_and_twist():
    """Against ``joint_limits.from_swing_twist`` at angles spread over the whole of the limits."""
    answer = torch.randn(200, 21, 3, dtype=torch.float64) * 2
    bounded = BoundedJoints(BODY_LIMITS).double()
    low, high = LIMITS[1:22, :, 0], LIMITS[1:22, :, 1]
    angles = np.zeros((200, 24, 3))
    angles[:, 1:22] = (low + high) / 2 + (high - low) / 2 * np.tanh(answer.numpy())
    expected = matrix_from_axis_angle(from_swing_twist(angles)[:, 1:22])
    found = bounded(answer).numpy()
    near = np.linalg.norm(angles[:, 1:22], axis=-1) < LARGEST_SWING
    assert near.mean() > 0.7
    np.testing.assert_allclose(found[near], expected[near], atol=1e-6)
    # Where two axes reach beyond a half turn, too, no joint leaves its limits.
    pose = np.zeros((200, 24, 3))
    pose[:, 1:22] = axis_angle_from_matrix(found)
    assert excess(pose).max() < 1e-6


def test_bounded_rest_is_the_t_pose():
    bounded = BoundedJoints(BODY_LIMITS)
    np.testing.assert_allclose(
        bounded(bounded.rest()[None])[0].numpy(), np.tile(np.eye(3), (21, 1, 1)), atol=0.02
    )


def test_bounded_gradients_are_finite_where_nothing_swings():
    bounded = BoundedJoints(BODY_LIMITS)
    answer = bounded.rest()[None].clone().requires_grad_()
    bounded(answer).square().sum().backward()
    assert torch.isfinite(answer.grad).all()


def test_bounded_refuses_limits_of_another_shape():
    with pytest.raises(ValueError, match=r"\(24, 3, 2\), expected \(21, 3, 2\)"):
        BoundedJoints(torch.tensor(LIMITS))


def test_nearest_code_agrees_with_all_distances():
    book = Codebook(40, 5)
    latents = torch.randn(7, 3, 5)
    expected = torch.cdist(latents.flatten(0, 1), book.code).argmin(-1).reshape(7, 3)
    assert torch.equal(book.nearest(latents), expected)


def test_codes_become_the_means_of_what_falls_to_them():
    """Three clusters, far apart: their codes end at the clusters' means."""
    centres = torch.tensor([[0.0, 0], [10, 0], [0, 10]])
    book, rng = Codebook(3, 2), torch.Generator().manual_seed(1)
    book.code.copy_(centres + 2)
    book.use.fill_(30)
    book.total.copy_(book.code * 30)
    for step in range(300):
        which = torch.randint(3, (1, 90), generator=rng)
        latents = centres[which] + 0.1 * torch.randn(1, 90, 2, generator=rng)
        book.note(latents, book.nearest(latents))
        book.follow(step)
    np.testing.assert_allclose(book.code.numpy(), centres.numpy(), atol=0.05)


def test_dead_codes_come_back_to_life():
    book = Codebook(64, 4)
    for step in range(3):
        latents = torch.randn(20, 30, 4)
        book.note(latents, book.nearest(latents))
        book.follow(step, restart=step == 0)
    with torch.no_grad():
        book.code[10:] += 1e3  # nothing falls to these any more
        book.total[10:] += 1e3 * book.use[10:, None]
    for step in range(3, 600):
        latents = torch.randn(20, 30, 4)
        book.note(latents, book.nearest(latents))
        book.follow(step, restart=step == 0)
    assert len(book.nearest(torch.randn(200, 30, 4)).unique()) == 64
    assert book.code.abs().max() < 10


def test_following_the_same_steps_gives_the_same_codes():
    def run():
        torch.manual_seed(3)
        book = Codebook(16, 4)
        for step in range(20):
            latents = torch.randn(4, 8, 4)
            book.note(latents, book.nearest(latents))
            book.follow(step, restart=step == 0)
        return book.code

    assert torch.equal(run(), run())


def test_sixd_are_the_first_two_columns():
    turns = rotations(2)
    expected = np.concatenate([turns[..., 0].numpy(), turns[..., 1].numpy()], -1)
    np.testing.assert_array_equal(sixd_of(turns).numpy(), expected)


def test_tokens_and_codes_and_poses_fit_each_other():
    network = frozen()
    turns = rotations(5)
    tokens = network.tokens(turns)
    assert tokens.shape == (5, 6) and tokens.min() >= 0 and tokens.max() < 32
    codes = network.encode(turns)
    assert torch.equal(codes, network.codebook.code[tokens])
    decoded = network.decode(codes)
    assert decoded.shape == (5, 21, 3, 3)
    assert torch.equal(decoded, network.decode_tokens(tokens))
    np.testing.assert_allclose(network(turns).rotations, decoded, atol=1e-6)
    # A row of a batch is what it is alone.
    np.testing.assert_allclose(network.decode(codes[2:3])[0], decoded[2], atol=1e-6)
    # A certain distribution over the codes is the code.
    logits = torch.nn.functional.one_hot(tokens, 32) * 100.0
    np.testing.assert_allclose(network.decode_soft(logits), decoded, atol=1e-6)


def test_soft_decoding_lets_gradients_through_to_every_logit():
    network = frozen()
    logits = torch.randn(2, 6, 32, requires_grad=True)
    network.decode_soft(logits)[..., 0, 1].sum().backward()
    assert torch.isfinite(logits.grad).all() and (logits.grad != 0).all()


def test_gradients_reach_every_parameter():
    network = Tokenizer(BODY_LIMITS, TINY).train()
    known = (torch.rand(8, 21) < 0.7).float()
    coded = network(rotations(8), known)
    loss = (coded.rotations - rotations(8, 1)).square().mean()
    (loss + (coded.latents - coded.codes).square().mean()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())


def test_missing_joints_are_not_looked_at():
    network = frozen()
    known = torch.ones(3, 21)
    known[:, 4] = 0
    turns, other = rotations(3), rotations(3)
    other[:, 4] = rotations(3, 9)[:, 4]
    assert torch.equal(network.latents(turns, known), network.latents(other, known))
    assert not torch.equal(network.latents(turns), network.latents(other))


def test_swapped_tokens_are_decoded_in_place_of_the_true_ones():
    network = frozen()
    turns = rotations(3)
    swapped = torch.full((3, 6), -1)
    swapped[1, 2] = 7
    tokens = network.tokens(turns)
    tokens[1, 2] = 7
    np.testing.assert_allclose(
        network(turns, None, swapped).rotations, network.decode_tokens(tokens), atol=1e-6
    )


def test_weights_survive_their_file(tmp_path):
    network = frozen()
    save(network, tmp_path / "t.safetensors")
    back = load(tmp_path / "t.safetensors")
    assert back.config == TINY
    assert not any(p.requires_grad for p in back.parameters())
    with torch.no_grad():
        for value in network.state_dict().values():
            value.copy_(value.half())
    turns = rotations(4)
    assert torch.equal(back.tokens(turns), network.tokens(turns))
    np.testing.assert_allclose(
        back.decode(back.encode(turns)), network.decode(network.encode(turns)), atol=1e-6
    )


@pytest.mark.parametrize("fault", ["missing", "damaged", "foreign", "nan"])
def test_unusable_weights_are_refused_by_name(tmp_path, fault):
    path = tmp_path / "t.safetensors"
    network = Tokenizer(BODY_LIMITS, TINY)
    if fault == "damaged":
        path.write_bytes(b"no safetensors")
    elif fault == "foreign":
        save_file({"a": torch.zeros(1)}, path, {"network": "lifter", "config": "{}"})
    elif fault == "nan":
        with torch.no_grad():
            network.to_code.weight[0, 0] = float("nan")
        save(network, path)
    expected = {
        "missing": "does not exist",
        "damaged": "cannot be used",
        "foreign": "cannot be used as weights of tokenizer: it holds .lifter.",
        "nan": "not finite",
    }
    with pytest.raises(ValueError, match=expected[fault]) as refusal:
        load(path)
    assert str(path) in str(refusal.value)
