"""Takes log lines as they are written, and sends them in the background."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from typing_extensions import override

from onex.capability import HealthCheck, HealthChecks, NodeIdentity, ProtocolCurrentMessage, SharedResources
from onex.capability.log_lines import AGENT_LINES, Line, LogLines
from onex.errors import TransientError
from onex.mixins.log_aggregation.collector import Collector
from onex.mixins.log_aggregation.line_queue import LineQueue
from onex.mixins.log_aggregation.model_log_aggregation_subcontract import ModelLogAggregationSubcontract
from onex.mixins.log_aggregation.protocol_log_aggregation import ProtocolLogAggregation
from onex.mixins.log_aggregation.records import LineEncoder, RequestBodies, level_of, severity_of
from onex.mixins.log_aggregation.sender import Sender
from onex.util.clock import ProtocolClock
from onex.util.redaction import Redactor

_NAME = "log_aggregation"


class LogAggregationEngine(ProtocolLogAggregation):
    """Encodes each line in the thread that writes it, and sends batches on the loop on which it was opened."""

    def __init__(
        self,
        settings: ModelLogAggregationSubcontract,
        identity: NodeIdentity,
        clock: ProtocolClock,
        current_message: ProtocolCurrentMessage,
        lines: LogLines,
        checks: HealthChecks,
        shared: SharedResources,
        report: Callable[[str, str], None],
    ) -> None:
        """``lines`` are those of MixinLogging. ``report`` is called when the collector is lost or reached again."""
        self._settings = settings
        self._lines = lines
        self._checks = checks
        self._least = severity_of(settings.least_level.lower())
        redact = Redactor(settings.sensitive_field_patterns)
        self._encoder = LineEncoder(redact, settings.max_line_bytes, identity, clock, current_message)
        self._queue = LineQueue(settings.max_waiting_lines, settings.max_waiting_bytes, settings.drop_policy)
        self._collector = Collector(settings, clock, shared)
        self._sender = Sender(settings, self._queue, RequestBodies(identity), self._collector, report)
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._full = asyncio.Event()
        self._is_woken = False
        self._unencodable = self._cut = 0

    async def open(self) -> None:
        """Listen to lines, start sending, and add the health check. Raise OSError for ``ca_file``."""
        await self._collector.open()
        self._sender.new_loop()
        self._full, self._loop = asyncio.Event(), asyncio.get_running_loop()
        self._checks.add(HealthCheck(_NAME, self.probe, critical=False))
        self._lines.listen(self.of_node)
        if self._settings.agent_lines:
            AGENT_LINES.listen(self.of_agent)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Send the waiting lines within the limit, and stop."""
        task, self._task, self._loop = self._task, None, None
        if task is not None:
            self._lines.leave(self.of_node)
            AGENT_LINES.leave(self.of_agent)
            self._checks.remove(_NAME)
            task.cancel()
            await asyncio.wait([task])
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.flush_at_stop_seconds):
                    await self._sender.flush()
        self._sender.drop()
        self._queue.clear()
        await self._collector.close()

    def of_node(self, line: Line) -> None:
        """Add a line of the node without waiting. Raise nothing. Any thread."""
        self._put(line, "node")

    def of_agent(self, line: Line) -> None:
        """Add a line of the agent without waiting. Raise nothing. Any thread."""
        self._put(line, "agent")

    def _put(self, line: Line, source: str) -> None:
        try:
            if severity_of(level_of(line)) < self._least:
                return
            record, is_cut = self._encoder.encode(line, source)
        except Exception:  # noqa: BLE001 - a line never fails the work that writes it
            self._unencodable += 1
            return
        self._cut += is_cut
        self._queue.put(record)
        if self._is_batch():
            self._wake()

    def _is_batch(self) -> bool:
        settings = self._settings
        lines = min(settings.max_batch_lines, settings.max_waiting_lines // 2)
        return len(self._queue) >= lines or self._queue.bytes >= min(
            settings.max_request_bytes, settings.max_waiting_bytes // 2
        )

    def _wake(self) -> None:
        if (loop := self._loop) is not None and not self._is_woken:
            self._is_woken = True
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._full.set)

    @override
    async def flush(self) -> bool:
        return await self._sender.flush()

    async def probe(self) -> None:
        """Raise TransientError while the collector does not accept lines."""
        if self._sender.problem:
            raise TransientError(self._sender.problem)

    async def _run(self) -> None:
        failures = 0
        while True:
            self._full.clear()
            self._is_woken = False
            failures = 0 if await self._sender.flush() else failures + 1
            if failures:
                await asyncio.sleep(self._sender.delay(failures))
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.flush_interval_seconds):
                        await self._full.wait()

    def reported_metrics(self) -> Mapping[str, float]:
        """Lines by what became of them, lines and bytes that wait, and requests that failed or were refused."""
        sender, queue = self._sender, self._queue
        return {
            "sent": float(sender.sent),
            "dropped": float(queue.dropped),
            "refused": float(sender.refused),
            "unencodable": float(self._unencodable),
            "cut": float(self._cut),
            "failures": float(sender.failures),
            "waiting": float(len(queue) + sender.lines),
            "waiting_bytes": float(queue.bytes),
        }
