"""``onex send`` and ``onex watch``: publish a command, follow what it sets in motion."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from onex.bus.protocols import Headers, Outgoing, ProtocolEventBus
from onex.cli.bus import open_bus, open_own_bus
from onex.cli.follow import Follower, Seen
from onex.cli.inputs import pairs, read_text, seconds_of
from onex.cli.nodes import Addressee, find_addressee, resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, print_json
from onex.cli.terminal import styled
from onex.cli.waterfall import draw, hops_of
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.errors import PoisonError, RejectedError
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.util.printable import one_line
from onex.wire.cloudevents import first_headers
from onex.wire.headers import deadline_in


def send(
    command: Annotated[str, typer.Argument(help="orders.place-order, PlaceOrder, or a full topic name.")],
    payload: Annotated[str, typer.Argument(help="JSON, @FILE, or - for standard input.")] = "-",
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Show the steps and wait for the completion.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.", min=0.1)] = 60.0,
    message_id: Annotated[str, typer.Option("--id", help="Message id; a repeated one starts nothing twice.")] = "",
    key: Annotated[str, typer.Option(help="Partition key, when the message type has none.")] = "",
    header: Annotated[list[str] | None, typer.Option(help="A further header, NAME=VALUE; may be repeated.")] = None,
    answer_within: Annotated[
        float, typer.Option(help="Seconds after which the answer is of no use to anybody.", min=0)
    ] = 0.0,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Publish a command. With --wait, exit code 0 means completed, 1 failed, 6 timed out."""
    settings = load_settings(services)
    nodes = resolve_all(settings)
    target = find_addressee(command, nodes)
    text = _read(payload)
    bus = open_own_bus(settings)
    catalogue = open_catalogue(settings, bus)
    identity = message_id or uuid.uuid4().hex
    try:
        # The payload is checked before the broker is asked for the id of the schema.
        message = Codec(target.model, 0, catalogue).read_json(text.encode())
        record_key = message.partition_key() or key.encode() or identity.encode()
    except (PoisonError, RejectedError) as error:
        raise typer.BadParameter(str(error), param_hint="'PAYLOAD'") from None
    codec = Codec.of_topic(target.model, target.topic, catalogue)
    headers = [*first_headers(target.topic, b"/onex/cli", identity), *_headers(header or ())]
    headers += deadline_in(answer_within)
    follower = Follower(bus, catalogue, nodes) if wait else None
    bus.publish(Outgoing(target.topic, codec.encode(message), record_key, headers))
    if follower is None:
        _told(identity, target, as_json)
        return
    raise typer.Exit(_wait(follower, identity, target, timeout, as_json))


def _headers(given: Sequence[str]) -> Headers:
    return [(name, value.encode()) for text in given for name, value in pairs([text], "--header").items()]


def watch(
    correlation: Annotated[
        str, typer.Argument(help="Correlation id (what `onex send` prints); all when absent.")
    ] = "",
    trace: Annotated[
        str, typer.Option("--trace", help="Draw the waterfall of this trace or correlation id, and end.")
    ] = "",
    since: Annotated[str, typer.Option(help="With --trace: how far to look back, e.g. 1h.")] = "1h",
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with what is there.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds after which to end; 0 never.", min=0)] = 0.0,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show messages as they arrive, of one workflow or of all, until Ctrl-C."""
    settings = load_settings(services)
    bus = open_bus(settings)
    if trace:
        _draw(bus, open_catalogue(settings, bus), resolve_all(settings), trace, since, as_json)
        return
    follower = Follower(bus, open_catalogue(settings, bus), resolve_all(settings), from_beginning=from_beginning)
    started = time.monotonic()
    try:
        while not timeout or time.monotonic() - started < timeout:
            for seen in follower.poll(0.2):
                if correlation in ("", seen.correlation_id):
                    _show(seen, time.monotonic() - started, as_json)
    except KeyboardInterrupt:
        return
    finally:
        follower.close()


def _draw(
    bus: ProtocolEventBus,
    catalogue: ProtocolSchemaCatalogue,
    nodes: list[ResolvedNode],
    wanted: str,
    since: str,
    as_json: bool,
) -> None:
    from_ms = round((time.time() - seconds_of(since, "--since")) * 1000)
    follower = Follower(bus, catalogue, nodes, since_ms=from_ms)
    try:
        hops = hops_of(follower, wanted)
    finally:
        follower.close()
    if not hops:
        raise CommandError(f"no message of {wanted} within the last {since}; --since looks further back")
    if as_json:
        print_json([asdict(hop) for hop in hops])
        return
    for line in draw(hops):
        console.print(line)


def _wait(follower: Follower, identity: str, target: Addressee, timeout: float, as_json: bool) -> int:
    good, bad = _endings(target.node)
    started = time.monotonic()
    try:
        while time.monotonic() - started < timeout:
            for seen in follower.poll(0.05):
                if seen.correlation_id != identity:
                    continue
                _show(seen, time.monotonic() - started, as_json)
                if seen.type_name in good:
                    return Exit.OK
                if seen.type_name in bad or (
                    seen.type_name == "dead letter" and seen.source == target.node.contract.name
                ):
                    return Exit.FAILED
    finally:
        follower.close()
    how = f"`onex watch {identity} --from-beginning` shows what happened"
    raise CommandError(f"no completion within {timeout:g} s; {how}", Exit.TIMEOUT)


def _endings(node: ResolvedNode) -> tuple[set[str], set[str]]:
    """Names of the events that end what was asked for: well, and badly."""
    if workflow := node.contract.workflow_coordination:
        return {workflow.completed}, {workflow.failed}
    return {model.__name__ for model in node.outputs}, set()


def _show(seen: Seen, seconds: float, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "after_s": round(seconds, 3),
                "type": seen.type_name,
                "source": seen.source,
                "correlation_id": seen.correlation_id,
                "topic": seen.record.topic(),
                "message": json.loads(seen.message.to_stored_json()) if seen.message else None,
                "detail": None if seen.message else seen.detail,
            }
        )
        return
    colour = "red" if seen.type_name == "dead letter" else "cyan"
    name, source = f"{one_line(seen.type_name):<22}", f"{one_line(seen.source):<34}"
    facts = (name, colour), " ", (source, "dim"), " ", one_line(seen.detail)
    console.print(Text.assemble((f"{seconds:8.3f}", "dim"), "  ", *facts))


def _told(identity: str, target: Addressee, as_json: bool) -> None:
    if as_json:
        print_json({"id": identity, "topic": target.topic})
    else:
        console.print(styled("{}  [dim]to {}[/]", identity, target.topic))


def _read(payload: str) -> str:
    if payload == "-" or payload.startswith("@"):
        return read_text(payload.removeprefix("@"), "PAYLOAD")
    return payload
