"""The actions of these schedules, and how often each is drawn."""

from onex.testing.simulation.schedule import Action
from onex.testing.simulation.schedule import draw as draw_by_weight

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


def draw(seed: int, length: int = 150) -> list[Action]:
    """Return the schedule of a seed."""
    return draw_by_weight(seed, length, _WEIGHTS)
