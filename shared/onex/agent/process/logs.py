"""Structured logs on stderr, one line per event."""

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence

import structlog
from structlog import DropEvent
from structlog.typing import EventDict, ExcInfo, Processor, ProcessorReturnValue

from onex.agent.message.current import current_envelope, facts
from onex.capability.log_lines import AGENT_LINES
from onex.settings import Settings
from onex.util.error_text import scrubbed, text_of, traceback_text
from onex.util.printable import printable
from onex.util.redaction import HIDDEN, Redactor

_PLAIN_LIMIT = 1000
_SECRETS = Redactor(("authorization", "password", "secret", "token"))


def configure_logs(settings: Settings, **always: str) -> None:
    """Write JSON lines, or a console form, from the configured level on. ``always`` is in every line."""
    level = getattr(logging, settings.log_level.upper())
    form: list[Processor] = (
        [structlog.processors.JSONRenderer()]  # it escapes what is not ASCII
        if settings.log_format == "json"
        else [_for_terminals, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            Total(
                [
                    _add_current_message,
                    _add_to_every_line(always),
                    structlog.processors.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso", utc=True),
                    structlog.processors.ExceptionRenderer(_exception),
                    _without_secrets,
                    _pass_on,
                    *form,
                ]
            )
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class Total:
    """Runs processors. Where one fails, it writes a plain line: a log line never fails the current message."""

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._processors = processors

    def __call__(self, logger: object, method: str, event: EventDict) -> ProcessorReturnValue:
        result: ProcessorReturnValue = dict(event)
        try:
            for process in self._processors:
                result = process(logger, method, result)  # type: ignore[arg-type]  # only the last one makes text
        except DropEvent:
            raise
        except Exception as error:  # noqa: BLE001 - the line may have values of any class
            text = event.get("event")
            plain = text[:_PLAIN_LIMIT] if isinstance(text, str) else type(text).__name__
            return json.dumps({"event": plain, "level": method, "unprintable": text_of(error)})
        return result


def _exception(exc_info: ExcInfo) -> str:
    return traceback_text(exc_info[1])


def _without_secrets(_: object, __: str, event: EventDict) -> EventDict:
    """Hide credentials: URLs and the errors of clients contain them."""
    return {name: _shown(name, value) for name, value in event.items()}


def _pass_on(_: object, __: str, event: EventDict) -> EventDict:
    """Pass the line to capabilities that send it elsewhere, too."""
    AGENT_LINES.put(event)
    return event


def _for_terminals(_: object, __: str, event: EventDict) -> EventDict:
    """Escape control characters: a terminal would execute those in a text from outside."""
    return {printable(name): printable(str(value)) for name, value in event.items()}


def _shown(name: str, value: object) -> object:
    if _SECRETS.hides(name):
        return HIDDEN
    match value:
        case str():
            return scrubbed(value)
        case BaseException():
            return text_of(value)
        case Mapping() | list() | tuple():
            return _SECRETS.clean(value)
    return value


def _add_current_message(_: object, __: str, event: EventDict) -> EventDict:
    """Add correlation, workflow and trace of the current message, if there is one."""
    envelope = current_envelope()
    return event if envelope is None else {**event, **facts(envelope)}


def _add_to_every_line(always: Mapping[str, str]) -> Callable[[object, str, EventDict], EventDict]:
    """Return a processor that adds ``always``. The other threads of an agent would not see context variables."""

    def add(_: object, __: str, event: EventDict) -> EventDict:
        return {**event, **always}

    return add
