"""Results of handlers, gathered during one turn of the event loop, because their outcomes are made together.

Encoded one by one, between other messages' handlers, each result costs half as much again as in a batch
(decision 20).
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextvars import copy_context
from typing import NamedTuple

from onex.agent.effect.outcome import Task


class HandlerResult(NamedTuple):
    """What a handler returned at its first attempt. The lane of the message is busy until there is an outcome."""

    lane: Hashable
    task: Task
    result: object
    started: float
    """Monotonic time of the first attempt, in seconds."""


class ResultBatch:
    """Gathers results, and passes them on when every handler that can run has run. Lives on the event loop."""

    def __init__(self, on_results: Callable[[Sequence[HandlerResult]], None]) -> None:
        self._on_results = on_results
        self._results: list[HandlerResult] = []
        self._context = copy_context()
        """Tasks that ``on_results`` starts must not see the context variables of the message that came first."""

    def add(self, result: HandlerResult) -> None:
        """Pass the result on at the end of this turn of the loop."""
        if not self._results:
            asyncio.get_running_loop().call_soon(self.flush, context=self._context)
        self._results.append(result)

    def flush(self) -> None:
        """Pass on the results that were gathered."""
        if self._results:
            results, self._results = self._results, []
            self._on_results(results)
