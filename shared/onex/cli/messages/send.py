"""``onex send``: publishes a command, and waits for its completion when asked to."""

import time
import uuid
from collections.abc import Sequence
from typing import Annotated

import typer

from onex.bus.protocols import Headers, Outgoing
from onex.cli.bus import open_own_bus
from onex.cli.inputs import pairs, read_text
from onex.cli.messages.follower import Follower
from onex.cli.messages.last_command import LastCommand, note_command
from onex.cli.messages.print_seen import print_seen
from onex.cli.node_lookup import Addressee, find_addressee, resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, Exit, console, print_json
from onex.cli.terminal import styled
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.errors import PoisonError, RejectedError
from onex.schema import Codec, codec_of
from onex.wire.cloudevents import first_headers
from onex.wire.headers import deadline_in


def send(
    command: Annotated[str, typer.Argument(help="Command: orders.place-order, PlaceOrder, or a full topic name.")],
    payload: Annotated[str, typer.Argument(help="Message as JSON, @FILE, or - for standard input.")] = "-",
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Show the steps and wait for the completion.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.", min=0.1)] = 60.0,
    message_id: Annotated[str, typer.Option("--id", help="Message id. The same id starts nothing twice.")] = "",
    key: Annotated[str, typer.Option(help="Partition key, when the message type has no key.")] = "",
    header: Annotated[list[str] | None, typer.Option(help="Header to add, NAME=VALUE. Repeatable.")] = None,
    answer_within: Annotated[
        float, typer.Option(help="Deadline: seconds after which the reply is of no use. Default: no deadline.", min=0)
    ] = 0.0,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Publish a command. With --wait, exit code 0: completed, 1: failed, 6: timed out."""
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
    event_bus = target.node.contract.event_bus
    codec = codec_of(event_bus, target.model, target.topic, catalogue)
    headers = [
        *first_headers(target.topic, b"/onex/cli", identity, content_type=codec.content_type),
        *_headers(header or ()),
    ]
    headers += [*event_bus.type_headers(target.topic, target.model.__name__), *deadline_in(answer_within)]
    follower = Follower(bus, catalogue, nodes) if wait else None
    note_command(settings, LastCommand(command=command, payload=text, key=key, headers=tuple(header or ())))
    bus.publish(Outgoing(target.topic, codec.encode(message), record_key, headers))
    if follower is None:
        _print_sent(identity, target, as_json)
        return
    raise typer.Exit(_wait(follower, identity, target, timeout, as_json))


def _headers(texts: Sequence[str]) -> Headers:
    return [(name, value.encode()) for text in texts for name, value in pairs([text], "--header").items()]


def _wait(follower: Follower, identity: str, target: Addressee, timeout: float, as_json: bool) -> int:
    completed, failed = _endings(target.node)
    started = time.monotonic()
    try:
        while time.monotonic() - started < timeout:
            for seen in follower.poll(0.05):
                if seen.correlation_id != identity:
                    continue
                print_seen(seen, time.monotonic() - started, as_json=as_json)
                if seen.type_name in completed:
                    return Exit.OK
                if seen.type_name in failed or (
                    seen.type_name == "dead letter" and seen.source == target.node.contract.name
                ):
                    return Exit.FAILED
    finally:
        follower.close()
    how = f"`onex watch {identity} --from-beginning` shows what happened"
    raise CommandError(f"no completion within {timeout:g} s; {how}", Exit.TIMEOUT)


def _endings(node: ResolvedNode) -> tuple[set[str], set[str]]:
    """Return the names of the events that complete a command, and of those that fail it."""
    if workflow := node.contract.workflow_coordination:
        return {workflow.completed}, {workflow.failed}
    return {model.__name__ for model in node.outputs}, set()


def _print_sent(identity: str, target: Addressee, as_json: bool) -> None:
    if as_json:
        print_json({"id": identity, "topic": target.topic})
    else:
        console.print(styled("{}  [dim]to {}[/]", identity, target.topic))


def _read(payload: str) -> str:
    if payload == "-" or payload.startswith("@"):
        return read_text(payload.removeprefix("@"), "PAYLOAD")
    return payload
