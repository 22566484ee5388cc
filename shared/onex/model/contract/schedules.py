"""Commands that the scheduler of the mesh sends to a node at declared times."""

import json

from pydantic import Field, JsonValue, field_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import ClassName
from onex.model.duration import Duration
from onex.model.enums import EnumAfterOutage
from onex.util.cron import parse_cron
from onex.util.zones import zone_of

LONGEST_PAYLOAD = 64 * 1024
"""Characters of a payload in JSON."""
MOST_SCHEDULES = 100


class ModelSchedule(ContractPart):
    """A command that the node receives at the times of a cron expression."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)
    """Name of the schedule, unique in the contract: ``daily-report``."""
    schedule: str
    """Five fields of crontab(5): minute, hour, day, month, weekday. ``0 6 * * *`` is six o'clock every day."""
    zone: str = "UTC"
    """Time zone of the IANA database: ``Europe/Berlin``. Local times that clocks skip come as much later; those that
    come twice count once, unless the hour begins with ``*``."""
    command: ClassName | None = None
    """Command to send. It may be left out where the node takes one command."""
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields of the command. In texts, ``{due}`` is the due time in UTC, and ``{date}`` its date in the zone."""
    after_outage: EnumAfterOutage = EnumAfterOutage.RUN_ONCE
    """What becomes of due times that passed while the scheduler was away."""
    late_after: Duration = 60.0
    """For ``skip``: a command that is at most this late is sent."""

    @field_validator("schedule")
    @classmethod
    def _is_a_cron_expression(cls, text: str) -> str:
        parse_cron(text)
        return text

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        zone_of(name)
        return name

    @field_validator("payload")
    @classmethod
    def _is_short(cls, payload: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if (length := len(json.dumps(payload, ensure_ascii=False))) > LONGEST_PAYLOAD:
            raise ValueError(f"the payload has {length} characters in JSON; at most {LONGEST_PAYLOAD}")
        return payload
