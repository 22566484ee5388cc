"""Schedules: what happens in which order, drawn from a seed. Plain data, so that one can be cut down and replayed."""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple


class Action(NamedTuple):
    """One thing that happens. ``pick`` chooses the instance, node or entity; ``amount`` says how much."""

    name: str
    pick: int = 0
    amount: int = 0


_WEIGHTS = {
    "step": 60,
    "order": 12,
    "act": 14,
    "wait": 10,
    "crash": 3,
    "join": 2,
    "leave": 2,
    "abort": 4,
    "lose": 2,
    "repeat": 3,
    "down": 1,
    "up": 2,
    "poison": 1,
    "deny": 1,
    "allow": 2,
    "hang": 1,
    "expel": 2,
    "alarm": 6,
    "hostile": 6,
    "stall": 3,
    "rewind": 1,
}
"""How often each kind of thing happens. ``lose``: a commit succeeds and its answer is lost. ``stall``: a process
stands still inside of a transaction, until its group has gone on without it. ``rewind``: a client goes back to the
earliest records."""


def draw(seed: int, length: int = 150) -> list[Action]:
    """The schedule of a seed."""
    random = Random(seed)
    names, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    return [
        Action(name, random.randrange(1 << 16), random.randrange(1 << 16))
        for name in random.choices(names, weights, k=length)
    ]


def without(schedule: Sequence[Action], start: int, count: int) -> list[Action]:
    """The schedule with ``count`` actions cut out."""
    return [*schedule[:start], *schedule[start + count :]]
