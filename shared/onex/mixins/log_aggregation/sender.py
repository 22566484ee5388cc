"""Sends batches, one at a time. A batch leaves the queue before it is sent, and stays here until it is accepted."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from onex.mixins.log_aggregation.collector import Collector, EnumOutcome, Outcome
from onex.mixins.log_aggregation.line_queue import LineQueue
from onex.mixins.log_aggregation.model_log_aggregation_subcontract import ModelLogAggregationSubcontract
from onex.mixins.log_aggregation.records import RequestBodies
from onex.util.backoff import exponential

log = structlog.get_logger(__name__)
_MOST_REFUSALS = 40
"""Most refused requests of one batch, after which the rest of it is refused. 28 find one line among 10 000."""
_JITTER = 0.2


class Sender:
    """Counts what becomes of lines. It logs only that the collector is lost or reached again, so that its own lines,
    which are sent as well, cause no further ones."""

    def __init__(
        self,
        settings: ModelLogAggregationSubcontract,
        queue: LineQueue,
        bodies: RequestBodies,
        collector: Collector,
        report: Callable[[str, str], None],
    ) -> None:
        """``report`` is called when the collector is lost or reached again: event, detail."""
        self._settings = settings
        self._queue = queue
        self._bodies = bodies
        self._collector = collector
        self._report = report
        self._parts: deque[Sequence[bytes]] = deque()
        """The batch that is being sent, in the parts into which refusals have split it."""
        self._refusals_left = 0
        self._one = asyncio.Lock()
        self._dropped_before = 0
        """Dropped lines when the collector was lost."""
        self._wait = 0.0
        self.problem = ""
        """Why the latest request failed or lost lines. Empty after one that did not."""
        self.sent = self.refused = self.failures = 0

    @property
    def lines(self) -> int:
        """Number of lines of the current batch."""
        return sum(map(len, self._parts))

    def new_loop(self) -> None:
        """Forget the event loop on which the sender was used before."""
        self._one = asyncio.Lock()

    async def flush(self) -> bool:
        """Send the lines that wait now. Return False when an attempt failed."""
        async with self._one:
            left = len(self._queue)
            while self._parts or left > 0:
                if not self._parts:
                    settings = self._settings
                    room = settings.max_request_bytes - self._bodies.overhead
                    batch = self._queue.take(settings.max_batch_lines, room)
                    if not batch:  # a long line has taken the place of several meanwhile
                        break
                    left -= len(batch)
                    self._parts.append(batch)
                    self._refusals_left = _MOST_REFUSALS
                if not await self._send_parts():
                    return False
            return True

    async def _send_parts(self) -> bool:
        while self._parts:
            part = self._parts[0]
            outcome = await self._collector.post(self._bodies.body(part), len(part))
            if outcome.kind is EnumOutcome.FAILED:
                self._wait = outcome.wait
                self.failures += 1
                self._lost(outcome.problem)
                return False
            if not self._parts:  # dropped meanwhile
                break
            self._parts.popleft()
            self._finished(part, outcome)
        return True

    def _finished(self, part: Sequence[bytes], outcome: Outcome) -> None:
        if outcome.kind is EnumOutcome.ACCEPTED:
            self.sent += len(part) - outcome.refused
            self.refused += outcome.refused
            if outcome.problem:
                self._lost(outcome.problem)
            else:
                self._reached()
            return
        self.failures += 1
        self._refusals_left -= 1
        self._lost(outcome.problem)
        if len(part) == 1 or self._refusals_left <= 0:
            self.refused += len(part)
        else:
            middle = len(part) // 2
            self._parts.extendleft((part[middle:], part[:middle]))

    def delay(self, failures: int) -> float:
        """Return the seconds until the next attempt, after this number of failed ones in a row."""
        settings = self._settings
        delay = exponential(failures, settings.base_delay_seconds, settings.max_delay_seconds)
        return max(self._wait, delay * random.uniform(1 - _JITTER, 1 + _JITTER))  # not all nodes together

    def drop(self) -> None:
        """Give up the current batch, and count its lines."""
        self._queue.dropped += self.lines
        self._parts.clear()

    def _lost(self, problem: str) -> None:
        if not self.problem:
            self._dropped_before = self._queue.dropped
            log.warning("log lines not delivered", error=problem)
            self._report("unreachable", problem)
        self.problem = problem

    def _reached(self) -> None:
        if self.problem:
            self.problem = ""
            log.info("log lines delivered again", dropped=self._queue.dropped - self._dropped_before)
            self._report("reached", "")
