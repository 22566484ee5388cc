"""Finds the handler of each subscribed topic, and the message of each topic."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from onex.codegen.found.entries import FoundHandler, FoundHandlers, default_method
from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.topics import FoundTopic, FoundTopics
from onex.codegen.found.words import MessageNames, class_name_of, meaning, pascal
from onex.model.contract.identifiers import LONGEST_IDENTIFIER
from onex.model.enums import EnumNodeKind
from onex.model.topic import kebab


@dataclass(slots=True)
class Bound:
    """A subscribed topic with its message and method."""

    topic: FoundTopic
    method: str
    handler: FoundHandler | None
    message: str = ""


@dataclass(slots=True)
class Binding:
    """All topics with their messages."""

    inputs: list[Bound] = field(default_factory=list)
    names: MessageNames = field(default_factory=MessageNames)
    messages: dict[str, str] = field(default_factory=dict)
    """Message by topic, of both directions."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Message of the result by the class name of the source."""

    def message(self, text: str) -> str:
        """Return the message of a topic, of a class of the source or of the result. Empty for another text."""
        name = class_name_of(text) if text else ""
        found = self.messages.get(text) or self.aliases.get(name, "")
        same = [message for message in self.messages.values() if name and kebab(message) == kebab(name)]
        return found or (same[0] if same else "")


def bind_inputs(
    root: Place, topics: FoundTopics, handlers: FoundHandlers, kind: EnumNodeKind, notes: Notes
) -> Binding:
    """Return each subscribed topic with its handler and message."""
    binding = Binding()
    found = list(topics.subscribed.values())
    chosen = _match(found, handlers, kind, notes)
    for topic in found:
        handler = chosen.get(topic.name)
        method = handler.method if handler else _unrouted(topic, handlers, kind, notes)
        binding.inputs.append(Bound(topic, method, handler))
    used = {bound.method for bound in binding.inputs}
    for handler in handlers.entries:
        if handler.method in used:
            notes.translated(handler.where, f"is the method {handler.method}: a node is one class here")
    _name_inputs(binding, handlers, notes)
    return binding


def _match(
    topics: Sequence[FoundTopic], handlers: FoundHandlers, kind: EnumNodeKind, notes: Notes
) -> dict[str, FoundHandler]:
    """Return the handler by topic, from the most certain sign to the least."""
    entries = handlers.entries
    chosen: dict[str, FoundHandler] = {}
    if len(entries) == 1:
        return {topic.name: entries[0] for topic in topics}
    for sign in (_names_topic, _same_operation, _same_type, _same_event, _same_words):
        for topic in topics:
            fitting = [handler for handler in entries if topic.name not in chosen and sign(topic, handler)]
            if len(fitting) == 1:
                chosen[topic.name] = fitting[0]
    by_operation = "operation" in handlers.strategy or all(handler.operation for handler in entries)
    if entries and len(topics) == 1 and not any(handler.topics for handler in entries):
        # The operation, or the type, is in the message: one method takes it and decides.
        several = len({handler.model for handler in entries} - {""}) > 1
        for handler in entries:
            handler.model = "" if several else handler.model
            handler.method = default_method(kind)
            notes.translated(handler.where, f"is decided in the method {handler.method}: all share {topics[0].name}")
        return {topics[0].name: entries[0]}
    free_topics = [topic for topic in topics if topic.name not in chosen]
    free = [handler for handler in entries if handler not in chosen.values()]
    _match_by_meaning(free_topics, free, chosen, notes)
    free_topics = [topic for topic in topics if topic.name not in chosen]
    free = [handler for handler in entries if handler not in chosen.values()]
    if len(free_topics) == 1 and len(free) == 1:
        chosen[free_topics[0].name] = free[0]
        notes.translated(
            free[0].where, f"takes {free_topics[0].name}, which is left over; check that it is the right one"
        )
    elif free_topics and free and by_operation:
        for topic in free_topics:
            chosen[topic.name] = free[0]
        for handler in free[1:]:
            handler.method = free[0].method
        for handler in free:
            notes.translated(handler.where, f"is decided in the method {free[0].method}: no topic is named for it")
    elif free_topics and free:
        for handler, topic in zip(free, free_topics, strict=False):
            chosen[topic.name] = handler
            notes.translated(
                handler.where, f"takes {topic.name}, by the order in the file; check that it is the right one"
            )
    for handler in entries:
        if handler not in chosen.values() and handler.method not in {each.method for each in chosen.values()}:
            notes.left_out(
                handler.place, "no topic leads to it: the mesh calls a handler for the messages of its topic"
            )
    return chosen


def _names_topic(topic: FoundTopic, handler: FoundHandler) -> bool:
    return topic.name in handler.topics


def _same_operation(topic: FoundTopic, handler: FoundHandler) -> bool:
    return bool(topic.operations & ({handler.operation, handler.label} - {""}))


def _same_type(topic: FoundTopic, handler: FoundHandler) -> bool:
    return bool(handler.model) and handler.model in topic.types


def _same_event(topic: FoundTopic, handler: FoundHandler) -> bool:
    """Whether ``event_type: rsd.score`` is that of ``onex.cmd.rsd.score.v1``."""
    if not handler.event_type:
        return False
    name = topic.parsed
    return handler.event_type in (*topic.event_types, f"{name.owner}.{name.name}", name.name)


def _same_words(topic: FoundTopic, handler: FoundHandler) -> bool:
    return bool(handler.model) and kebab(handler.model) == topic.parsed.name


def _match_by_meaning(
    topics: Sequence[FoundTopic], handlers: Sequence[FoundHandler], chosen: dict[str, FoundHandler], notes: Notes
) -> None:
    """Match pairs whose words fit each other better than anything else."""
    about = [_about(handler) for handler in handlers]
    scores = {topic.name: [len(meaning(topic.parsed.name) & words) for words in about] for topic in topics}
    for topic in topics:
        own = scores[topic.name]
        best = [index for index, score in enumerate(own) if score == max(own) > 0]
        if len(best) != 1:
            continue
        rivals = [name for name, others in scores.items() if others[best[0]] >= own[best[0]]]
        if rivals == [topic.name]:
            handler = handlers[best[0]]
            chosen[topic.name] = handler
            words = "by the words of its names; check that it is the right one"
            notes.translated(handler.where, f"takes {topic.name}, {words}")


def _about(handler: FoundHandler) -> frozenset[str]:
    return frozenset(word for name in handler.names if name for word in meaning(name))


def _unrouted(topic: FoundTopic, handlers: FoundHandlers, kind: EnumNodeKind, notes: Notes) -> str:
    if not handlers.entries:
        return default_method(kind)
    method = f"handle_{topic.parsed.name.replace('-', '_')}"[:64]
    notes.translated(topic.place, f"no handler is named for it; it has the method {method}, which has no logic")
    return method


def _name_inputs(binding: Binding, handlers: FoundHandlers, notes: Notes) -> None:
    """Name the message of each subscribed topic: as the source does, where that is one message for one topic."""
    models = [_model_of(bound, binding, handlers) for bound in binding.inputs]
    for bound, model in zip(binding.inputs, models, strict=True):
        shared = models.count(model) > 1
        if model and shared:
            notes.translated(
                bound.topic.place,
                f"carries {model} in the source, as other topics do; a message has one topic, so it gets its own",
            )
        bound.message = binding.names.use([*([model] if not shared else []), *names_of_topic(bound.topic)])
        binding.messages[bound.topic.name] = bound.message
        if model and not shared and model != bound.message:
            notes.translated(bound.topic.place, f"its message {model} is called {bound.message}: the name is in use")
        if model:
            binding.aliases.setdefault(model, bound.message)


def _model_of(bound: Bound, binding: Binding, handlers: FoundHandlers) -> str:
    handler = bound.handler
    users = [other for other in binding.inputs if other.handler is handler]
    if bound.topic.types:
        return bound.topic.types[0]
    if handler is not None and handler.model:
        return handler.model
    if len(binding.inputs) == 1 or (handler is not None and len(users) == len(binding.inputs)):
        return handlers.input_model
    return ""


def names_of_topic(topic: FoundTopic) -> list[str]:
    """Return class names for the message of a topic, from the shortest."""
    name = topic.parsed
    short, owned = pascal(name.name), pascal(f"{name.owner}-{name.name}")
    typed = [pascal(text) for text in sorted(topic.event_types) if text != "terminal" and text[:1].isupper()]
    candidates = [*[each for each in typed if kebab(each) == name.name], short, owned]
    candidates += [f"{owned}{pascal(name.category)}", f"{owned}{pascal(name.category)}V{name.version}"]
    return [(each if each[:1].isalpha() else f"Topic{each}")[:LONGEST_IDENTIFIER] for each in candidates if each]
