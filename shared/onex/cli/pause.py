"""``onex pause`` and ``onex resume``: whether the agents of a node take inputs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from onex.cli.author import Who, Why, author_of
from onex.cli.bus import open_own_bus
from onex.cli.node_lookup import find_node
from onex.cli.options import Services, load_settings
from onex.cli.output import AsJson, console, print_json
from onex.connect import open_catalogue
from onex.contract import resolve_node
from onex.dlq import Audit
from onex.dlq.manager import Transaction
from onex.model.mesh import EnumDeadLetterAction, IntakeOrdered
from onex.schema.intake_orders import IntakeOrders
from onex.util.printable import one_line

NodeName = Annotated[str, typer.Argument(help="Name of the node.")]


def pause(
    node: NodeName,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Have all agents of a node take no inputs, also those that start later, until `onex resume`.

    Messages that an agent has taken already get done. Inputs wait in their topics, timers until the node resumes.
    """
    _order(node, paused=True, why=why, who=who, services=services, as_json=as_json)


def resume(
    node: NodeName,
    why: Why = "",
    who: Who = "",
    services: Services = None,
    as_json: AsJson = False,
) -> None:
    """Have the agents of a paused node take inputs again, from where they stopped."""
    _order(node, paused=False, why=why, who=who, services=services, as_json=as_json)


def _order(node: str, *, paused: bool, why: str, who: str, services: list[Path] | None, as_json: bool) -> None:
    settings, author = load_settings(services), author_of(who, why)
    bus = open_own_bus(settings)
    catalogue = open_catalogue(settings, bus)
    orders = IntakeOrders(bus, catalogue, settings.env, settings.topic_prefix)
    pauses = orders.refresh()
    if not paused and node in pauses:  # also a node whose contract is gone
        name = node
    else:
        name = resolve_node(find_node(node, settings), settings.topic_prefix).contract.name
    changes = (name in pauses) is not paused
    if changes:
        at = datetime.now(UTC)
        order = IntakeOrdered(node=name, env=settings.env, paused=paused, who=author.who, why=author.why, at=at)
        record = orders.record_of(order)
        audit = Audit(bus, catalogue, settings.topic_prefix)
        action = EnumDeadLetterAction.INTAKE_PAUSED if paused else EnumDeadLetterAction.INTAKE_RESUMED
        with Transaction(bus.transaction(f"{settings.topic_prefix}{settings.env}.{name}.intake")) as transaction:
            transaction.produce(record.topic, record.value, record.key, record.headers)
            audit.add(transaction, orders.topic, name, "", action, author)
    if as_json:
        print_json({"node": name, "paused": paused, "changed": changes})
        return
    state = "paused" if paused else "not paused"
    if not changes:
        console.print(one_line(f"{name} is {state} already"))
        return
    done = "take no more inputs" if paused else "take inputs again"
    console.print(one_line(f"{name} is {state}: its agents {done} within two seconds"))
