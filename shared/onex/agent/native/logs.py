"""Structured logs on stderr, one line per event."""

import logging
import sys
from collections.abc import Callable, Mapping

import structlog
from structlog.typing import EventDict

from onex.agent.current import CURRENT, facts
from onex.settings import Settings


def configure_logs(settings: Settings, **always: str) -> None:
    """JSON lines (or a console form) from the given level on; ``always`` stands in every line."""
    level = getattr(logging, settings.log_level.upper())
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            _add_message_in_hand,
            _stand_in_every_line(always),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _add_message_in_hand(_: object, __: str, event: EventDict) -> EventDict:
    """Correlation, workflow and trace of the message that is being handled, if one is."""
    envelope = CURRENT.get()
    return event if envelope is None else {**event, **facts(envelope)}


def _stand_in_every_line(always: Mapping[str, str]) -> Callable[[object, str, EventDict], EventDict]:
    """Context variables would be lost on the other threads of an agent."""

    def add(_: object, __: str, event: EventDict) -> EventDict:
        return {**event, **always}

    return add
