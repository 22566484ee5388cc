"""The schedules of a node as the scheduler stores them, checked against the message that each sends."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import JsonValue

from onex.contract.checker import Checker
from onex.contract.resolved import ResolvedNode, Route
from onex.contract.yaml_lines import Location
from onex.errors import MessageError
from onex.model.contract import ModelContract, ModelSchedule
from onex.model.message import Message
from onex.model.topic import TopicName, carries_commands
from onex.node import Node
from onex.schedules import ScheduleDefinition, command_of
from onex.schema import message_in_json
from onex.util.partition_key import key_text

_WITHOUT_CREDENTIALS = ("MixinAuthentication", "MixinHMACValidation")
"""Capabilities that refuse commands of the scheduler, which has no credentials of a sender."""
_SAMPLE = datetime(2026, 1, 1, tzinfo=UTC)


def definitions_of(node: ResolvedNode) -> Mapping[str, ScheduleDefinition]:
    """Return the schedules that a node declares, by full name: ``node_report_effect.v1.daily``."""
    contract = node.contract
    owner = owner_of(contract)
    definitions: dict[str, ScheduleDefinition] = {}
    for schedule in contract.schedules:
        route = _route_of(schedule, node.routes.values())
        definitions[f"{owner}.{schedule.name}"] = _definition(schedule, route, contract)
    return definitions


def owner_of(contract: ModelContract) -> str:
    """Return the first part of the names of a node's schedules. Another major version has other schedules."""
    return f"{contract.name}.v{contract.contract_version.major}"


def check_schedules(
    contract: ModelContract, node_class: type[Node], routes: Sequence[Route], checker: Checker
) -> None:
    """Check that each schedule names a command of the node, with a payload that is one. Report problems.

    Routes are known only when the contract has no other problem.
    """
    if checker.problems:
        return
    for index, schedule in enumerate(contract.schedules):
        at: Location = ("schedules", index)
        for name in sorted(node_class.capabilities.names.intersection(_WITHOUT_CREDENTIALS)):
            words = f"{name} refuses what the scheduler sends, which has no credentials"
            checker.add(at, words, "let a node without it take the command and send it on")
        try:
            route = _route_of(schedule, routes)
        except LookupError as error:
            commands = ", ".join(sorted(_commands(routes))) or "none"
            checker.add((*at, "command"), str(error), f"name one of the node's commands: {commands}")
            continue
        try:
            _require_message(_definition(schedule, route, contract), route.model)
        except (ValueError, MessageError) as error:
            checker.add((*at, "payload"), str(error), f"write the fields of {route.model.__name__}")


def _commands(routes: Iterable[Route]) -> dict[str, Route]:
    return {route.model.__name__: route for route in routes if carries_commands(route.topic)}


def _route_of(schedule: ModelSchedule, routes: Iterable[Route]) -> Route:
    """Return the input that takes the command. Raise LookupError."""
    commands = {name: route for name, route in _commands(routes).items() if route.method != "cancel"}
    if schedule.command is not None:
        if schedule.command not in commands:
            raise LookupError(f"{schedule.command} is no command that the node takes")
        return commands[schedule.command]
    if len(commands) != 1:
        raise LookupError(f"the node takes {len(commands)} commands")
    return next(iter(commands.values()))


def _definition(schedule: ModelSchedule, route: Route, contract: ModelContract) -> ScheduleDefinition:
    """Return the definition. Raise ValueError for a key that the scheduler cannot make."""
    bound = contract.event_bus.topics.get(route.topic)
    field = (bound and bound.key) or route.model.key_field
    definition = ScheduleDefinition(
        node=owner_of(contract),
        cron=schedule.schedule,
        zone=schedule.zone,
        after_outage=schedule.after_outage,
        late_after=schedule.late_after,
        topic=TopicName.parse(route.topic).message_type,
        key="",
        payload=json.dumps(schedule.payload, ensure_ascii=False),
    )
    if field is None:
        return definition
    return definition.model_copy(update={"key": _key(definition, schedule.payload.get(field), field, route.model)})


def _key(definition: ScheduleDefinition, value: JsonValue, field: str, model: type[Message]) -> str:
    """Return the key of the command, or its text with placeholders."""
    key = key_text(getattr(_require_message(definition, model), field))
    match value:
        case str() if command_of("", definition.model_copy(update={"key": value}), _SAMPLE).key != value:
            if model.model_fields[field].annotation is not str:
                raise ValueError(f"{field} is the key, and has a placeholder; only a key of type str can")
            return value
        case _:
            return key


def _require_message(definition: ScheduleDefinition, model: type[Message]) -> Message:
    """Return the command for some due time. Raise ValueError or MessageError."""
    return message_in_json(model, command_of("sample", definition, _SAMPLE).text)
