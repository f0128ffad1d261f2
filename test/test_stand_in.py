"""The statistical front end against numbers put into its table, and the fit against both."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmr_ros.data.detections.evidence import heatmaps, mask  # noqa: E402
from hmr_ros.data.detections.fitting import Observed, drawn_lengths, fit  # noqa: E402
from hmr_ros.data.detections.stand_in import stand_in  # noqa: E402
from hmr_ros.data.measured_errors import (  # noqa: E402
    CLASSES,
    HIDDEN_SHARES,
    SIZES,
    MeasuredErrors,
    load_measured,
)

PEOPLE = 3000


def table(**changes) -> MeasuredErrors:
    pools = np.zeros((33, len(CLASSES), len(SIZES) + 1, 64, 5), np.float32)
    pools[..., 0] = np.linspace(0.01, 0.04, 64)
    pools[..., 2] = 0.9
    cells = (len(SIZES) + 1, len(HIDDEN_SHARES) + 1, 2)
    values = {
        "offsets": np.zeros((33, 3), np.float32),
        "pools": pools,
        "missed": np.zeros(cells, np.float32),
        "ranks": np.random.default_rng(0).random((cells[1], 500, 4, 33)).astype(np.float32),
    }
    return MeasuredErrors(**values | changes)


@pytest.fixture
def people():
    """Landmarks on a line of 150 pixels: size class 1; all visible."""
    pixels = torch.zeros(PEOPLE, 33, 2) + 100
    pixels[:, :, 1] += torch.linspace(0, 150, 33)
    return pixels, torch.zeros(PEOPLE, 33, dtype=torch.int64)


def draw(people, errors, image=(0, 0, 640, 480), seed=0):
    borders = torch.tensor(image, dtype=torch.float32).expand(len(people[0]), 4)
    return stand_in(*people, borders, errors, torch.Generator().manual_seed(seed))


def test_errors_follow_their_pools_in_units_of_the_person(people):
    drawn = draw(people, table())
    away = (drawn.positions - people[0])[..., 0] / 150
    assert away.mean() == pytest.approx(0.025, rel=0.05)
    assert away.quantile(0.95) == pytest.approx(0.04, rel=0.1)
    assert drawn.found.all() and (drawn.confidence == 0.9).all()


def test_people_are_as_easy_or_difficult_as_a_measured_one(people):
    ranks = np.zeros((len(HIDDEN_SHARES) + 1, 2, len(CLASSES), 33), np.float32)
    ranks[:, 1] = 0.99
    away = (draw(people, table(ranks=ranks)).positions - people[0])[..., 0] / 150
    difficult = away.mean(1) > 0.025
    assert difficult.float().mean() == pytest.approx(0.5, abs=0.04)
    assert (away[difficult] > 0.03).all() and (away[~difficult] < 0.02).all()


def test_each_way_of_being_seen_has_its_own_rank(people):
    """Of one person the hidden landmarks may be far off and the visible ones near."""
    pixels, state = people
    state[:, 20:] = CLASSES.index("hidden")
    ranks = np.zeros((len(HIDDEN_SHARES) + 1, 2, len(CLASSES), 33), np.float32)
    ranks[:, :, CLASSES.index("hidden")] = 0.99
    away = (draw((pixels, state), table(ranks=ranks)).positions - pixels)[..., 0] / 150
    assert (away[:, 20:] > 0.03).all() and (away[:, :20] < 0.02).all()


def test_size_and_hidden_share_choose_how_often_nobody_is_found(people):
    missed = np.zeros((3, 4, 2), np.float32)
    missed[1, 2, 0] = 0.7
    pixels, state = people
    state[:, :16] = CLASSES.index("hidden")  # 48 % hidden: the third class
    drawn = draw((pixels, state), table(missed=missed))
    assert drawn.found.float().mean() == pytest.approx(0.3, abs=0.03)
    assert (drawn.confidence[~drawn.found] == 0).all()
    assert draw((pixels / 2, state), table(missed=missed)).found.all()
    state[:, :6] = CLASSES.index("outside")  # most of the face
    assert draw((pixels, state), table(missed=missed)).found.all()


def test_what_was_given_stays_inside_of_the_image(people):
    drawn = draw(people, table(), image=(0, 0, 640, 200))
    assert (drawn.positions[..., 1] < 200).all() and (drawn.confidence > 0).all()
    missing = table()
    missing.pools[..., 2] = 0
    drawn = draw(people, missing, image=(0, 0, 640, 200))
    assert (drawn.positions[..., 1] > 200).any() and (drawn.confidence == 0).all()


def test_landmarks_outside_are_pulled_to_the_border(people):
    """Their errors count from the border and point inwards."""
    pixels, state = people
    state[:] = CLASSES.index("outside")
    drawn = draw((pixels, state), table(), image=(0, 0, 60, 480))
    assert (drawn.positions[..., 0] < 60).all() and (drawn.positions[..., 0] > 50).all()
    drawn = draw((pixels, state), table(), image=(130, 0, 640, 480))
    assert (drawn.positions[..., 0] > 130).all() and (drawn.positions[..., 0] < 140).all()
    # Missing ones are not held inside, so here it is the sign alone that points inwards.
    missing = table()
    missing.pools[..., 2] = 0
    drawn = draw((pixels, state), missing, image=(0, 0, 60, 480))
    assert (drawn.positions[..., 0] < 60).all() and (drawn.positions[..., 0] > 50).all()


def test_the_same_seed_draws_the_same(people):
    first, second = draw(people, table()), draw(people, table())
    assert torch.equal(first.positions, second.positions)
    assert not torch.equal(first.positions, draw(people, table(), seed=1).positions)


def test_a_fit_gives_back_what_the_observations_were_drawn_from():
    rng = np.random.default_rng(3)
    n = 4000
    size = rng.uniform(60, 400, n)
    pixels = 300 + size[:, None, None] * np.stack(
        np.broadcast_arrays(0.1 * rng.random((n, 33)), np.linspace(0, 1, 33)), -1
    )
    state = rng.integers(0, 4, (n, 33))
    axes = size[:, None, None, None] * np.broadcast_to(np.eye(2, 3), (n, 33, 2, 3))
    offset = np.array([0.012, -0.02, 0.0])
    spread = np.array([0.004, 0.01, 0.02, 0.03])[state] * rng.choice([0.5, 2], (n, 1))
    error = rng.normal(0, 1, (n, 33, 2)) * spread[..., None] + offset[:2]
    confidence = np.full((n, 33, 1), 0.8)
    seen = Observed(
        points=np.zeros((n, 33, 3)),
        pixels=pixels,
        state=state,
        axes=axes,
        size=size,
        hidden=(state >= 2).mean(1),
        keypoints=np.concatenate([pixels + error * size[:, None, None], confidence], -1),
        found=rng.random(n) > 0.1,
        peak=np.full((n, 33), 0.7),
        spread=np.full((n, 33), 1.5),
        image=np.tile([0.0, 0, 2000, 2000], (n, 1)),
    )
    errors = fit(seen)
    assert np.abs(errors.offsets - offset).max() < 3e-3
    length = np.linalg.norm(errors.pools[..., :2], axis=-1)
    true = np.linalg.norm(error - offset[:2], axis=-1)
    for c in range(4):
        wanted = np.quantile(true[state == c], [0.5, 0.95])
        found = np.quantile(length[:, c], [0.5, 0.95])
        assert found == pytest.approx(wanted, rel=0.1)
    assert np.abs(errors.missed[:, 1:3, 0] - 0.1).max() < 0.06
    # People of whom one half of the landmarks is far off are far off in the other half too.
    halves = errors.ranks[1:3].reshape(-1, 33)
    assert np.corrcoef(halves[:, :16].mean(1), halves[:, 16:].mean(1))[0, 1] > 0.8


def test_shipped_measurements_are_sane():
    errors = load_measured()
    assert errors.offsets.shape == (33, 3) and np.abs(errors.offsets).max() < 0.08
    length = np.linalg.norm(errors.pools[..., :2], axis=-1)
    medians = np.median(length, axis=(0, 2, 3))
    assert medians[0] < 0.04 < 0.15 < medians[2]
    for share in (errors.pools[..., 2:4], errors.missed, errors.ranks):
        assert share.min() >= 0 and share.max() <= 1


def test_heatmaps_peak_at_their_keypoints():
    places = torch.tensor([[[0.25, 0.5], [0.9, 0.1]]])
    present = torch.tensor([[True, False]])
    maps = heatmaps(places, torch.tensor([[0.8, 0.9]]), torch.full((1, 2), 1.5), present)
    row, column = divmod(int(maps[0, 0].argmax()), 64)
    assert abs(column - 15.5) <= 1 and abs(row - 31.5) <= 1
    assert maps[0, 0].max() == pytest.approx(0.8, abs=0.1) and maps[0, 1].max() == 0


def test_masks_follow_the_visible_person():
    person = torch.zeros(200, 64, 64, dtype=torch.bool)
    person[:, 16:48, 24:40] = True
    whole = person.clone()
    whole[:, 48:60, 24:40] = True
    soft = mask(person, whole, torch.Generator().manual_seed(0))
    assert soft[:, 24:40, 28:36].min() > 0.8 and soft[:, :, :12].max() < 0.2
    leaked = soft[:, 52:58, 28:36].mean((1, 2)) > 0.2
    assert 0.05 < leaked.float().mean() < 0.4


def test_a_fit_is_balanced_where_errors_go_along_with_the_offset():
    """Errors along a turned limb: drawn independently of the offset they would come out longer."""
    rng = np.random.default_rng(5)
    n = 3000
    turn = rng.uniform(0, 2 * np.pi, (n, 33))
    along = np.stack([np.cos(turn), np.sin(turn)], -1)
    across = np.stack([-np.sin(turn), np.cos(turn)], -1)
    size = np.full(n, 200.0)
    pixels = 300 + np.stack(np.broadcast_arrays(np.zeros((n, 33)), np.linspace(0, 200, 33)), -1)
    total = (0.03 + rng.uniform(-0.025, 0.025, (n, 33, 1))) * along
    seen = Observed(
        points=np.zeros((n, 33, 3)),
        pixels=pixels,
        state=np.zeros((n, 33), int),
        axes=200 * np.stack([along, across, np.zeros_like(along)], -1),
        size=size,
        hidden=np.zeros(n),
        keypoints=np.concatenate([pixels + 200 * total, np.full((n, 33, 1), 0.8)], -1),
        found=np.ones(n, bool),
        peak=np.full((n, 33), 0.7),
        spread=np.full((n, 33), 1.5),
        image=np.tile([0.0, 0, 2000, 2000], (n, 1)),
    )
    length, given = drawn_lengths(fit(seen), seen, seed=9)
    assert given.all()
    assert np.median(length) == pytest.approx(0.03, rel=0.03)
