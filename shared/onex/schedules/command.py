"""From a definition and a due time to a command: the same both times a due time is carried out."""

import json
from datetime import UTC, datetime
from typing import NamedTuple

from onex.model.enums import EnumTopicCategory
from onex.model.message import Message
from onex.model.topic import TopicName
from onex.schedules.messages import ScheduleDefinition
from onex.schedules.recurrence import recurrence_of
from onex.schedules.template import filled, filled_text
from onex.util.zones import zone_of
from onex.wire.ids import derived_id


class CommandText(Message):
    """A command in JSON, which a node with ``event_bus.sends_any_command`` sends to its topic. It is never a record
    itself."""

    topic: str
    """Topic of the command, without the prefix of the environment."""
    text: str
    """The command in JSON."""


class ScheduledCommand(NamedTuple):
    """A command of a schedule."""

    text: str
    """JSON."""
    key: str
    id: str


def command_of(schedule: str, definition: ScheduleDefinition, due: datetime, cause: str = "") -> ScheduledCommand:
    """Return the command for a due time. ``cause``: id of the request of an operator. Raise ValueError."""
    zone = zone_of(definition.zone)
    identity = derived_id(schedule, "operator", cause) if cause else derived_id(schedule, due_ms_of(due))
    key = filled_text(definition.key, due, zone) or schedule
    return ScheduledCommand(filled(definition.payload, due, zone), key, identity)


def check_definition(definition: ScheduleDefinition, now: datetime) -> None:
    """Raise ValueError for a definition that the scheduler cannot carry out."""
    require_command_topic(definition.topic)
    recurrence_of(definition.cron, definition.zone)
    try:
        is_object = type(json.loads(definition.payload)) is dict
        command = command_of("check", definition, now)
        (command.text + command.key).encode()
    except RecursionError:
        raise ValueError("the payload is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("the payload has half of a surrogate pair, which no text in UTF-8 has") from None
    if not is_object:
        raise ValueError("the payload is no JSON object")


def require_command_topic(topic: str) -> None:
    """Raise ValueError for a name that is no topic of commands, without a prefix."""
    parsed = TopicName.parse(topic)
    if parsed.category is not EnumTopicCategory.CMD or parsed.prefix:
        raise ValueError(f"{topic} carries no commands; name a topic onex.cmd.{{owner}}.{{name}}.v{{n}}")


def due_ms_of(due: datetime) -> str:
    """Return a due time in milliseconds since 1970, as text. Texts of later times come later in the alphabet."""
    return f"{round(due.timestamp() * 1000):015}"


def due_of(text: str) -> datetime:
    """Return the due time of such a text."""
    return datetime.fromtimestamp(int(text) / 1000, UTC)
