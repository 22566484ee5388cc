"""Delays before another attempt, in seconds. ``failures`` is the number of attempts that failed so far, from 1."""

import math
import random
from collections.abc import Callable
from typing import Protocol


def linear(failures: int, base: float, longest: float = math.inf) -> float:
    """Return ``base`` times the number of failures, at most ``longest``."""
    return min(base * failures, longest)


def exponential(failures: int, base: float, longest: float = math.inf, factor: float = 2.0) -> float:
    """Return ``base``, multiplied by ``factor`` for each failure after the first, at most ``longest``."""
    try:
        return min(base * factor ** (failures - 1), longest)
    except OverflowError:
        return longest


def fibonacci(failures: int, base: float, longest: float = math.inf) -> float:
    """Return ``base`` times the Fibonacci number of the failures (1, 1, 2, 3, 5, 8 ...), at most ``longest``."""
    before, current = 0, 1
    for _ in range(failures - 1):
        before, current = current, before + current
    return min(base * current, longest)


class ProtocolAttempt(Protocol):
    """What tenacity passes to a ``wait`` function: its ``RetryCallState``, as far as it counts attempts."""

    attempt_number: int


def doubling(base: float, longest: float = math.inf, jitter: float = 0.0) -> Callable[[ProtocolAttempt], float]:
    """Return a ``wait`` function for tenacity: ``base`` seconds, doubled after each failure, at most ``longest``.

    A random part of up to ``jitter`` seconds is added.
    """
    return lambda attempt: exponential(attempt.attempt_number, base, longest) + random.uniform(0.0, jitter)
