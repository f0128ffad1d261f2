"""FactorizedHMR: an anchor that nothing moves, limbs that flow, guidance that keeps the anchor."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from test_models_contract import TINY  # noqa: E402

from hmr_ros.body.model import load_body_model  # noqa: E402
from hmr_ros.models import flow  # noqa: E402
from hmr_ros.models.factorized_state import (  # noqa: E402
    DISTAL,
    LIMBS,
    NEAR,
    PARENT_OF,
    SIZE,
    TORSO,
    body_of,
    following,
    neutral_distal,
    noise_scale,
    positions_of,
    split,
    state_of,
    unknown_mask,
)
from hmr_ros.models.lifter import matrix_from_6d  # noqa: E402
from hmr_ros.models.lifter_weights import skeleton_of  # noqa: E402
from hmr_ros.models.velocity_field import Told  # noqa: E402
from hmr_ros.models.weights import build  # noqa: E402
from hmr_ros.runtime.network_export import example_inputs  # noqa: E402

PEOPLE = 6


@pytest.fixture(scope="module")
def body():
    return load_body_model()


@pytest.fixture(scope="module")
def skeleton(body):
    return skeleton_of(body)


@pytest.fixture(scope="module")
def network(body):
    torch.manual_seed(0)
    network = build("factorized", body, TINY)
    with torch.no_grad():
        for seed in range(3):
            network(**example_inputs(64, 8, seed=10 + seed))
    return network.eval()


@pytest.fixture(scope="module")
def told(network):
    with torch.no_grad():
        return network.told(example_inputs(64, PEOPLE))


@pytest.fixture(scope="module")
def people(skeleton):
    rng = torch.Generator().manual_seed(2)
    rotations = matrix_from_6d(torch.randn(PEOPLE, 24, 6, generator=rng))
    betas = torch.randn(PEOPLE, 10, generator=rng)
    place = torch.randn(PEOPLE, 3, generator=rng)
    return rotations, betas, place, skeleton(rotations, betas)[0]


def test_joints_are_limbs_or_torso_and_distal_ones_hang_on_limbs(body):
    assert sorted((*TORSO, *LIMBS)) == list(range(24))
    assert [body.parents[j] for j in DISTAL] == list(PARENT_OF)
    # What limb rotations cannot move is not distal, and what they can is.
    assert set(DISTAL) == {j for j in range(1, 24) if body.parents[j] in LIMBS}
    mask = unknown_mask()
    assert mask.sum() == 6 * len(LIMBS) + 3 * len(DISTAL) and len(mask) == SIZE


def test_a_state_is_its_body_in_both_views(skeleton, people):
    rotations, betas, place, joints = people
    state = state_of(skeleton, *people)
    found = body_of(skeleton, state)
    assert torch.allclose(found.rotations, rotations, atol=1e-5)
    assert torch.allclose(found.joints, joints, atol=1e-5)
    assert torch.equal(found.betas, betas) and torch.equal(found.place, place)
    assert torch.allclose(positions_of(skeleton, state), joints[:, list(DISTAL)], atol=1e-5)


def test_zero_is_the_neutral_body_in_both_views(skeleton, people):
    state = state_of(skeleton, *people) * (1 - unknown_mask())
    joints = body_of(skeleton, state).joints[:, list(DISTAL)]
    assert torch.allclose(positions_of(skeleton, state), joints, atol=1e-6)
    assert torch.allclose(neutral_distal(skeleton, state), joints, atol=1e-6)
    straight = body_of(skeleton, state).rotations[:, list(LIMBS)]
    assert torch.allclose(straight, torch.eye(3).expand_as(straight), atol=1e-6)


def test_noise_blurs_both_views_alike_and_known_coordinates_not_at_all(skeleton):
    scale = noise_scale(skeleton, unknown_mask())
    assert not scale[unknown_mask() == 0].any()
    rng = torch.Generator().manual_seed(7)
    noise = torch.randn(4000, SIZE, generator=rng) * scale
    rotations = noise.clone()
    rotations[:, 144:180] = 0
    moved = body_of(skeleton, rotations).joints[:, list(DISTAL)] - neutral_distal(skeleton, noise)
    by_rotations, by_positions = moved.square().mean((0, 2)), split(noise)[1].square().mean((0, 2))
    assert torch.allclose(by_rotations, by_positions, rtol=0.08)
    # Farther out on a limb a joint moves more.
    knee, ankle = (by_rotations[DISTAL.index(j)] for j in (4, 7))
    assert ankle > 1.5 * knee


@given(
    st.integers(1, 20),
    st.sampled_from([0.0, 1.0, 1.5, 3.0]),
    st.floats(0.1, 5.0),
)
@settings(max_examples=20, deadline=None)
def test_no_sample_moves_the_anchor(network, told, steps, guidance, strength):
    anchor, known = told
    noise = strength * torch.randn(PEOPLE, SIZE, generator=torch.Generator().manual_seed(steps))
    with torch.no_grad():
        body = body_of(network.skeleton, network.sample(known, noise, steps, guidance))
    torso = list(TORSO)
    assert torch.allclose(body.rotations[:, torso], anchor.rotations[:, torso], atol=1e-6)
    assert torch.equal(body.betas, anchor.betas) and torch.equal(body.place, anchor.place)


def test_the_estimate_keeps_the_anchor_and_answers_for_limbs(network):
    with torch.no_grad():
        anchor, final = network.looks(example_inputs(64, PEOPLE))
    torso, limbs = list(TORSO), list(LIMBS)
    assert torch.allclose(final.rotations[:, torso], anchor.rotations[:, torso], atol=1e-6)
    assert torch.equal(final.betas, anchor.betas) and torch.equal(final.place, anchor.place)
    assert (final.rotations[:, limbs] - anchor.rotations[:, limbs]).abs().amax() > 1e-4


@given(st.floats(0, 0.95), st.booleans(), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_what_follows_ends_where_the_rotations_lead(skeleton, people, t, anchored, seed):
    rng = torch.Generator().manual_seed(seed)
    mask = unknown_mask(anchored)
    state = state_of(skeleton, *people)
    state = state + mask * torch.randn(state.shape, generator=rng)
    rotations = mask.clone()
    rotations[144:180] = 0
    velocity = rotations * torch.randn(state.shape, generator=rng)
    t = torch.full((PEOPLE,), t)
    follow = following(skeleton, state, velocity, t, mask)
    assert not follow[:, :144].any() and not follow[:, 180:].any()
    end = flow.reached(state, velocity + follow, t, mask)
    joints = body_of(skeleton, end).joints[:, list(DISTAL)]
    assert torch.allclose(positions_of(skeleton, end), joints, atol=1e-4)
    # What is said of positions beside that stays.
    own = (mask - rotations) * 0.1
    both = flow.reached(state, velocity + own + follow, t, mask)
    gap = positions_of(skeleton, both) - joints
    assert torch.allclose(gap.flatten(1), 0.1 * (1 - t)[:, None].expand(-1, 36), atol=1e-4)
    # Nobody is sped up without end: at the end of a path as fast as shortly before.
    last = following(skeleton, state, 0 * velocity, torch.ones(PEOPLE), mask)
    joints = body_of(skeleton, state).joints[:, list(DISTAL)]
    gap = (joints - positions_of(skeleton, state)).flatten(1)
    assert torch.allclose(NEAR * last[:, 144:180], gap, atol=1e-5)


def test_tied_views_end_as_one_limb_but_for_what_the_network_says(body):
    torch.manual_seed(0)
    network = build("factorized", body, TINY | {"tied": True, "unanchored": True}).eval()
    with torch.no_grad():
        _, told = network.told(example_inputs(64, PEOPLE))
        noise = torch.randn(PEOPLE, SIZE, generator=torch.Generator().manual_seed(1))
        rotating = len(network.field.turning)

        def apart(states):
            joints = body_of(network.skeleton, states).joints[:, list(DISTAL)]
            return (positions_of(network.skeleton, states) - joints).norm(dim=-1)

        said = apart(network.estimate(told))
        assert said.amax() > 1e-3
        network.field.out[rotating:] = 0
        assert apart(network.estimate(told)).amax() < 1e-5
        assert apart(network.sample(told, noise, 20)).amax() < 1e-3
        # Without the anchor nothing leads the positions, and limbs are said to move as with it.
        t, ones = torch.full((PEOPLE,), 0.3), torch.ones(PEOPLE)
        state = flow.known_kept(noise * network.noise_scale, told.anchor, network.mask)
        free = network.velocity(state, t, told, ones, ones)
        assert not free[:, 144:180].any() and free[:, :144].any()
        assert network.velocity(state, t, told, ones)[:, 144:180].any()


@pytest.mark.parametrize("informed", [True, False])
def test_only_an_informed_field_is_told_what_stage_one_answers(body, informed):
    torch.manual_seed(0)
    config = TINY | {"anchored": False, "informed": informed}
    network, inputs = build("factorized", body, config).eval(), example_inputs(64, PEOPLE)
    with torch.no_grad():
        _, before = network.told(inputs)
        for part in (network.anchor.first_head, network.anchor.second, network.anchor.second_head):
            for parameter in part.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        _, after = network.told(inputs)
    assert torch.equal(before.evidence, after.evidence) != informed
    # Shape and place are stage one's nevertheless.
    told = before.regressed != after.regressed
    assert told[:, 180:].any() and told[:, :180].any() == informed


def test_the_torso_is_that_of_the_trained_regressor_and_the_limbs_begin_there(body):
    torch.manual_seed(0)
    network, inputs = build("factorized", body, TINY).eval(), example_inputs(64, PEOPLE)
    with torch.no_grad():
        regressed = network.anchor.predict(inputs)
        network.field.out.zero_()
        final = network.predict(inputs)
        _, known = network.told(inputs)
        noise = torch.randn(PEOPLE, SIZE)
        near = network.sample(known, noise, 1000)
    assert torch.allclose(final.rotations, regressed.rotations, atol=1e-6)
    assert torch.allclose(final.joints, regressed.joints, atol=1e-6)
    assert torch.equal(final.log_std, regressed.log_std)
    # A flow that only knows where it goes ends as far from there as exp(-1) of its noise.
    left = (near - known.regressed)[:, network.mask > 0]
    begun = (noise * network.noise_scale - known.regressed)[:, network.mask > 0]
    assert torch.allclose(left, begun * np.exp(-1), atol=2e-3)


def test_guidance_leaves_out_evidence_and_not_the_anchor(network, told):
    _, known = told
    state = torch.randn(PEOPLE, SIZE, generator=torch.Generator().manual_seed(1))
    state = flow.known_kept(state, known.anchor, network.mask)
    t, blind = torch.full((PEOPLE,), 0.5), torch.ones(PEOPLE)
    other = Told(known.evidence.flip(0), known.anchor, known.regressed.flip(0))
    with torch.no_grad():
        seen = [network.velocity(state, t, k) for k in (known, other)]
        free = [network.velocity(state, t, k, blind) for k in (known, other)]
        assert not torch.allclose(seen[0], seen[1], atol=1e-6)
        assert torch.allclose(free[0], free[1], atol=1e-6)
        # The anchor still counts.
        turned = state.clone()
        turned[:, :6] += 0.3
        assert not torch.allclose(network.velocity(turned, t, known, blind), free[0], atol=1e-6)
        # Half of the people without evidence: each as if alone.
        half = (torch.arange(PEOPLE) % 2).float()
        mixed = network.velocity(state, t, known, half)
    expected = torch.where(half[:, None] > 0, free[0], seen[0])
    assert torch.allclose(mixed, expected, atol=1e-6)
    assert not mixed[:, network.mask == 0].any()


def test_guidance_can_leave_out_the_anchor_too_to_compare_with(network, told):
    _, known = told
    rng = torch.Generator().manual_seed(4)
    state, t = torch.randn(PEOPLE, SIZE, generator=rng), torch.full((PEOPLE,), 0.5)
    ones = torch.ones(PEOPLE)
    other = state + 0.3 * (1 - network.mask)
    with torch.no_grad():
        blind = [network.velocity(s, t, known, ones, ones) for s in (state, other)]
        assert torch.equal(*blind)
        noise = torch.randn(PEOPLE, SIZE, generator=rng)
        kept, dropped = (network.sample(known, noise, 2, 2.0, keep) for keep in (True, False))
        assert not torch.allclose(kept, dropped, atol=1e-5)
        # The sample stands on the anchor nevertheless, and without guidance there is nothing to it.
        assert torch.equal(dropped[:, network.mask == 0], kept[:, network.mask == 0])
        plain = [network.sample(known, noise, 2, 1.0, keep) for keep in (True, False)]
        assert torch.equal(*plain)


def test_guidance_of_one_and_of_nought_are_with_and_without_evidence(network, told):
    _, known = told
    noise = torch.randn(PEOPLE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        plain, near = (network.sample(known, noise, 2, g) for g in (1.0, 1.0 + 1e-6))
        assert torch.allclose(plain, near, atol=1e-5)
        nought = network.sample(known, noise, 2, 0.0)
        other = Told(known.evidence * 0, known.anchor, known.regressed * 0)
        assert torch.allclose(nought, network.sample(other, noise, 2, 0.0), atol=1e-6)


def test_samples_follow_their_noise_and_rows_do_not_mix(network, told):
    _, known = told
    rng = torch.Generator().manual_seed(3)
    noise = torch.randn(PEOPLE, SIZE, generator=rng)
    with torch.no_grad():
        whole = network.sample(known, noise, 4)
        assert torch.equal(whole, network.sample(known, noise, 4))
        one = Told(known.evidence[[2]], known.anchor[[2]], known.regressed[[2]])
        assert torch.allclose(network.sample(one, noise[[2]], 4), whole[[2]], atol=1e-5)


def test_a_straight_flow_is_followed_exactly_in_any_number_of_steps():
    mask = torch.tensor([1.0, 1.0, 0.0])
    noise, data = torch.randn(4, 3), torch.randn(4, 3)
    for steps in (1, 3, 10):
        found = flow.sampled(lambda x, t: data - noise, noise, data, mask, steps)
        assert torch.allclose(found, data, atol=1e-5)
        assert torch.equal(found[:, 2], data[:, 2])
    t = torch.rand(4)
    middle = flow.between(noise, data, t, mask)
    assert torch.allclose(flow.reached(middle, data - noise, t, mask), data, atol=1e-5)
    assert flow.flow_loss(data - noise, noise, data, mask).abs().max() == 0
    off = flow.flow_loss(data - noise + 2, noise, data, mask)
    assert torch.allclose(off, torch.full((4,), 4.0))
    with pytest.raises(ValueError, match="steps is 0"):
        flow.sampled(lambda x, t: x, noise, data, mask, 0)


def test_a_curved_flow_is_followed_to_second_order_in_as_many_evaluations():
    # dx/dt = x from t = 0 to 1 multiplies by e.
    start, mask, asked = torch.ones(1, 2, dtype=torch.float64), torch.ones(2), []

    def growing(x, t):
        asked.append(t)
        return x

    gaps = {}
    for steps in (1, 4, 20, 40):
        asked.clear()
        found = flow.sampled(growing, start, start, mask, steps)
        assert len(asked) == steps
        gaps[steps] = abs(found[0, 0].item() - np.e)
    assert gaps[1] == pytest.approx(np.e - 2)  # along the tangent
    assert gaps[4] < 0.5 * (np.e - 1.25**4)  # of what tangents miss
    assert gaps[20] / gaps[40] == pytest.approx(4, rel=0.1)  # twice the steps, a quarter
