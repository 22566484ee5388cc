"""``onex watch``: shows messages as they arrive, or a trace as a waterfall."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from onex.bus.protocols import ProtocolEventBus
from onex.cli.bus import open_bus
from onex.cli.inputs import seconds_of
from onex.cli.messages.follower import Follower
from onex.cli.messages.print_seen import print_seen
from onex.cli.messages.waterfall import draw, hops_of
from onex.cli.node_lookup import resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, CommandError, console, print_json
from onex.connect import open_catalogue
from onex.contract import ResolvedNode
from onex.schema import ProtocolSchemaCatalogue


def watch(
    correlation: Annotated[
        str, typer.Argument(help="Correlation id, as `onex send` prints it. Default: all messages.")
    ] = "",
    trace: Annotated[
        str, typer.Option("--trace", help="Draw the waterfall of this trace or correlation id, and exit.")
    ] = "",
    since: Annotated[str, typer.Option(help="With --trace: age of the oldest message, e.g. 1h.")] = "1h",
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest records.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds after which the command ends. 0: never.", min=0)] = 0.0,
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Show messages as they arrive, of one workflow or of all. Press Ctrl-C to end."""
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
                    print_seen(seen, time.monotonic() - started, as_json=as_json)
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
