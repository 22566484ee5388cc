"""Schedules: the actions of a simulation in order, drawn from a seed. They are data, so that they can be shrunk."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple


class Action(NamedTuple):
    """One event of a schedule. ``pick`` chooses an instance, a node or a key; ``amount`` is a size or a duration."""

    name: str
    pick: int = 0
    amount: int = 0


WEIGHTS: Mapping[str, int] = {
    "step": 60,
    "send": 20,
    "repeat": 3,
    "wait": 10,
    "crash": 3,
    "join": 2,
    "leave": 2,
    "abort": 4,
    "lose": 2,
    "fail": 4,
    "slow": 3,
    "deny": 1,
    "allow": 2,
    "hang": 1,
    "expel": 2,
    "stall": 3,
    "rewind": 1,
}
"""How often each action is drawn, in comparison with the others. See :mod:`onex.testing.simulation.story`."""


def draw(seed: int, length: int, weights: Mapping[str, int] = WEIGHTS) -> list[Action]:
    """Return the schedule of a seed."""
    random = Random(seed)
    names = random.choices(list(weights), list(weights.values()), k=length)
    return [Action(name, random.randrange(1 << 16), random.randrange(1 << 16)) for name in names]


def without(schedule: Sequence[Action], start: int, count: int) -> list[Action]:
    """Return the schedule with ``count`` actions cut out."""
    return [*schedule[:start], *schedule[start + count :]]


def shrunk(schedule: Sequence[Action], fails: Callable[[Sequence[Action]], object], most: int = 400) -> list[Action]:
    """Return a shorter schedule that still fails: cut out ever smaller pieces while it does.

    ``fails`` runs a schedule and returns a true value when it fails. It is called at most ``most`` times.
    """
    shortest, size, tries = list(schedule), len(schedule) // 2, 0
    while size and tries < most:
        start, has_cut = 0, False
        while start < len(shortest) and tries < most:
            tries += 1
            candidate = without(shortest, start, size)
            if fails(candidate):
                shortest, has_cut = candidate, True
            else:
                start += size
        if not has_cut or size > 1:
            size //= 2
    return shortest
