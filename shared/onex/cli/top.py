"""``onex top``: shows the mesh live on one screen."""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from onex.cli.nodes import as_dict, open_survey, registry_remark, state_of
from onex.cli.options import Services
from onex.cli.output import AsJson, console, print_json, table_of
from onex.errors import BusError
from onex.mesh import NodeView
from onex.util.printable import one_line


@dataclass(frozen=True, slots=True)
class Sample:
    """A node, and its rate since the previous sample: committed offsets per second."""

    view: NodeView
    rate: float


_KEYS = "q quit   n name   r rate   l lag   d dead letters"
_SORTS: Mapping[str, Callable[["Sample"], tuple[float, str]]] = {
    "n": lambda sample: (0.0, sample.view.name),
    "r": lambda sample: (-sample.rate, sample.view.name),
    "l": lambda sample: (-sample.view.lag, sample.view.name),
    "d": lambda sample: (-sample.view.dead_letters, sample.view.name),
}
_COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red", "gone": "red"}


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
    with _keys() as key, Live(console=console, screen=True, auto_refresh=False) as live:
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
                if pressed in _SORTS:
                    order = pressed
                    live.update(_screen(samples, order, message), refresh=True)


def _screen(samples: list[Sample], order: str, message: str) -> RenderableType:
    views = [sample.view for sample in samples]
    unhealthy = sum(view.health not in ("", "healthy") for view in views)
    head = Text.assemble(
        ("onex top  ", "bold"),
        f"{len(views)} nodes  {sum(len(view.instances) for view in views)} processes  "
        f"{sum(sample.rate for sample in samples):,.0f}/s  {sum(view.lag for view in views):,} behind  ",
        (f"{unhealthy} not healthy" if unhealthy else "all healthy", "red" if unhealthy else "green"),
    )
    rows = [
        (
            sample.view.name,
            sample.view.kind,
            len(sample.view.instances),
            f"{sample.rate:,.1f}",
            f"{sample.view.lag:,}",
            f"{sample.view.dead_letters:,}",
            state_of(sample.view),
            sample.view.health,
        )
        for sample in sorted(samples, key=_SORTS[order])
    ]
    table = table_of(("NODE", "KIND", "PROCESSES", "RECORDS/S", "LAG", "DEAD", "STATE", "HEALTH"), rows)
    for column in table.columns[2:6]:
        column.justify = "right"
    foot = Text.assemble((f"{one_line(message)}\n" if message else "", "red"), (_KEYS, "dim"))
    return Group(head, Text(), table, Text(), foot)


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Return a function that waits for one key of the terminal. Without a terminal, it waits for its timeout."""
    if not sys.stdin.isatty():

        def wait(seconds: float) -> str:
            time.sleep(seconds)
            return ""

        yield wait
        return
    saved = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)

    def key(seconds: float) -> str:
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready else ""

    try:
        yield key
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
