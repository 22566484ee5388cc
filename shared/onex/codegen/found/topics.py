"""The topics of a contract, under the keys that contracts use, with what each place says about their messages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.words import class_name_of
from onex.model.enums import EnumTopicCategory
from onex.model.topic import TopicName

_SUBSCRIBED = (
    "subscribe_topics",
    "subscribed_topics",
    "subscribe",
    "subscribes",
    "subscriptions",
    "subscribes_to",
    "consume_topics",
    "consumed_topics",
    "consumes",
    "input_topics",
    "input_topic",
    "input_subscriptions",
    "event_subscriptions",
    "consumed_events",
    "listens_to",
)
_PUBLISHED = (
    "publish_topics",
    "published_topics",
    "publish",
    "publishes",
    "publications",
    "publishes_to",
    "produce_topics",
    "produced_topics",
    "produces",
    "output_topics",
    "output_topic",
    "published_events",
    "emitted_events",
    "emits",
)
_DESCRIPTIONS = ("consumed_events", "published_events", "emitted_events", "input_subscriptions")
"""Keys that say more about topics which the event bus lists."""
_DEAD_LETTERS = ("dlq_topics", "dlq_topic", "dead_letter_topics", "dead_letter_topic", "dlq")
_BUSES = ("event_bus", "kafka", "messaging", "bus", "topics")
_IN, _OUT = ("in", "input", "subscribe", "consume"), ("out", "output", "publish", "produce")
_TOPIC_KEYS = ("topic", "topic_name", "name")
_TYPE_KEYS = (
    "message",
    "event_model",
    "model",
    "schema_ref",
    "schema",
    "message_type",
    "event_type",
    "payload_model",
)
_DERIVED = "dead letters go to the topic that the name of the node gives"
_PLACEHOLDER = re.compile(r"^(?:(?:\$\{[A-Za-z_][A-Za-z0-9_:-]*\}|\{\{? ?[A-Za-z_]+ ?\}?\}|<[a-z_]+>)\.?){1,4}")
_LOOKS = re.compile(r"(?:^|[.}])onex\.[a-z]+\.[a-z0-9.-]+\.v\d+$")


def looks_like_topic(text: str) -> bool:
    """Return whether a text has the form of a topic, in any category and with any number of segments."""
    return _LOOKS.search(text) is not None


@dataclass(slots=True)
class FoundTopic:
    """A topic, and the names that the source connects with it."""

    name: str
    place: Place
    types: list[str] = field(default_factory=list)
    """Class names of its message, the most certain one first."""
    event_types: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)
    key: str = ""
    """Field that decides the partition."""

    @property
    def parsed(self) -> TopicName:
        """The parts of the name."""
        return TopicName.parse(self.name)


@dataclass(slots=True)
class FoundTopics:
    """All topics of a contract."""

    subscribed: dict[str, FoundTopic] = field(default_factory=dict)
    published: dict[str, FoundTopic] = field(default_factory=dict)
    dead_letters: list[str] = field(default_factory=list)


def read_topics(root: Place, notes: Notes) -> FoundTopics:
    """Return the topics of the contract."""
    found = FoundTopics()
    buses = [bus for key in _BUSES if (bus := root.get(key)) and bus.is_map]
    main = root.get("event_bus")
    if main and (inner := main.get("topics")) and inner.is_map:
        buses.append(inner)
    # The event bus first: its lists are the ones that count, and other keys describe their topics.
    for holder in (*buses, root):
        for keys, topics in ((_SUBSCRIBED, found.subscribed), (_PUBLISHED, found.published)):
            for key in keys:
                if (listed := holder.get(key)) is not None:
                    _collect(listed, topics, notes)
        for key in _DEAD_LETTERS:
            if (listed := holder.get(key)) is not None:
                _collect_dead_letters(listed, found, notes)
    for bus in buses:
        _read_directions(bus.get("topics"), found, notes)
        _describe(bus.get("subscribe_topic_metadata"), found.subscribed, notes)
        _describe(bus.get("publish_topic_metadata"), found.published, notes)
    _read_directions(root.get("topics"), found, notes)
    _read_bindings(root, found, notes)
    for key in ("terminal_event", "terminal_events", "completion_event"):
        if (place := root.get(key)) is not None:
            for leaf in place.leaves():
                if looks_like_topic(leaf.text) and (topic := add_topic(leaf, found.published, notes)) is not None:
                    topic.event_types.add("terminal")
    return found


def plain_topic(text: str) -> str:
    """Return the topic without an environment. Raise ValueError for a text that is no topic of a mesh."""
    return TopicName.parse(_PLACEHOLDER.sub("", text)).message_type


def _is_topic(text: str) -> bool:
    try:
        plain_topic(text)
    except ValueError:
        return False
    return True


def add_topic(place: Place, topics: dict[str, FoundTopic], notes: Notes) -> FoundTopic | None:
    """Add the topic that a place names, or return the one that was added before. Refuse a name of another form."""
    try:
        name = plain_topic(place.text)
    except ValueError as error:
        notes.refused(place, f"{error}; readers and writers of the topic would not meet under another name")
        return None
    if name == place.text:
        notes.taken(place)
    else:
        notes.translated(place, f"is {name}; ONEX_TOPIC_PREFIX says the environment, where the node runs")
    return topics.setdefault(name, FoundTopic(name, place))


def _collect(listed: Place, topics: dict[str, FoundTopic], notes: Notes) -> None:
    describes = listed.key in _DESCRIPTIONS and bool(topics)
    for place, entry in _entries(listed):
        if describes and not _is_topic(place.text):
            notes.left_out(entry or place, "names no topic of a mesh; event_bus lists the topics of the node")
            continue
        topic = add_topic(place, topics, notes)
        if topic is not None and entry is not None:
            _hint(topic, entry, notes)


def _entries(listed: Place) -> Iterator[tuple[Place, Place | None]]:
    """Yield the place of each name, and the map that describes it."""
    if isinstance(listed.value, bool):
        return
    if listed.text:
        yield listed, None
    for item in listed.children():
        if item.text:
            if listed.is_list or looks_like_topic(item.text):
                yield item, None
        elif item.is_map:
            named = next((found for key in _TOPIC_KEYS if (found := item.get(key)) and found.text), None)
            if named is not None and (named.key != "name" or looks_like_topic(named.text)):
                yield named, item
            elif looks_like_topic(item.key):
                yield Place(item.source, item.at, item.key), item


def _hint(topic: FoundTopic, entry: Place, notes: Notes) -> None:
    for key in _TYPE_KEYS:
        place = entry.get(key)
        if place is None:
            continue
        text = place.text or place.text_of("name", "class", "class_name")
        if key == "event_type":
            topic.event_types.add(text)
        if name := class_name_of(text) if text and (key != "event_type" or text[:1].isupper()) else "":
            topic.types.append(name)
            notes.translated(place, f"names the message of {topic.name}")
        elif text:
            notes.translated(place, f"finds the handler of {topic.name}")
    if operation := entry.get("operation", "handler"):
        topic.operations.add(operation.text)
        notes.translated(operation, f"finds the handler of {topic.name}")
    if key_place := entry.get("partition_key", "key", "key_field", "partition_by"):
        topic.key = key_place.text
        notes.translated(key_place, f"is the key of the message of {topic.name}")


def _describe(metadata: Place | None, topics: dict[str, FoundTopic], notes: Notes) -> None:
    """Read maps from the name of a topic to what is known about it."""
    for entry in metadata.children() if metadata else ():
        try:
            topic = topics.get(plain_topic(entry.key))
        except ValueError:
            continue
        if topic is not None and entry.is_map:
            _hint(topic, entry, notes)
        elif topic is None:
            notes.left_out(entry, "the node neither reads nor writes the topic")


def _read_directions(listed: Place | None, found: FoundTopics, notes: Notes) -> None:
    """Read ``topics: [{name: ..., direction: in}]``."""
    for item in listed.children() if listed and listed.is_list else ():
        direction = item.get("direction", "role", "mode", "type")
        named = next(
            (place for key in _TOPIC_KEYS if (place := item.get(key)) and looks_like_topic(place.text)), None
        )
        if direction is None or named is None:
            continue
        for words, topics in ((_IN, found.subscribed), (_OUT, found.published)):
            if direction.text.lower().startswith(words):
                notes.translated(direction, "decides the list of the topic")
                if (topic := add_topic(named, topics, notes)) is not None:
                    _hint(topic, item, notes)


def _read_bindings(root: Place, found: FoundTopics, notes: Notes) -> None:
    """Read ``event_bus.topics: {TOPIC: Message}``, which this mesh writes itself."""
    bus = root.get("event_bus")
    bindings = bus.get("topics") if bus else None
    for place in bindings.children() if bindings and bindings.is_map else ():
        if not (looks_like_topic(place.key) and place.text):
            continue
        for topics in (found.subscribed, found.published):
            if (topic := topics.get(place.key)) is not None and (name := class_name_of(place.text)):
                topic.types.insert(0, name)
                notes.taken(place)


def _collect_dead_letters(listed: Place, found: FoundTopics, notes: Notes) -> None:
    for place, _ in _entries(listed):
        try:
            topic = TopicName.parse(plain_topic(place.text))
        except ValueError:
            notes.left_out(place, f"is no topic of a mesh; {_DERIVED}")
            continue
        if topic.category is not EnumTopicCategory.DLQ:
            notes.left_out(place, f"its category is not dlq; {_DERIVED}")
        elif topic.message_type in found.dead_letters or not found.dead_letters:
            found.dead_letters = [topic.message_type]
            notes.taken(place)
        else:
            notes.translated(place, f"all dead letters of a node go to one topic: {found.dead_letters[0]}")
