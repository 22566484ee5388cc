"""``onex schedules``: pauses, resumes, carries out and removes schedules."""

import time
from collections.abc import Collection, Iterable
from typing import Annotated

import typer

from onex.cli.author import Who, Why, author_of
from onex.cli.bus import open_own_bus
from onex.cli.installed_nodes import SCHEDULER
from onex.cli.node_lookup import resolve_all, scheduler_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, print_json
from onex.cli.schedules.book import ScheduleBook, declared_by_nodes
from onex.cli.schedules.listing import list_schedules
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.dlq import Author
from onex.schedules import EnumScheduleAction
from onex.settings import Settings

app = typer.Typer(no_args_is_help=True, help="List, pause, resume, carry out and remove schedules.")
app.command("list")(list_schedules)
_PATIENCE = 15.0
"""Seconds to wait until the scheduler has a schedule that was just set."""

Names = Annotated[
    list[str], typer.Argument(help="Schedules: full names, or the last part of a name when it is unique.")
]


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
