"""Reads dead letters and decodes their payloads."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from onex.bus.protocols import Headers, ProtocolEventBus, ProtocolRecord
from onex.bus.topics import all_partitions, require_topic
from onex.contract import ResolvedNode
from onex.errors import MessageError, PoisonError
from onex.model.contract import ModelContract
from onex.schema import ProtocolCodec, ProtocolSchemaCatalogue, TopicCodecs
from onex.util.clock import LATEST_MS
from onex.wire import dead_letter as d
from onex.wire import headers as h
from onex.wire.foreign_headers import readable_headers
from onex.wire.skipped import SkippedRecords

_ALWAYS = ("topic", "partition", "offset", "timestamp", "message-id")
"""Facts that every dead letter has, with the name of its node."""
_NO_NUMBER = -2


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: the original record, and the facts about its failure."""

    record: ProtocolRecord
    facts: dict[str, str]
    """Headers ``onex-dlq-*`` without the prefix."""
    message: Callable[[], JsonValue] = lambda: None
    """Returns the payload as JSON; None when it cannot be decoded."""

    @property
    def place(self) -> str:
        """``partition:offset`` in the dead-letter topic; the name of a letter on the command line."""
        return f"{self.record.partition()}:{self.record.offset()}"

    @property
    def identity(self) -> str:
        """``topic-partition-offset-timestamp``; the name of a letter in the audit and as the parent of a replay.

        The time distinguishes letters when the topic was deleted and created again.
        """
        record = self.record
        return f"{record.topic()}-{record.partition()}-{record.offset()}-{record.timestamp()[1]}"

    @property
    def key(self) -> str:
        """Key of the record as text."""
        return (self.record.key() or b"").decode(errors="backslashreplace")

    @property
    def died_ms(self) -> int:
        """Time of the last failure; milliseconds since 1970."""
        return min(max(0, self._number("last-failed")), LATEST_MS)

    @property
    def partition(self) -> int:
        """Partition number of the original record."""
        return self._number("partition")

    @property
    def original_offset(self) -> int:
        """Offset of the original record; -1 for a fired timer."""
        return self._number("offset")

    @property
    def replays(self) -> int:
        """Number of replays before."""
        return self._number("replays")

    @property
    def incomplete(self) -> str:
        """Why it cannot be replayed: parts of the record did not fit into it. Empty for a complete letter."""
        cut = [name for name in ("truncated", "truncated-key", "truncated-headers") if name in self.facts]
        return f"only a part of the record is in the dead letter ({', '.join(cut)})" if cut else ""

    @property
    def order(self) -> tuple[int, str, int, int]:
        """Sort key: the order of the original records, in which letters are replayed."""
        return self._number("timestamp"), self.facts.get("topic", ""), self.partition, self.original_offset

    @property
    def original_headers(self) -> Headers:
        """Headers of the original record."""
        return d.original_headers(self.record.headers() or [])

    def _number(self, fact: str) -> int:
        return h.number_in(self.facts.get(fact, "").encode(), 0)


def facts_of(record: ProtocolRecord) -> dict[str, str]:
    """Return the facts of a dead letter by name without prefix. Raise PoisonError for a record that is none."""
    facts = {
        name.removeprefix(d.PREFIX): value.decode(errors="backslashreplace")
        for name, value in readable_headers(record)
        if name.startswith(d.PREFIX)
    }
    if missing := [name for name in ("node", *_ALWAYS) if not facts.get(name)]:
        raise PoisonError(f"no dead letter: it has no {d.PREFIX}{missing[0]}")
    for name, least in (("partition", 0), ("offset", -1)):  # a timestamp comes from the sender, and may be any number
        if h.number_in(facts[name].encode(), _NO_NUMBER) < least:
            raise PoisonError(f"no dead letter: {d.PREFIX}{name} is out of range")
    return facts


def read_letters(
    bus: ProtocolEventBus,
    contract: ModelContract,
    start: dict[int, int] | None = None,
    skipped: SkippedRecords | None = None,
) -> Iterator[DeadLetter]:
    """Yield the dead letters of a node, as :func:`letters_in` does. Raises as it does."""
    return letters_in(bus, contract.dead_letter_topic, contract.name, start, skipped)


def letters_in(
    bus: ProtocolEventBus,
    topic: str,
    node: str,
    start: dict[int, int] | None = None,
    skipped: SkippedRecords | None = None,
) -> Iterator[DeadLetter]:
    """Yield the dead letters of a node in a topic, oldest first per partition, from offsets by partition number.

    Records that are no dead letters are counted in ``skipped``. Raises MissingTopicError, BusError.
    """
    skipped = skipped or SkippedRecords()
    partitions = all_partitions([require_topic(bus.admin, topic)])
    reader = bus.read({partition: (start or {}).get(partition.partition, 0) for partition in partitions})
    try:
        for record in reader.until_end():
            try:
                facts = facts_of(record)
            except PoisonError as error:
                skipped.skip(record, error)
                continue
            if facts.get("node") == node:
                yield DeadLetter(record, facts)
    finally:
        reader.close()


class Payloads:
    """Decodes the payloads of dead letters by the topics of the original records."""

    def __init__(self, node: ResolvedNode, catalogue: ProtocolSchemaCatalogue) -> None:
        self._node = node
        self._catalogue = catalogue
        self._codecs: dict[str, TopicCodecs] = {}

    def codec(self, letter: DeadLetter) -> ProtocolCodec | None:
        """Return the codec of the message in a letter; None when the node has no such input.

        Raise PoisonError or RejectedError when the type of the message cannot be found.
        """
        topic = letter.facts.get("topic", "")
        route = self._node.routes.get(topic)
        if route is None:
            return None
        if topic not in self._codecs:
            models = [each.model for each in route.variants or (route,)]
            self._codecs[topic] = TopicCodecs(self._node.contract.event_bus, models, topic, self._catalogue)
        return self._codecs[topic].of(dict(letter.original_headers), letter.record.value())

    def attached(self, letter: DeadLetter) -> DeadLetter:
        """Return the letter with a function that decodes its payload."""
        return DeadLetter(letter.record, letter.facts, partial(self._read, letter))

    def _read(self, letter: DeadLetter) -> JsonValue:
        value = letter.record.value()
        try:
            if (codec := self.codec(letter)) is not None:
                message: JsonValue = json.loads(codec.decode(value).to_stored_json())
                return message
        except MessageError:
            pass  # it may be plain JSON, see below
        try:
            return None if value is None else json.loads(value)
        except (ValueError, RecursionError):
            return None
