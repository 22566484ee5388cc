"""Structured logs on stderr, one line per event."""

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence

import structlog
from structlog import DropEvent
from structlog.typing import EventDict, ExcInfo, Processor, ProcessorReturnValue

from onex.agent.message.current import CURRENT, facts
from onex.settings import Settings
from onex.util.error_text import scrubbed, text_of, traceback_text
from onex.util.printable import printable
from onex.util.redaction import HIDDEN, Redactor

_PLAIN_LIMIT = 1000
_SECRETS = Redactor(("authorization", "password", "secret", "token"))


def configure_logs(settings: Settings, **always: str) -> None:
    """JSON lines (or a console form) from the given level on; ``always`` stands in every line."""
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
                    _add_message_in_hand,
                    _stand_in_every_line(always),
                    structlog.processors.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso", utc=True),
                    structlog.processors.ExceptionRenderer(_exception),
                    _without_secrets,
                    *form,
                ]
            )
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class Total:
    """Runs processors; where one of them fails, the line is plain. A log line never fails the message it is about."""

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._processors = processors

    def __call__(self, logger: object, method: str, event: EventDict) -> ProcessorReturnValue:
        given: ProcessorReturnValue = dict(event)
        try:
            for process in self._processors:
                given = process(logger, method, given)  # type: ignore[arg-type]  # only the last one makes text
        except DropEvent:
            raise
        except Exception as error:  # noqa: BLE001 - values of anybody are in the line
            words = event.get("event")
            plain = words[:_PLAIN_LIMIT] if isinstance(words, str) else type(words).__name__
            return json.dumps({"event": plain, "level": method, "unprintable": text_of(error)})
        return given


def _exception(exc_info: ExcInfo) -> str:
    return traceback_text(exc_info[1])


def _without_secrets(_: object, __: str, event: EventDict) -> EventDict:
    """Credentials stand in URLs and in the errors of clients, whatever logs them."""
    return {name: _shown(name, value) for name, value in event.items()}


def _for_terminals(_: object, __: str, event: EventDict) -> EventDict:
    """Escape the texts of any writer, so that no terminal obeys them."""
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


def _add_message_in_hand(_: object, __: str, event: EventDict) -> EventDict:
    """Correlation, workflow and trace of the message that is being handled, if one is."""
    envelope = CURRENT.get()
    return event if envelope is None else {**event, **facts(envelope)}


def _stand_in_every_line(always: Mapping[str, str]) -> Callable[[object, str, EventDict], EventDict]:
    """Context variables would be lost on the other threads of an agent."""

    def add(_: object, __: str, event: EventDict) -> EventDict:
        return {**event, **always}

    return add
