"""``onex top``: shows the mesh live on one screen."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from onex.cli.keys import terminal_keys
from onex.cli.nodes import as_dict, open_survey, registry_remark
from onex.cli.options import Services
from onex.cli.output import AsJson, console, print_json
from onex.cli.roster import SORT_KEYS, SORTS, RosterRow, roster_head, roster_table, sorted_rows
from onex.errors import BusError
from onex.mesh import NodeView
from onex.util.printable import one_line


@dataclass(frozen=True, slots=True)
class Sample:
    """A node, and its rate since the previous sample: committed offsets per second."""

    view: NodeView
    rate: float

    @property
    def row(self) -> RosterRow:
        """The node as a row of the table."""
        view = self.view
        return RosterRow(
            node=view.name,
            kind=view.kind,
            instances=tuple(entry.node.node_id for entry in view.instances),
            rate=self.rate,
            lag=view.lag,
            dead_letters=view.dead_letters,
            state=view.state,
            paused=view.pause is not None,
            health=view.health,
        )


_KEYS = f"q quit   {SORT_KEYS}"


def _rate(view: NodeView, before: int | None, seconds: float) -> float:
    return 0.0 if before is None or seconds <= 0 else max(0.0, (view.processed - before) / seconds)


def top(
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between samples.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Take two samples, print one, and exit.")] = False,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show throughput, lag, dead letters and health of every node live. Press q to end.

    With --json, print one document per sample.
    """
    survey = open_survey(services)
    before: dict[str, int] = {}
    sampled_at = 0.0

    def look() -> list[Sample]:
        nonlocal sampled_at
        views = survey.look()
        seconds, sampled_at = survey.looked_at - sampled_at, survey.looked_at
        samples = [Sample(view, _rate(view, before.get(view.name), seconds)) for view in views]
        before.update({view.name: view.processed for view in views})
        return samples

    look()
    with suppress(KeyboardInterrupt):
        if as_json or once:
            _print(look, lambda: registry_remark(survey), interval, once, as_json)
        else:
            _live(look, lambda: registry_remark(survey), interval)


def _print(
    look: Callable[[], list[Sample]], remark: Callable[[], str], interval: float, once: bool, as_json: bool
) -> None:
    while True:
        time.sleep(interval)
        samples = look()
        if as_json:
            print_json([{**as_dict(sample.view), "rate": round(sample.rate, 1)} for sample in samples])
        else:
            console.print(_screen(samples, "n", remark()))
        if once:
            return


def _live(look: Callable[[], list[Sample]], remark: Callable[[], str], interval: float) -> None:
    order, samples, message = "n", list[Sample](), ""
    with terminal_keys() as key, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                samples, message = look(), remark()
            except BusError as error:
                message = str(error)
            live.update(_screen(samples, order, message), refresh=True)
            deadline = time.monotonic() + interval
            while (left := deadline - time.monotonic()) > 0:
                pressed = key(left)
                if pressed in ("q", "\x03"):
                    return
                if pressed in SORTS:
                    order = pressed
                    live.update(_screen(samples, order, message), refresh=True)


def _screen(samples: list[Sample], order: str, message: str) -> RenderableType:
    rows = [sample.row for sample in samples]
    foot = Text.assemble((f"{one_line(message)}\n" if message else "", "red"), (_KEYS, "dim"))
    return Group(roster_head("onex top", rows), Text(), roster_table(sorted_rows(rows, order)), Text(), foot)
