"""The mixes that training, ablations and benchmarks name."""

from __future__ import annotations

from hmr_ros.data.poses import EVERYDAY
from hmr_ros.data.scenes.mix import Mix
from hmr_ros.data.scenes.things import Thing

# What a robot meets among people: about two thirds of the joints can be seen.
REALISTIC = Mix(
    name="realistic",
    occluders={
        Thing.PERSON: 0.07,
        Thing.FURNITURE: 0.18,
        Thing.SOLID: 0.1,
        Thing.CUTOUT: 0.1,
        Thing.CARRIED: 0.3,
        Thing.BORDER: 0.15,
    },
    more=0.15,
    activities=EVERYDAY,
)

# Crowds and clutter: well under half of the joints can be seen.
HEAVY = Mix(
    name="heavy",
    occluders={
        Thing.PERSON: 0.38,
        Thing.FURNITURE: 0.52,
        Thing.SOLID: 0.28,
        Thing.CUTOUT: 0.36,
        Thing.CARRIED: 0.5,
        Thing.BORDER: 0.33,
    },
    more=0.25,
    activities=EVERYDAY,
)

# Nearly everything can be seen, but for what people hide of themselves.
LIGHT = Mix(
    name="light",
    occluders={
        Thing.PERSON: 0.0,
        Thing.FURNITURE: 0.05,
        Thing.SOLID: 0.0,
        Thing.CUTOUT: 0.0,
        Thing.CARRIED: 0.1,
        Thing.BORDER: 0.05,
    },
    more=0.0,
    activities=EVERYDAY,
)

# What the first version drew: painted bodies before photographs or noise, seen through a pinhole.
PROTOTYPE = Mix(
    name="prototype",
    occluders={
        Thing.PERSON: 0.3,
        Thing.FURNITURE: 0.0,
        Thing.SOLID: 0.45,
        Thing.CUTOUT: 0.0,
        Thing.CARRIED: 0.0,
        Thing.BORDER: 0.0,
    },
    more=0.5,
    activities={"clip": 0.65, "mixed": 0.35},
    rooms=0.0,
    photos=0.9,
    people=(1, 1),
    clothes=False,
    shadows=False,
    lens=0.0,
    distance=(2.0, 8.0),
    height=(0.6, 2.2),
    fov_deg=(40.0, 75.0),
    pitch_sd=0.06,
    before=0.5,
    crop=(0.87, 1.6),
    window=False,
    faults=False,
)

# Films of people across a yard or a street, by a lens that is long for how far they are.
FAR = Mix(
    name="far",
    occluders=REALISTIC.occluders,
    more=0.15,
    activities=EVERYDAY,
    rooms=0.0,
    photos=0.95,
    people=(2, 4),
    distance=(8.0, 26.0),
    height=(0.5, 6.0),
    fov_deg=(14.0, 45.0),
    ground=(12.0, 18.0),
)

MIXES = {m.name: m for m in (REALISTIC, HEAVY, LIGHT, PROTOTYPE, FAR)}
