"""The messages that a contract names, and where."""

from collections.abc import Sequence

from onex.contract.yaml_lines import Location
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind

Used = tuple[Location, str]
"""A location in the contract, and the message that it names."""


def inputs_of(contract: ModelContract) -> list[Used]:
    """Return the messages that the contract names as inputs. The start command of a workflow is only subscribed."""
    at: Location = ("workflow_coordination", "steps")
    if routing := contract.handler_routing:
        return [(("handler_routing", "handlers", i), item.event_model) for i, item in enumerate(routing.handlers)]
    if workflow := contract.workflow_coordination:
        return [((*at, i), name) for i, step in enumerate(workflow.steps) for name in step.answers]
    return [(("input_model",), contract.input_model or "")]


def outputs_of(contract: ModelContract) -> list[Used]:
    """Return the messages that the contract names as outputs."""
    at: Location = ("workflow_coordination",)
    if routing := contract.handler_routing:
        return [
            (("handler_routing", "handlers", i), name)
            for i, item in enumerate(routing.handlers)
            for name in item.output_events
        ]
    if workflow := contract.workflow_coordination:
        ends = (("completed", workflow.completed), ("failed", workflow.failed), ("progress", workflow.progress))
        return [
            *(
                ((*at, "steps", i), name)
                for i, s in enumerate(workflow.steps)
                for name in (s.command, s.compensate)
                if name
            ),
            *(((*at, key), name) for key, name in ends if name),
        ]
    return [(("output_model",), contract.output_model)] if contract.output_model else []


def subscribed(contract: ModelContract) -> list[str]:
    """Return the messages of the subscribed topics, as far as the contract defines them."""
    by_topic = contract.messages_by_topic()
    return [by_topic[topic] for topic in contract.event_bus.subscribe_topics if topic in by_topic]


def start_commands(contract: ModelContract) -> list[str]:
    """Return the messages that could start the workflow: subscribed, and no reply to a step. There must be one."""
    if contract.workflow_coordination is None:
        return []
    answers = contract.workflow_coordination.answers
    return [name for name in subscribed(contract) if name not in answers]


def start_command(contract: ModelContract) -> str | None:
    """Return the message that starts the workflow. None when it is not defined."""
    return next(iter(start_commands(contract)), None)


def methods_of(contract: ModelContract) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """Return inputs and outputs of each handler of a COMPUTE, EFFECT or REDUCER, by method."""
    if contract.handler_routing is None:
        method = "compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"
        return {method: ([contract.input_model or ""], [contract.output_model] if contract.output_model else [])}
    found: dict[str, tuple[list[str], list[str]]] = {}
    for item in contract.handler_routing.handlers:
        inputs, outputs = found.setdefault(item.handler, ([], []))
        inputs.append(item.event_model)
        outputs += [name for name in item.output_events if name not in outputs]
    return dict(found)
