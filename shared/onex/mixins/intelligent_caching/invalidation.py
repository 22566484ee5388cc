"""Which entries a message removes, and the message that removes them in the other instances."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from onex.capability import Event, ProtocolCurrentMessage, ProtocolEventSink, ProtocolTopicFollower
from onex.capability.events import NoEvents
from onex.capability.following import NothingFollowed, ProtocolFollowing
from onex.mixins.intelligent_caching.model_intelligent_caching_subcontract import (
    ModelIntelligentCachingSubcontract,
    ModelInvalidationRule,
)
from onex.mixins.intelligent_caching.names import LONGEST, short_all
from onex.mixins.intelligent_caching.templates import filled, require_fields
from onex.model.mesh import CAPABILITY_TOPICS, CacheInvalidated
from onex.model.message import Message
from onex.util.clock import ProtocolClock, to_datetime

_TOPIC = CAPABILITY_TOPICS[CacheInvalidated]


@dataclass(frozen=True, slots=True)
class Gone:
    """Entries to remove."""

    keys: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    everything: bool = False


class Invalidation:
    """Follows topics, and publishes what this process forgets."""

    def __init__(
        self,
        settings: ModelIntelligentCachingSubcontract,
        namespace: str,
        follower: ProtocolTopicFollower,
        sink: ProtocolEventSink,
        current_message: ProtocolCurrentMessage,
        clock: ProtocolClock,
    ) -> None:
        self._settings = settings
        self._namespace = namespace
        self._follower = follower
        self._sink = sink
        self._current_message = current_message
        self._clock = clock
        self._origin = uuid4().hex
        self._following: ProtocolFollowing = NothingFollowed()

    @property
    def problem(self) -> str:
        """Why messages about invalid entries do not arrive. Empty while they do."""
        problem = self._following.problem
        return f"invalidations do not arrive: {problem}" if problem else ""

    @property
    def unreadable(self) -> int:
        """Records that are no message of their topic."""
        return self._following.unreadable

    async def open(self, remove: Callable[[Gone], None]) -> None:
        """Call ``remove`` for each message that invalidates entries. Raise TransientError, CompositionError."""
        topics: dict[str, type[Message]] = {}
        for number, rule in enumerate(self._settings.invalidate_on):
            model = topics[rule.topic] = self._follower.model(rule.message)
            require_fields([*rule.keys, *rule.tags], model, f"intelligent_caching.invalidate_on[{number}]")
        if self._settings.publish_invalidations:
            topics[_TOPIC] = CacheInvalidated
        rules = _by_topic(self._settings.invalidate_on)

        def take(topic: str, message: Message) -> None:
            for gone in self._gone(rules.get(topic, ()), message):
                remove(gone)

        if topics:
            self._following = await self._follower.follow(topics, take)

    def _gone(self, rules: Sequence[ModelInvalidationRule], message: Message) -> Iterable[Gone]:
        match message:
            case CacheInvalidated(namespace=self._namespace) if message.origin != self._origin:
                yield Gone(_bounded(message.keys), _bounded(message.tags), message.everything)
        for rule in rules:
            keys = short_all(filled(template, message) for template in rule.keys)
            tags = short_all(filled(template, message) for template in rule.tags)
            yield Gone(keys, tags, rule.everything)

    async def publish(self, gone: Gone) -> None:
        """Notify the other instances. Raise TransientError when that is not possible."""
        match self._sink:
            case NoEvents():
                return  # a node without an agent is its only instance
        if self._settings.publish_invalidations:
            message = CacheInvalidated(
                namespace=self._namespace,
                origin=self._origin,
                keys=tuple(sorted(gone.keys)),
                tags=tuple(sorted(gone.tags)),
                everything=gone.everything,
                at=to_datetime(self._clock.now_ms()),
            )
            await self._sink.send([Event.of(message, self._current_message)])

    async def close(self) -> None:
        """Stop following."""
        following, self._following = self._following, NothingFollowed()
        await following.close()


def _by_topic(rules: Sequence[ModelInvalidationRule]) -> Mapping[str, list[ModelInvalidationRule]]:
    by_topic: dict[str, list[ModelInvalidationRule]] = {}
    for rule in rules:
        by_topic.setdefault(rule.topic, []).append(rule)
    return by_topic


def _bounded(names: Iterable[str]) -> frozenset[str]:
    """Return the names that an instance may have written; another program could write longer ones."""
    return frozenset(name for name in names if len(name) <= LONGEST)
