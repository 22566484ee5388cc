"""Answers of handlers on their way to outcomes, those of one turn of the loop together.

Encoded one by one, between other messages' handlers, each costs half as much again as in a group (decision 20).
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextvars import copy_context
from typing import NamedTuple

from onex.agent.effect.outcome import Task


class HandlerResult(NamedTuple):
    """A message whose handler has answered at its first attempt. Its lane is held until there is an outcome."""

    lane: Hashable
    task: Task
    answer: object
    began: float
    """When the message was taken in hand."""


class ResultBatch:
    """Gathers answers and hands them on as soon as the loop has let every handler run that can. Lives on the loop."""

    def __init__(self, hand_on: Callable[[Sequence[HandlerResult]], None]) -> None:
        self._hand_on = hand_on
        self._answered: list[HandlerResult] = []
        self._nobodys = copy_context()
        """What is started from here must not see the context variables of the message that came first."""

    def add(self, answered: HandlerResult) -> None:
        """Hand it on at the end of this turn."""
        if not self._answered:
            asyncio.get_running_loop().call_soon(self.flush, context=self._nobodys)
        self._answered.append(answered)

    def flush(self) -> None:
        """Hand on what there is now."""
        if self._answered:
            answered, self._answered = self._answered, []
            self._hand_on(answered)
