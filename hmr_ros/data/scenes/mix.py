"""What kinds of scenes there are, and how often: the mixes that training and evaluation name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hmr_ros.data.scenes.things import Thing


@dataclass(frozen=True)
class Mix:
    """Chances and ranges that scenes are drawn from; a range is (least, greatest), uniform.

    occluders: chance of at least one occluder of each kind, drawn on its own.
    more:      chance of another one of the same kind, again and again.
    activities: relative weight of each kind of pose (see ``hmr_ros.data.poses``).
    rooms, photos: chance of a procedural room, and of a photograph (where there are any), as the
               surroundings; else coloured noise.
    people:    number of people meant to be looked at; others may stand before or behind them.
    clothes:   garments with a shape of their own; else paint on the body.
    shadows:   lamps may throw shadows. lens: chance of a distorted lens. finish: camera faults.
    distance:  metres along the floor. height: of the camera over the floor, metres.
    fov_deg:   along the longer side. pitch_sd, roll_sd: radians around a level view of the person.
    ground:    of films, half of the floor's sides, metres.
    before:    share of the ``PERSON`` occluders that stand before, not behind.
    crop:      side of a crop in units of the longer side of the person's box.
    window:    crops are black beyond the border of the picture that they are cut from.
    faults:    smear, flicker, JPEG and the coarse pixels of far people, beside blur and noise.
    """

    name: str
    occluders: dict[Thing, float]
    more: float
    activities: dict[str, float]
    rooms: float = 0.5
    photos: float = 0.45
    people: tuple[int, int] = (1, 3)
    clothes: bool = True
    shadows: bool = True
    lens: float = 0.3
    finish: bool = True
    distance: tuple[float, float] = (1.2, 7.0)
    height: tuple[float, float] = (0.3, 1.6)
    fov_deg: tuple[float, float] = (35.0, 100.0)
    pitch_sd: float = 0.08
    roll_sd: float = 0.03
    ground: tuple[float, float] = (3.2, 6.0)
    before: float = 0.8
    crop: tuple[float, float] = (1.1, 1.4)
    window: bool = True
    faults: bool = True

    def without(self, kind: Thing) -> Mix:
        """The same mix but for one kind of occluder, for ablations."""
        rest = {k: (0.0 if k == kind else v) for k, v in self.occluders.items()}
        return replace(self, name=f"{self.name}-without-{kind.name.lower()}", occluders=rest)
