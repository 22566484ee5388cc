"""Renders log lines from events and facts."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer, LogfmtRenderer
from structlog.typing import EventDict
from typing_extensions import override

from onex.capability import NodeIdentity, ProtocolCurrentMessage
from onex.capability.log_lines import LogLines
from onex.mixins.logging.model_logging_subcontract import EnumLogFormat, EnumLogLevel, ModelLoggingSubcontract
from onex.mixins.logging.protocol_logging import ProtocolLogging
from onex.mixins.logging.writer import LineWriter, to_stderr
from onex.util.clock import ProtocolClock
from onex.util.redaction import HIDDEN, Redactor

_LEVELS = list(EnumLogLevel)
Render = Callable[[object, str, EventDict], object]


class LoggingEngine(ProtocolLogging):
    """Renders lines with structlog's renderers. Any thread."""

    def __init__(
        self,
        settings: ModelLoggingSubcontract,
        identity: NodeIdentity,
        current_message: ProtocolCurrentMessage,
        clock: ProtocolClock,
        write: Callable[[str], None] = to_stderr,
        bound: Mapping[str, object] | None = None,
        writer: LineWriter | None = None,
        lines: LogLines | None = None,
    ) -> None:
        """``lines`` gets every line too, for capabilities that pass it on."""
        self._settings = settings
        self._identity = identity
        self._current_message = current_message
        self._clock = clock
        self._write = write
        self._bound = dict(bound or {})
        self._writer = writer or LineWriter(write, settings.log_buffer_size)
        self._lines = lines or LogLines()
        self._lowest_level = _LEVELS.index(settings.log_level)
        self._redact = Redactor(settings.sensitive_field_patterns)
        self._render = _renderer(settings.log_format)

    @override
    def debug(self, event: str, /, **facts: object) -> None:
        self._log(EnumLogLevel.DEBUG, event, facts)

    @override
    def info(self, event: str, /, **facts: object) -> None:
        self._log(EnumLogLevel.INFO, event, facts)

    @override
    def warning(self, event: str, /, **facts: object) -> None:
        self._log(EnumLogLevel.WARNING, event, facts)

    @override
    def error(self, event: str, /, **facts: object) -> None:
        self._log(EnumLogLevel.ERROR, event, facts)

    @override
    def critical(self, event: str, /, **facts: object) -> None:
        self._log(EnumLogLevel.CRITICAL, event, facts)

    @override
    def bind(self, **facts: object) -> "LoggingEngine":
        bound = {**self._bound, **facts}
        return LoggingEngine(
            self._settings,
            self._identity,
            self._current_message,
            self._clock,
            self._write,
            bound,
            self._writer,
            self._lines,
        )

    async def open(self) -> None:
        """Do nothing: the writer starts with the first line."""

    async def close(self) -> None:
        """Write all waiting lines."""
        self._writer.close()

    def reported_metrics(self) -> Mapping[str, float]:
        """Dropped lines."""
        return {"dropped": float(self._writer.dropped)}

    def _log(self, level: EnumLogLevel, event: str, facts: Mapping[str, object]) -> None:
        if _LEVELS.index(level) < self._lowest_level:
            return
        entry = self._entry(level, event, facts)
        self._lines.put(entry)
        line = str(self._render(None, level.lower(), entry))
        if self._settings.enable_async_logging:
            self._writer.put(line)
        else:
            self._write(line)

    def _entry(self, level: EnumLogLevel, event: str, facts: Mapping[str, object]) -> EventDict:
        when = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        entry: EventDict = {"timestamp": when.isoformat(), "level": level.lower(), "event": event}
        if self._settings.enable_context_logging:
            identity = self._identity
            entry.update(node=identity.name, version=identity.version, instance=identity.instance)
        if self._settings.enable_correlation_tracking and self._current_message.message_id:
            entry.update(
                correlation_id=self._current_message.correlation_id, message_id=self._current_message.message_id
            )
        for name, value in {**self._bound, **facts}.items():
            entry.setdefault(name, self._shown(name, value))
        return entry

    def _shown(self, name: str, value: object) -> object:
        if not self._settings.enable_log_redaction:
            return value
        return HIDDEN if self._redact.hides(name) else self._redact.clean(value)


def _renderer(log_format: EnumLogFormat) -> Render:
    match log_format:
        case EnumLogFormat.JSON:
            return JSONRenderer()
        case EnumLogFormat.TEXT:
            return ConsoleRenderer(colors=False)
        case EnumLogFormat.STRUCTURED:  # pragma: no branch  # there is no other format
            return LogfmtRenderer(key_order=["timestamp", "level", "event"])
