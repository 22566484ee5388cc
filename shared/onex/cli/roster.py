"""The table of nodes with rate, lag and dead letters, as ``onex top`` and ``onex dev`` show it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict
from rich.table import Table
from rich.text import Text

from onex.cli.output import table_of


class RosterRow(BaseModel):
    """A node. The fields are those of ``onex top --json``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    node: str
    kind: str
    instances: tuple[str, ...]
    rate: float
    """Committed offsets per second since the sample before."""
    lag: int
    dead_letters: int
    state: str
    paused: bool = False
    health: str


SORTS: Final[Mapping[str, Callable[[RosterRow], tuple[float, str]]]] = {
    "n": lambda row: (0.0, row.node),
    "r": lambda row: (-row.rate, row.node),
    "l": lambda row: (-row.lag, row.node),
    "d": lambda row: (-row.dead_letters, row.node),
}
"""Orders of the rows, by key."""
SORT_KEYS: Final = "n name   r rate   l lag   d dead letters"
_HEADERS: Final = ("NODE", "KIND", "PROCESSES", "RECORDS/S", "LAG", "DEAD", "STATE", "HEALTH")


def sorted_rows(rows: Sequence[RosterRow], order: str) -> list[RosterRow]:
    """Return the rows in the order of a key."""
    return sorted(rows, key=SORTS[order])


def roster_head(title: str, rows: Sequence[RosterRow]) -> Text:
    """Return a line with the sums."""
    unhealthy = sum(row.health not in ("", "healthy") for row in rows)
    return Text.assemble(
        (f"{title}  ", "bold"),
        f"{len(rows)} nodes  {sum(len(row.instances) for row in rows)} processes  "
        f"{sum(row.rate for row in rows):,.0f}/s  {sum(row.lag for row in rows):,} behind  ",
        (f"{unhealthy} not healthy" if unhealthy else "all healthy", "red" if unhealthy else "green"),
    )


def roster_table(rows: Sequence[RosterRow], chosen: str = "") -> Table:
    """Return the table, in the order of the rows. The row of the chosen node is marked."""
    cells = [
        (
            row.node,
            row.kind,
            len(row.instances),
            f"{row.rate:,.1f}",
            f"{row.lag:,}",
            f"{row.dead_letters:,}",
            "paused" if row.paused else row.state,
            row.health,
        )
        for row in rows
    ]
    table = table_of(_HEADERS, cells)
    for column in table.columns[2:6]:
        column.justify = "right"
    for row, shown in zip(rows, table.rows, strict=True):
        if row.node == chosen:
            shown.style = "reverse"
    return table
