"""``onex schedules``: lists, pauses, resumes, carries out and removes schedules."""

import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from onex.cli.author import Who, Why, author_of
from onex.cli.bus import open_bus, open_own_bus
from onex.cli.installed_nodes import SCHEDULER
from onex.cli.node_lookup import resolve_all, scheduler_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, errors, print_json, print_rows
from onex.cli.schedules.book import ScheduleBook, declared_by_nodes
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.dlq import Author
from onex.schedules import EnumScheduleAction, ScheduleDefinition, ScheduleState
from onex.settings import Settings

app = typer.Typer(no_args_is_help=True, help="List, pause, resume, carry out and remove schedules.")
_OVERDUE = timedelta(seconds=60)
_PATIENCE = 15.0
"""Seconds to wait until the scheduler has a schedule that was just set."""

Names = Annotated[
    list[str], typer.Argument(help="Schedules: full names, or the last part of a name when it is unique.")
]


@app.command("list")
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


@app.command()
def pause(names: Names, why: Why = "", who: Who = "", services: Services = None, as_json: AsJson = False) -> None:
    """Pause schedules. Due times that pass meanwhile are skipped."""
    _write(EnumScheduleAction.PAUSE, names, author_of(who, why), load_settings(services), as_json=as_json)


@app.command()
def resume(names: Names, why: Why = "", who: Who = "", services: Services = None, as_json: AsJson = False) -> None:
    """Resume schedules, from their next due time on."""
    _write(EnumScheduleAction.RESUME, names, author_of(who, why), load_settings(services), as_json=as_json)


@app.command()
def run(names: Names, why: Why = "", who: Who = "", services: Services = None, as_json: AsJson = False) -> None:
    """Send the commands of schedules now, in addition to their due times, also while they are paused."""
    _write(EnumScheduleAction.RUN, names, author_of(who, why), load_settings(services), as_json=as_json)


@app.command()
def remove(names: Names, why: Why = "", who: Who = "", services: Services = None, as_json: AsJson = False) -> None:
    """Remove schedules of nodes whose contracts are gone. `onex apply` removes those of other nodes, and sets again
    what a contract declares."""
    _write(EnumScheduleAction.REMOVE, names, author_of(who, why), load_settings(services), as_json=as_json)


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


def full_names(wanted: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the full names of schedules, each once. Raise CommandError for an unknown or ambiguous name."""
    names: list[str] = []
    for name in wanted:
        matching = [name] if name in known else [each for each in known if each.rpartition(".")[2] == name]
        if len(matching) != 1:
            choice = ", ".join(sorted(matching or known)) or "none"
            problem = "is the name of several schedules" if matching else "is no schedule; there are"
            raise CommandError(f"{name!r} {problem}: {choice}")
        names += matching
    return [*dict.fromkeys(names)]


def _condition(state: ScheduleState, now: datetime) -> str:
    if state.problem:
        return state.problem
    if state.paused:
        return "paused"
    return "overdue" if state.next_due is not None and now - state.next_due > _OVERDUE else "active"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _write(
    action: EnumScheduleAction, names: list[str], author: Author, settings: Settings, *, as_json: bool
) -> None:
    nodes = resolve_all(settings)
    bus = open_own_bus(settings)
    book = ScheduleBook(bus, open_catalogue(settings, bus), scheduler_node(settings, nodes))
    declared, _ = declared_by_nodes(nodes)
    states, deadline = book.states(), time.monotonic() + _PATIENCE
    schedules = full_names(names, {*states, *declared})
    while not states.keys() >= {*schedules}:  # the scheduler takes what `onex apply` has just set
        if time.monotonic() > deadline:
            missing = ", ".join(schedule for schedule in schedules if schedule not in states)
            words = f"{SCHEDULER} has not taken {missing} within {_PATIENCE:g} s; run `onex apply`, or start it"
            raise CommandError(words, Exit.TIMEOUT)
        time.sleep(0.1)
        states = book.states()
    ids = book.order(action, schedules, author, settings.env)
    if as_json:
        pairs = zip(schedules, ids, strict=True)
        print_json([{"schedule": schedule, "action": action.value, "id": identity} for schedule, identity in pairs])
        return
    for schedule, identity in zip(schedules, ids, strict=True):
        console.print(styled("{}  {}  [dim]{}[/]", action.value, schedule, identity))
