"""The handlers of a contract, under the keys that contracts use."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.topics import FoundTopics, add_topic, looks_like_topic
from onex.codegen.found.words import class_name_of, last_part, snake, words_of
from onex.model.contract.identifiers import LONGEST_IDENTIFIER, RESERVED_METHODS, identifier_problem
from onex.model.enums import EnumNodeKind

_IN_MODELS = ("event_model", "input_model", "message", "payload_model", "command_model", "accepts")
_OUT_MODELS = ("output_events", "output_model", "outputs", "emits", "returns", "result_model", "output_models")
_CLASSES = ("handler", "handler_class", "class", "class_name", "name", "callable")
_TOPICS = ("topic", "input_topic", "subscribe_topic", "subscribes", "source_topic")
_OUT_TOPICS = ("output_topic", "output_topics", "publish_topic", "publishes", "target_topic")
_DEFAULT = {EnumNodeKind.COMPUTE: "compute", EnumNodeKind.EFFECT: "execute"}


@dataclass(slots=True)
class FoundHandler:
    """A handler, and the names that connect it with topics."""

    place: Place
    label: str
    """Class, function or operation, as the source names it."""
    method: str
    where: Place
    """The place of the name."""
    model: str = ""
    operation: str = ""
    event_type: str = ""
    topics: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    """Class names of its results."""
    output_topics: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """All texts that say what it is about."""


@dataclass(slots=True)
class FoundHandlers:
    """All handlers of a contract, and the models that it names for the whole node."""

    entries: list[FoundHandler] = field(default_factory=list)
    strategy: str = ""
    input_model: str = ""
    output_model: str = ""


def read_handlers(root: Place, kind: EnumNodeKind, topics: FoundTopics, notes: Notes) -> FoundHandlers:
    """Return the handlers of the contract."""
    found = FoundHandlers()
    found.input_model = _model(root, ("input_model", "input_state_model", "command_model"), notes)
    found.output_model = _model(root, ("output_model", "output_state_model", "result_model"), notes)
    routing = root.get("handler_routing", "routing")
    if routing is not None and (strategy := routing.get("routing_strategy", "strategy")) is not None:
        found.strategy = strategy.text
        if strategy.text == "payload_type_match":
            notes.taken(strategy)
        else:
            notes.translated(strategy, "a topic has one message type here, and the message type decides the handler")
    listed = [routing.get("handlers", "routes") if routing else None, root.get("handlers")]
    for entries in listed:
        for entry in entries.children() if entries else ():
            if handler := _entry(entry, kind, topics, notes):
                found.entries.append(handler)
    for single in (root.get("handler"), routing.get("default_handler") if routing else None):
        if single is not None:
            _single(single, found, kind, topics, notes)
    _distinct_methods(found.entries, kind)
    return found


def _single(place: Place, found: FoundHandlers, kind: EnumNodeKind, topics: FoundTopics, notes: Notes) -> None:
    """Read ``handler: {module, class, input_model}`` and ``default_handler: module:Class``."""
    handler = _entry(place, kind, topics, notes)
    if handler is None:
        return
    if same := next((other for other in found.entries if other.label == handler.label), None):
        notes.translated(place, f"is the handler {same.label}, which is named before")
        same.model = same.model or handler.model
        return
    found.entries.append(handler)


def _entry(place: Place, kind: EnumNodeKind, topics: FoundTopics, notes: Notes) -> FoundHandler | None:
    operation = "" if isinstance(place.at[-1], int) or place.key in ("handler", "default_handler") else place.key
    if place.text:
        label = last_part(place.text)
        return FoundHandler(place, label, _method(label, kind), place, operation=operation, names={label, operation})
    if not place.is_map or place.is_off:
        notes.left_out(place, "is switched off" if place.is_off else "names no handler")
        return None
    operation = place.text_of("operation", "event_type_match", "intent_type") or operation
    label, label_place = _label(place)
    label = label or operation
    function = place.text_of("method", "function") or _inner(place, "function", "method")
    where = label_place or place.get("operation", "event_type", *_IN_MODELS) or place
    handler = FoundHandler(place, label, _method(function or label or "handle", kind), where)
    handler.operation = operation
    handler.event_type = place.text_of("event_type", "event")
    handler.model = _model(place, _IN_MODELS, notes)
    handler.outputs = _outputs(place, handler, topics, notes)
    for named in (place.get(key) for key in _TOPICS):
        topic = add_topic(named, topics.subscribed, notes) if named and looks_like_topic(named.text) else None
        if topic is not None:
            handler.topics.append(topic.name)
    handler.names = {label, operation, handler.event_type, handler.model, function}
    if not (label or operation or handler.model):
        notes.left_out(place, "names no handler")
        return None
    for key in ("operation", "event_type", "intent_type"):
        if (used := place.get(key)) is not None:
            notes.translated(used, "finds the topic of the handler")
    return handler


def _label(place: Place) -> tuple[str, Place | None]:
    for key in _CLASSES:
        named = place.get(key)
        if named is None:
            continue
        if named.text:
            return last_part(named.text), named
        inner = named.get("name", "class", "class_name", "function")
        if inner is not None and inner.text:
            return last_part(inner.text), inner
    for key in ("handler_key", "handler_id", "handler_type", "key", "id", "backend"):
        if (named := place.get(key)) is not None and named.text:
            return last_part(named.text), named
    return "", None


def _inner(place: Place, *keys: str) -> str:
    inner = place.get("handler")
    return inner.text_of(*keys) if inner and inner.is_map else ""


def _model(place: Place, keys: Iterable[str], notes: Notes) -> str:
    """Return the class name under the first of the keys that names one."""
    for key in keys:
        named = place.get(key)
        if named is None:
            continue
        text = named.text or named.text_of("name", "class", "class_name", "model")
        if name := class_name_of(text) if text else "":
            module = text.rpartition(".")[0].rpartition(":")[0] or named.text_of("module")
            if module or named.is_map or name != text:
                notes.translated(named, f"is the message {name}; its class is written into models/ of the node")
            else:
                notes.taken(named)
            return name
    return ""


def _outputs(place: Place, handler: FoundHandler, topics: FoundTopics, notes: Notes) -> list[str]:
    outputs: list[str] = []
    for key in _OUT_MODELS:
        named = place.get(key)
        for item in (named.children() if named.is_list else [named]) if named else ():
            text = item.text or item.text_of("name", "event_model", "model", "class", "event_type")
            if looks_like_topic(item.text):
                if (topic := add_topic(item, topics.published, notes)) is not None:
                    handler.output_topics.append(topic.name)
            elif name := class_name_of(text) if text else "":
                outputs.append(name)
                notes.translated(item, f"is the message {name}")
            at = item.get("topic")
            topic = add_topic(at, topics.published, notes) if at and looks_like_topic(at.text) else None
            if topic is not None:
                topic.types.append(class_name_of(text) if text else "")
                handler.output_topics.append(topic.name)
    for key in _OUT_TOPICS:
        for leaf in found.leaves() if (found := place.get(key)) else ():
            if looks_like_topic(leaf.text) and (topic := add_topic(leaf, topics.published, notes)) is not None:
                handler.output_topics.append(topic.name)
    return list(dict.fromkeys(outputs))


def _method(label: str, kind: EnumNodeKind) -> str:
    """Return the name of the method for a class, function or operation."""
    words = words_of(label)
    if len(words) > 1 and words[0] in ("handler", "node"):
        words = words[1:]
    elif len(words) > 1 and words[-1] == "handler":
        words = words[:-1]
    name = snake("_".join(words))[:LONGEST_IDENTIFIER].strip("_") or "handle"
    if identifier_problem(name) or name in RESERVED_METHODS[kind]:
        name = f"handle_{name}"[:LONGEST_IDENTIFIER]
    return "handle" if identifier_problem(name) else name


def _distinct_methods(entries: list[FoundHandler], kind: EnumNodeKind) -> None:
    """Give two handlers with the same short name distinct methods, and a single one the name of its kind."""
    used: set[str] = set()
    for handler in entries:
        base, number = handler.method, 2
        while handler.method in used:
            handler.method = f"{base[: LONGEST_IDENTIFIER - 4]}_{number}"
            number += 1
        used.add(handler.method)


def default_method(kind: EnumNodeKind) -> str:
    """Return the method of a node that names no handler."""
    return _DEFAULT.get(kind, "handle")
