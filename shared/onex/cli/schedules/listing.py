"""``onex schedules list``."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from onex.cli.bus import open_bus
from onex.cli.installed_nodes import SCHEDULER
from onex.cli.node_lookup import resolve_all, scheduler_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, errors, print_json, print_rows
from onex.cli.schedules.book import ScheduleBook, declared_by_nodes
from onex.connect import open_catalogue
from onex.schedules import ScheduleDefinition, ScheduleState

_OVERDUE = timedelta(seconds=60)


def list_schedules(services: Services = None, as_json: AsJson = False) -> None:
    """List the schedules of the mesh, with their next and last due times."""
    settings = load_settings(services)
    nodes = resolve_all(settings)
    bus = open_bus(settings)
    states = ScheduleBook(bus, open_catalogue(settings, bus), scheduler_node(settings, nodes)).states()
    declared, _ = declared_by_nodes(nodes)
    rows = rows_of(states, declared, datetime.now(UTC))
    if as_json:
        print_json(rows)
        return
    columns = ("SCHEDULE", "TIMES", "ZONE", "STATE", "NEXT", "LAST", "AFTER OUTAGE")
    facts = ("schedule", "times", "zone", "state", "next", "last", "after_outage")
    print_rows(columns, [[row[fact] or "" for fact in facts] for row in rows])
    if any(row["state"] in ("overdue", "not taken yet") for row in rows):
        errors.print(
            f"{SCHEDULER} is behind, or does not run: `onex nodes` shows it, `onex run {SCHEDULER}` starts it"
        )


def rows_of(
    states: Mapping[str, ScheduleState], declared: Mapping[str, ScheduleDefinition], now: datetime
) -> list[dict[str, str | None]]:
    """Return the facts of each schedule that the scheduler has, or that a contract declares."""
    rows: list[dict[str, str | None]] = []
    for name in sorted({*states, *declared}):
        state = states.get(name)
        definition = declared[name] if state is None else state.definition
        rows.append(
            {
                "schedule": name,
                "times": definition.cron,
                "zone": definition.zone,
                "state": "not taken yet" if state is None else _condition(state, now),
                "next": _time(None if state is None else state.next_due),
                "last": _time(None if state is None else state.last_due),
                "last_id": None if state is None else state.last_id or None,
                "skipped_until": _time(None if state is None else state.skipped_until),
                "after_outage": definition.after_outage.value,
                "topic": definition.topic,
            }
        )
    return rows


def _condition(state: ScheduleState, now: datetime) -> str:
    if state.problem:
        return state.problem
    if state.paused:
        return "paused"
    return "overdue" if state.next_due is not None and now - state.next_due > _OVERDUE else "active"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
