"""Finds the message of each published topic, and the handlers that return it."""

from collections.abc import Iterator, Sequence

from onex.codegen.found.binding import Binding, names_of_topic
from onex.codegen.found.entries import FoundHandlers
from onex.codegen.found.identity import Identity
from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.topics import FoundTopic, FoundTopics
from onex.codegen.found.words import class_name_of, meaning, words_of
from onex.model.topic import kebab

_ENDS = frozenset({"complete", "completed", "done", "finished", "succeeded", "success", "result"})
"""Words of the topic on which a node says that it is done."""

Outputs = dict[str, list[str]]
"""Class names of the results, by method."""


def bind_outputs(
    root: Place, topics: FoundTopics, handlers: FoundHandlers, binding: Binding, identity: Identity, notes: Notes
) -> Outputs:
    """Name the message of each published topic, and return the results of each method."""
    _intents(root, topics, handlers, binding, identity, notes)
    declared = list(dict.fromkeys(name for handler in handlers.entries for name in handler.outputs))
    chosen = _models_of_topics(topics, handlers, declared, notes)
    for topic in topics.published.values():
        if topic.name in binding.messages:  # it is also subscribed
            binding.aliases.setdefault(chosen.get(topic.name, ""), binding.messages[topic.name])
            continue
        model = chosen.get(topic.name, "")
        message = binding.names.use([*([model] if model else []), *names_of_topic(topic)])
        binding.messages[topic.name] = message
        if model:
            binding.aliases[model] = message
            if model != message:
                notes.translated(topic.place, f"its message {model} is called {message}: the name is in use")
    return _results(topics, handlers, binding, chosen, identity, notes)


def _models_of_topics(
    topics: FoundTopics, handlers: FoundHandlers, declared: Sequence[str], notes: Notes
) -> dict[str, str]:
    """Return the class name of the source by published topic, where a sign connects them."""
    chosen: dict[str, str] = {}
    published = list(topics.published.values())
    models = list(dict.fromkeys([*declared, *([handlers.output_model] if handlers.output_model else [])]))
    for topic in published:
        for model in models:
            if model not in chosen.values() and (model in topic.types or kebab(model) == topic.parsed.name):
                chosen.setdefault(topic.name, model)
    for handler in handlers.entries:
        if len(handler.outputs) == 1 and len(handler.output_topics) == 1:
            chosen.setdefault(handler.output_topics[0], handler.outputs[0])
    free = [model for model in models if model not in chosen.values()]
    open_topics = [topic for topic in published if topic.name not in chosen]
    for topic in open_topics:
        # One class that the source writes to several topics has one topic here; the others get their own message.
        typed = next((name for name in topic.types if name and name not in chosen.values()), "")
        if typed and sum(typed in other.types for other in published) == 1:
            chosen[topic.name] = typed
    for model, topic in _by_meaning(free, [topic for topic in open_topics if topic.name not in chosen]):
        chosen[topic.name] = model
        notes.translated(topic.place, f"carries {model}, by the words of its name; check that it is the right one")
    main = handlers.output_model
    if main and main not in chosen.values():
        ends = [topic for topic in published if topic.name not in chosen]
        terminal = [topic for topic in ends if "terminal" in topic.event_types]
        good = [topic for topic in ends if _ENDS & set(words_of(topic.parsed.name))]
        end = next((each[0] for each in (terminal, ends, good) if len(each) == 1), None)
        if end is not None:
            chosen[end.name] = main
    return chosen


def _by_meaning(models: Sequence[str], topics: Sequence[FoundTopic]) -> Iterator[tuple[str, FoundTopic]]:
    """Yield pairs whose words fit each other better than they fit any other."""
    about_models = {model: meaning(model) for model in models}
    about_topics = {topic.name: meaning(topic.parsed.name) for topic in topics}
    for model in models:
        for topic in topics:
            score = len(about_models[model] & about_topics[topic.name])
            others = [len(about_models[m] & about_topics[topic.name]) for m in models if m != model]
            others += [len(about_models[model] & about_topics[t.name]) for t in topics if t is not topic]
            if score > max(others, default=0):
                yield model, topic


def _results(
    topics: FoundTopics,
    handlers: FoundHandlers,
    binding: Binding,
    chosen: dict[str, str],
    identity: Identity,
    notes: Notes,
) -> Outputs:
    methods = list(dict.fromkeys(bound.method for bound in binding.inputs))
    outputs: Outputs = {method: [] for method in methods}
    by_model = {model: binding.messages[topic] for topic, model in chosen.items()}
    for handler in handlers.entries:
        results = outputs.get(handler.method)
        if results is None:
            continue
        for name in handler.output_topics:
            _append(results, binding.messages[name])
        for model in handler.outputs:
            if model not in by_model:
                by_model[model] = _derived(model, handler.where, topics, binding, identity, notes)
            _append(results, by_model[model])
    claimed = {message for results in outputs.values() for message in results}
    silent = [method for method in methods if not outputs[method]] or methods
    for name in topics.published:
        if binding.messages[name] not in claimed:
            for method in silent:
                _append(outputs[method], binding.messages[name])
    if handlers.output_model and handlers.output_model not in binding.aliases:
        _model_left_out(topics, handlers, notes)
    return outputs


def _model_left_out(topics: FoundTopics, handlers: FoundHandlers, notes: Notes) -> None:
    place = next((entry.place for entry in handlers.entries), None)
    root = None if place is None else Place(place.source, (), place.source.data)
    named = root.get("output_model", "output_state_model", "result_model") if root else None
    if named is not None:
        why = "no topic is left for it" if topics.published else "the node publishes nothing"
        notes.left_out(named, f"{why}; a result that no topic carries stays inside the handler")


def _append(results: list[str], message: str) -> None:
    if message not in results:
        results.append(message)


def _derived(
    model: str, place: Place, topics: FoundTopics, binding: Binding, identity: Identity, notes: Notes
) -> str:
    """Return the message of a result that no topic carries, on a topic of its own."""
    if model in binding.aliases:
        message = binding.aliases[model]
        if message in {binding.messages[name] for name in topics.published}:
            return message
    category = "cmd" if {"request", "command", "input"} & set(words_of(model)) else "evt"
    topic = f"onex.{category}.{identity.owner or 'node'}.{kebab(model)}.v{identity.version.major}"
    number = 2
    while topic in binding.messages:
        topic = f"onex.{category}.{identity.owner or 'node'}.{kebab(model)}-{number}.v{identity.version.major}"
        number += 1
    found = topics.published.setdefault(topic, FoundTopic(topic, place, [model]))
    message = binding.names.use([model, *names_of_topic(found)])
    binding.messages[topic] = message
    binding.aliases[model] = message
    notes.translated(
        place,
        f"{model} is returned inside the process of the source; here it has the topic {topic}: "
        "name the topic that its reader subscribes to",
    )
    return message


def _intents(
    root: Place, topics: FoundTopics, handlers: FoundHandlers, binding: Binding, identity: Identity, notes: Notes
) -> None:
    """Give each declared intent a topic: effects read intents from topics here."""
    emission = root.get("intent_emission", "intents")
    if emission is None or emission.is_off:
        if emission is not None:
            notes.left_out(emission, "is switched off")
        return
    listed = emission.get("intents", "emitted_intents") if emission.is_map else emission
    for entry in listed.children() if listed else ():
        intent = entry.text or entry.text_of("intent_type", "type", "name")
        words = words_of(intent)
        if not words:
            continue
        owner = words[0] if len(words) > 1 else identity.owner or "node"
        name = "-".join(words[1:] or words)
        topic = f"onex.intent.{owner}.{name}.v{identity.version.major}"
        model = class_name_of(entry.text_of("payload_model", "model", "payload") or "")
        known = topics.published.setdefault(topic, FoundTopic(topic, entry, [model] if model else []))
        notes.translated(
            entry,
            f"the intent has the topic {known.name} here: name the topic that the effect subscribes to",
            covers=not entry.is_map,
        )
        for key in ("intent_type", "type", "name", "payload_model", "model", "payload"):
            if (used := entry.get(key)) is not None:
                notes.taken(used)
