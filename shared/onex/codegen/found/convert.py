"""From a contract as it was found to a contract of this mesh, or to the reasons why there is none."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from onex.codegen.found.binding import Binding, bind_inputs
from onex.codegen.found.complete import lost
from onex.codegen.found.derived import derive_topics
from onex.codegen.found.emit import contract_text
from onex.codegen.found.entries import FoundHandlers, read_handlers
from onex.codegen.found.failures import Failures, read_failures
from onex.codegen.found.features import Features, read_features
from onex.codegen.found.identity import Identity, describe, read_identity
from onex.codegen.found.leftovers import sweep
from onex.codegen.found.machine import read_machine
from onex.codegen.found.messages import definitions_of, read_messages
from onex.codegen.found.notes import ModelFoundNote, Notes
from onex.codegen.found.operations import read_operations
from onex.codegen.found.outputs import Outputs, bind_outputs
from onex.codegen.found.settings import read_config, read_dependencies
from onex.codegen.found.source import Place, read_source
from onex.codegen.found.topics import FoundTopics, read_topics
from onex.codegen.found.workflow import read_workflow
from onex.contract.load import parse_contract
from onex.contract.yaml_lines import read_yaml
from onex.errors import ContractError, ContractProblem
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind
from onex.model.topic import kebab

_MOST = 100


@dataclass(frozen=True, slots=True)
class FoundContract:
    """The result of an import."""

    file: Path
    """The source."""
    notes: tuple[ModelFoundNote, ...]
    """The report, by line."""
    text: str = ""
    """The contract. Empty when the file is refused."""
    contract: ModelContract | None = None
    problems: tuple[ContractProblem, ...] = ()
    """Why the file is refused: it is no bounded YAML, or the result would be no contract."""

    @property
    def is_refused(self) -> bool:
        """Whether there is no result."""
        return self.contract is None


def import_contract(file: Path) -> FoundContract:
    """Read a contract as it was found. The result is a contract, or says why there is none; nothing is raised."""
    try:
        root = read_source(file)
    except ContractError as error:
        return FoundContract(file, (), problems=tuple(error.problems))
    if (ours := _ours(root)) is not None:
        return ours
    notes = Notes()
    text = _converted(root, notes)
    if notes.is_refused:
        sweep(root, notes)
        return FoundContract(file, notes.sorted())
    try:
        contract = parse_contract(text, str(file))
    except ContractError as error:
        # Lines of the result mean nothing to a reader of the source.
        problems = tuple(
            ContractProblem(file, 1, p.field, f"in the result: {p.message}", p.remedy) for p in error.problems
        )
        return FoundContract(file, notes.sorted(), problems=problems)
    if gone := lost(root, contract, notes):
        return FoundContract(file, notes.sorted(), problems=tuple(gone))
    return FoundContract(file, notes.sorted(), text, contract)


def _ours(root: Place) -> FoundContract | None:
    """Return the result for a file that is a contract of this mesh already: it is taken as it is."""
    file = root.source.file
    keys = set(root.value) if isinstance(root.value, dict) else set()
    if not keys <= ModelContract.model_fields.keys():
        return None
    try:
        read_yaml(file)
        text = file.read_text(encoding="utf-8")
        contract = parse_contract(text, str(file))
    except (ContractError, OSError, UnicodeDecodeError):
        return None
    notes = Notes()
    for child in root.children():
        notes.taken(child)
    return FoundContract(file, notes.sorted(), text, contract)


def _converted(root: Place, notes: Notes) -> str:
    """Return the text of the result. It is of use only when nothing was refused."""
    identity = read_identity(root, notes)
    if identity is None:
        return ""
    description, metadata = describe(root, notes)
    topics = read_topics(root, notes)
    handlers = read_handlers(root, identity.kind, topics, notes)
    if _is_too_large(root, topics, handlers, notes):
        return ""
    if not topics.subscribed:
        derive_topics(root, identity, topics, handlers, notes)
    if not topics.subscribed:
        return ""
    binding = bind_inputs(root, topics, handlers, identity.kind, notes)
    outputs = bind_outputs(root, topics, handlers, binding, identity, notes)
    machine = read_machine(root, identity.kind, binding, notes)
    workflow = read_workflow(root, identity.kind, handlers, binding, notes)
    failures = read_failures(
        root, identity.kind, [entry.place for entry in handlers.entries if entry.place.is_map], notes
    )
    features = read_features(root, identity.kind, notes)
    fields = read_messages(root, topics, handlers, binding, outputs, notes)
    operations = read_operations(root, identity.kind, notes)
    config, dependencies = read_config(root, notes), read_dependencies(root, notes)
    definitions = definitions_of(fields, topics, binding, _state(root), root, notes)
    data: dict[str, JsonValue] = {
        "schema_version": ModelContract.model_fields["schema_version"].default,
        "name": identity.name,
        "node_type": identity.kind.value,
        "contract_version": dict(identity.version.model_dump()),
        "description": description,
        "metadata": metadata,
        "event_bus": _event_bus(topics, binding),
        **({"workflow_coordination": workflow} if workflow else _routing(identity, binding, outputs)),
        "delivery": {"timeout": failures.timeout} if failures.timeout else {},
        "error_handling": {"retry_policy": failures.retry} if failures.retry else {},
        "state_machine": machine,
        "io_operations": operations,
        "dependencies": dependencies,
        **_capabilities(features, failures),
        "config": config,
        "definitions": definitions,
    }
    sweep(root, notes)
    unnamed = [name for name in dict.fromkeys(binding.messages.values()) if name not in fields.messages]
    return contract_text(data, root.source.file.name, fields, unnamed)


def _is_too_large(root: Place, topics: FoundTopics, handlers: FoundHandlers, notes: Notes) -> bool:
    """Return whether the node has more topics or handlers than can be matched with each other in a short time."""
    for what, number in (
        ("subscribed topics", len(topics.subscribed)),
        ("published topics", len(topics.published)),
        ("handlers", len(handlers.entries)),
        ("results", len({name for handler in handlers.entries for name in handler.outputs})),
    ):
        if number > _MOST:
            notes.refused(root, f"has {number} {what}; split the node: the import matches {_MOST} at most")
            return True
    return False


def _state(root: Place) -> str:
    definitions = root.get("definitions")
    return definitions.text_of("state") if definitions and definitions.is_map else root.text_of("state_model")


def _event_bus(topics: FoundTopics, binding: Binding) -> dict[str, JsonValue]:
    bound = {
        topic.name: binding.messages[topic.name]
        for topic in (*topics.subscribed.values(), *topics.published.values())
        if kebab(binding.messages[topic.name]) != topic.parsed.name
    }
    bus: dict[str, JsonValue] = {"subscribe_topics": list(topics.subscribed)}
    if topics.published:
        bus["publish_topics"] = list(topics.published)
    if topics.dead_letters:
        bus["dlq_topics"] = list(topics.dead_letters)
    if bound:
        bus["topics"] = dict(bound)
    return bus


def _routing(identity: Identity, binding: Binding, outputs: Outputs) -> dict[str, JsonValue]:
    """Return the short form for one handler with one result, and ``handler_routing`` otherwise."""
    entries: list[JsonValue] = []
    for bound in binding.inputs:
        results: list[JsonValue] = list(outputs[bound.method])
        entry: dict[str, JsonValue] = {"event_model": bound.message, "handler": bound.method}
        entries.append({**entry, "output_events": results} if results else entry)
    short = identity.kind in (EnumNodeKind.COMPUTE, EnumNodeKind.EFFECT) and len(binding.inputs) == 1
    results = list(outputs[binding.inputs[0].method])
    if short and len(results) <= 1 and binding.inputs[0].handler is None:
        return {"input_model": binding.inputs[0].message, **({"output_model": results[0]} if results else {})}
    return {"handler_routing": {"handlers": entries}}


def _capabilities(features: Features, failures: Failures) -> dict[str, JsonValue]:
    advanced = dict(features.advanced)
    if failures.circuit:
        advanced.setdefault("circuit_breaker", failures.circuit)
    mixins: list[JsonValue] = [
        {"name": name, "config": dict(config)} if config else {"name": name}
        for name, config in features.mixins.items()
    ]
    if failures.service_timeouts and "MixinTimeout" not in features.mixins:
        mixins.append({"name": "MixinTimeout", "config": {"services": list(failures.service_timeouts)}})
    return {"mixins": mixins, "subcontracts": features.subcontracts, "advanced_features": advanced}
