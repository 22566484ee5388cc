"""Topics for a contract that names none: here a node is called by messages, and by nothing else."""

from onex.codegen.found.entries import FoundHandlers
from onex.codegen.found.identity import Identity
from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.topics import FoundTopic, FoundTopics
from onex.codegen.found.words import words_of
from onex.model.enums import EnumNodeKind
from onex.model.topic import kebab

_BUSES = ("event_bus", "kafka", "messaging", "subscribe_topics", "consumed_events")


def derive_topics(
    root: Place, identity: Identity, topics: FoundTopics, handlers: FoundHandlers, notes: Notes
) -> None:
    """Add a command and an event for a COMPUTE or EFFECT without topics. Refuse others without a subscription.

    The contracts of other implementations are called inside one process. The report says that the topics are new.
    """
    bus = next((place for key in _BUSES if (place := root.get(key)) is not None), None)
    names = ", ".join(topics.published)
    if bus is not None or topics.published or identity.kind.is_stateful or not identity.owner:
        what = f"publishes {names} and reads no topic" if names else "reads no topic"
        notes.refused(
            bus or root, f"the node {what}; write event_bus.subscribe_topics: the mesh calls a node for messages only"
        )
        return
    events = _listened_events(root)
    version = identity.version.major
    for place, event in events:
        name = f"onex.evt.{identity.owner}.{event}.v{version}"
        topics.subscribed.setdefault(name, FoundTopic(name, place))
        notes.translated(place, f"is the topic {name}: write the owner of the event into it, if that is another node")
    if not events:
        named = kebab(handlers.input_model) if handlers.input_model else f"{identity.owner}-requested"
        command = f"onex.cmd.{identity.owner}.{named}.v{version}"
        topics.subscribed[command] = FoundTopic(command, root)
        notes.translated(
            root, f"names no topic; its command has {command}, because the mesh calls a node by messages"
        )
    named = kebab(handlers.output_model) if handlers.output_model else f"{identity.owner}-completed"
    if identity.kind is EnumNodeKind.COMPUTE or handlers.output_model or not events:
        event = f"onex.evt.{identity.owner}.{named}.v{version}"
        topics.published[event] = FoundTopic(event, root)
        notes.translated(root, f"names no topic; its result has {event}")


def _listened_events(root: Place) -> list[tuple[Place, str]]:
    """Return the names of events in the configuration of ``MixinEventDrivenNode``."""
    mixins = root.get("mixins")
    for mixin in mixins.children() if mixins else ():
        config = mixin.get("config")
        listed = config.get("topics", "events") if config is not None else None
        if mixin.text_of("name") == "MixinEventDrivenNode" and listed is not None and not mixin.is_off:
            return [(leaf, "-".join(words_of(leaf.text))) for leaf in listed.leaves() if words_of(leaf.text)]
    return []
