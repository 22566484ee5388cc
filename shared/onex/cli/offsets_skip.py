"""``onex offsets skip``: makes a dead letter of a record that blocks a partition."""

from typing import Annotated

import typer

from onex.bus.protocols import Partition, ProtocolRecord
from onex.cli.author import Reason, Who, author_of
from onex.cli.bus import open_own_bus
from onex.cli.inputs import LAST_PARTITION
from onex.cli.node_lookup import find_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, print_json, when
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import OffsetSkipper
from onex.errors import PoisonError, RejectedError
from onex.util.printable import one_line
from onex.wire.foreign_headers import readable_headers
from onex.wire.timer_offset import due_ms_of

_SHOWN = 300


def skip(
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    topic: Annotated[str, typer.Argument(help="Topic of the blocked partition, as in /readyz.")],
    partition: Annotated[int, typer.Argument(min=0, max=LAST_PARTITION, help="Number of the partition.")],
    offset: Annotated[int, typer.Argument(min=0, help="Offset of the record that blocks it.")],
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Make the change. Without it, only show the record.")] = False,
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Turn a record that ends the process of its node into a dead letter, so that its partition continues.

    A record that blocks no partition is left alone. Replay the dead letter when the node is fixed.
    """
    settings = load_settings(services)
    bus = open_own_bus(settings)
    resolved = resolve_node(find_node(node, settings), settings.topic_prefix)
    skipper = OffsetSkipper(bus, open_catalogue(settings, bus), resolved, author_of(who, reason), settings.env)
    place = Partition(topic, partition)

    def found() -> ProtocolRecord | None:
        if not reason.strip():
            raise RejectedError("--reason is empty")
        return skipper.find(place, offset)

    record = found()
    if yes:
        skipper.skip(place, offset, record)
    shown = _shown(record, offset)
    if as_json:
        print_json({"node": resolved.contract.name, "topic": topic, "partition": partition, **shown, "skipped": yes})
        return
    for name, value in shown.items():
        console.print(f"{name}: {value}")
    if yes:
        console.print(f"{topic}[{partition}] continues after offset {offset} when its agent has read this")
    else:
        console.print("nothing is written; --yes makes this record a dead letter")


def _shown(record: ProtocolRecord | None, offset: int) -> dict[str, object]:
    """Return the fields of a record as printable text. It is not decoded: decoding may end the process."""
    if record is None:
        return {"timer due": when(due_ms_of(offset)).isoformat()}
    return {
        "offset": offset,
        "time": when(record.timestamp()[1]).isoformat(),
        "key": _text(record.key()),
        "headers": _headers(record),
        "value": _text(record.value()),
        "bytes": len(record.value() or b""),
    }


def _headers(record: ProtocolRecord) -> dict[str, str | None] | str:
    try:
        return {one_line(name): _text(value) for name, value in readable_headers(record)}
    except PoisonError as error:
        return str(error)


def _text(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    text = raw[:_SHOWN].decode(errors="backslashreplace")
    return f"{one_line(text)} ..." if len(raw) > _SHOWN else one_line(text)
