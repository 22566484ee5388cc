"""Checks whether a package can be rendered from a contract: the generator has further requirements."""

from collections import Counter
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

from onex.codegen.introspect import ContractIntrospector
from onex.codegen.render.values import Models
from onex.contract.language import missing_capabilities
from onex.contract.language.names import Used, inputs_of, outputs_of
from onex.contract.load import FILE_NAME, parse_with_variables
from onex.contract.yaml_lines import Location, dotted, line_of
from onex.errors import ContractError, ContractProblem
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract, ModelStateMachine
from onex.model.contract.field_type import PLAIN_TYPES, field_type_names
from onex.model.contract.state_machine import parse_condition
from onex.model.enums import EnumNodeKind
from onex.model.topic import TopicName, kebab

LARGEST_MESSAGE: Final = 300
"""Largest number of fields of a message, with those of its inner messages: rendered code names each of them."""
MOST_STEPS: Final = 64
IMPORTED: Final = frozenset(
    {
        "Context",
        "Message",
        "NodeCompute",
        "NodeEffect",
        "NodeOrchestrator",
        "NodeReducer",
        "NotImplementedNodeError",
        "Reduction",
        "RejectedError",
        "Run",
    }
)
"""Names that rendered modules import, in addition to those of types."""

_IN_CLASS = frozenset({*PLAIN_TYPES, "dict", "list", "tuple", "unfinished"})
"""Names in annotations and decorators of the rendered class."""
_PUBLISHES = frozenset({"MixinEventBus", "event_bus"})
"""Capabilities that publish messages which no handler returns."""


def generatable_contract(text: str, name: str = FILE_NAME) -> ModelContract:
    """Return the contract in a text, which problems call ``name``. Raise ContractError with every problem."""
    contract, variables = parse_with_variables(text, name)
    problems = [
        ContractProblem(Path(name), line_of(variables.lines, at), dotted(at), message, remedy)
        for at, message, remedy in _problems(contract)
    ]
    try:
        ContractIntrospector().enhance(contract, variables)
    except ContractError as error:
        problems += error.problems
    if problems:
        raise ContractError(problems)
    return contract


def class_name(contract: ModelContract) -> str:
    """Return ``NodeLlmEffect`` for ``node_llm_effect``."""
    return "".join(part.capitalize() for part in contract.name.split("_"))


def messages_of_topics(contract: ModelContract) -> dict[str, str]:
    """Return the name of the defined message of each topic of the contract."""
    return contract.messages_by_topic()


def _problems(contract: ModelContract) -> Iterator[tuple[Location, str, str]]:
    if contract.definitions is None:
        yield (
            ("name",),
            f"{contract.name} has no definitions",
            "write `definitions`, from which the messages are rendered",
        )
        return
    models = contract.definitions.models
    if contract.config:
        yield ("config",), "a generated node has no Config", "remove it, and add it with the class that reads it"
    if contract.node_type is EnumNodeKind.ORCHESTRATOR and contract.workflow_coordination is None:
        yield ("node_type",), "only declared workflows can be generated", "write `workflow_coordination`"
        return
    if contract.node_type is EnumNodeKind.REDUCER and contract.definitions.state is None:
        yield ("definitions",), "a REDUCER needs a state", "name it in `definitions.state`"
    yield from _names(contract, models)
    yield from _sizes(models)
    yield from _topics(contract)
    yield from _shared_handlers(contract)
    yield from missing_capabilities(contract, contract.asked_capabilities)
    if (machine := contract.state_machine) and (state := contract.definitions.state):
        if models[state].fields.get(machine.state_field) != "str":
            yield (
                (*contract.machine_at, "state_field"),
                f"{state} has no field {machine.state_field!r} of type str",
                "add it",
            )
        yield from _transitions(contract, machine, models)
    if (workflow := contract.workflow_coordination) and len(workflow.steps) > MOST_STEPS:
        yield ("workflow_coordination", "steps"), f"has more than {MOST_STEPS} steps", "split the workflow"


def _transitions(
    contract: ModelContract, machine: ModelStateMachine, models: Models
) -> Iterator[tuple[Location, str, str]]:
    """Check that every trigger is an event that the node takes, with the fields of its conditions, and that no method
    is named whose body nothing states. The contract language checks guards."""
    inputs = {name for _, name in inputs_of(contract) if name in models}
    for index, state in enumerate(machine.states):
        for key, actions in (("entry_actions", state.entry_actions), ("exit_actions", state.exit_actions)):
            if actions:
                yield (
                    (*contract.machine_at, "states", index, key),
                    f"the contract does not state what {', '.join(actions)} does, so that it cannot be generated",
                    "remove it, and add it with the method that it names",
                )
    for index, transition in enumerate(machine.transitions):
        at: Location = (*contract.machine_at, "transitions", index)
        event = transition.trigger
        if event not in inputs:
            yield (*at, "trigger"), f"no handler takes {event}", f"the node takes {', '.join(sorted(inputs))}"
            continue
        for name in (parse_condition(condition)[0] for condition in transition.conditions):
            if name not in models[event].fields:
                yield (
                    (*at, "conditions"),
                    f"{event} has no field {name!r}",
                    f"it has {', '.join(models[event].fields)}",
                )


def _names(contract: ModelContract, models: Models) -> Iterator[tuple[Location, str, str]]:
    reserved = IMPORTED | {"ProtocolCircuit", *CATALOGUE.class_names, class_name(contract)}
    for name in sorted(reserved & set(models)):
        words = f"{name} is a name of the generated code"
        yield ("definitions", "models", name), words, "give the message another name"
    bus = contract.event_bus
    unbound = {TopicName.parse(t).name for t in (*bus.subscribe_topics, *bus.publish_topics) if t not in bus.topics}
    for segment, count in Counter(kebab(name) for name in models).items():
        if count > 1 and segment in unbound:
            words = f"{count} messages have the name {segment!r} on topics"
            yield ("definitions", "models"), words, "rename one, or bind the topic in event_bus.topics"
    for at, name in (*inputs_of(contract), *outputs_of(contract)):
        if name not in models:
            yield at, f"definitions have no message {name}", "define it, or fix the name"
    for at, name in _methods(contract):
        if name in reserved or name in models or name in _IN_CLASS:
            yield at, f"{name!r} is a name that the generated class uses", "give the method another name"


def _methods(contract: ModelContract) -> list[Used]:
    """Return the names of methods that the contract chooses. In the class they hide what has the same name."""
    if workflow := contract.workflow_coordination:
        at: Location = ("workflow_coordination", "steps")
        return [((*at, i, "id"), name) for i, step in enumerate(workflow.steps) for name in step.methods]
    routing = contract.handler_routing
    return [
        (("handler_routing", "handlers", i, "handler"), item.handler)
        for i, item in enumerate(routing.handlers if routing else ())
    ]


def _sizes(models: Models) -> Iterator[tuple[Location, str, str]]:
    """Check that messages do not contain themselves, and have not too many fields."""
    uses = {name: [field_type_names(text) for text in item.fields.values()] for name, item in models.items()}
    try:
        order = list(TopologicalSorter({name: set().union(*used) for name, used in uses.items()}).static_order())
    except CycleError as error:
        yield (
            ("definitions", "models"),
            f"messages hold each other: {' -> '.join(error.args[1])}",
            "hold an id instead",
        )
        return
    sizes: dict[str, int] = {}
    for name in order:
        sizes[name] = sum(1 + sum(sizes[inner] for inner in inners) for inners in uses[name])
        if sizes[name] > LARGEST_MESSAGE:
            at: Location = ("definitions", "models", name)
            yield at, f"has more than {LARGEST_MESSAGE} fields, with those of the messages in it", "make it smaller"
            return


def _topics(contract: ModelContract) -> Iterator[tuple[Location, str, str]]:
    """Check that topics carry defined messages that are handled or published, and that each of these has a topic."""
    by_topic = messages_of_topics(contract)
    bus = contract.event_bus
    for field, topics, used in (
        ("subscribe_topics", bus.subscribe_topics, inputs_of(contract)),
        ("publish_topics", bus.publish_topics, outputs_of(contract)),
    ):
        carried: dict[str, str] = {}
        for index, topic in enumerate(topics):
            at: Location = ("event_bus", field, index)
            name = by_topic.get(topic)
            if topic in bus.topics and bus.topics[topic].messages:
                yield at, "carries several messages", "write the node yourself, or give each message a topic"
            elif name is None:
                yield (
                    at,
                    "definitions lack its message",
                    f"define the message of {topic}, or bind it in event_bus.topics",
                )
            elif name in carried:
                yield at, f"carries {name}, as {carried[name]} does", "keep one"
            else:
                carried[name] = topic
        yield from _carried(contract, field, carried, used)


def _shared_handlers(contract: ModelContract) -> Iterator[tuple[Location, str, str]]:
    """Check that messages of one method have the same results, because the method has one annotation."""
    if contract.node_type is EnumNodeKind.REDUCER:
        return
    first: dict[str, tuple[str, ...]] = {}
    for index, item in enumerate(contract.handler_routing.handlers if contract.handler_routing else ()):
        outputs = first.setdefault(item.handler, item.output_events)
        if set(outputs) != set(item.output_events):
            yield (
                ("handler_routing", "handlers", index, "output_events"),
                f"{item.handler} also takes a message with other results",
                "list the same results for both messages, or give each a handler of its own",
            )


def _carried(
    contract: ModelContract, field: str, carried: dict[str, str], used: Sequence[Used]
) -> Iterator[tuple[Location, str, str]]:
    names = {name for _, name in used}
    starts = [name for name in carried if name not in names]
    for at, name in used:
        if name not in carried and contract.definitions and name in contract.definitions.models:
            remedy = f"add one whose name segment is {kebab(name)}, or bind one in event_bus.topics"
            yield at, f"no topic in event_bus.{field} carries {name}", remedy
    if field == "subscribe_topics" and contract.workflow_coordination:
        if len(starts) != 1:
            words = f"one subscribed topic must carry the start command, found {', '.join(starts) or 'none'}"
            yield ("event_bus", field), words, "subscribe to the start command and to the results of the steps"
        return
    if field == "publish_topics" and not _PUBLISHES.isdisjoint(contract.asked_capabilities):
        return
    for name in starts:
        yield (
            ("event_bus", field),
            f"no handler takes or returns {name}",
            f"name it in a handler, or remove {carried[name]}",
        )
