"""Redirects: dead letters of one node go to another one, or to another version of their message.

Each letter is read as the message of the target's input, by the rules of Avro for another schema, or as the message
of its own node; changes of the operator come after that. A letter that does not fit stays open, with the reason.

One transaction writes each record, to the retry topic of the target, with the audit entry of its letter. So a
redirect that was interrupted continues when it is run again, and no letter goes twice.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from onex.bus.protocols import ProtocolEventBus, ProtocolTransaction
from onex.bus.topics import require_topic
from onex.contract import ResolvedNode
from onex.dlq.audit import Audit, Author, EnumLetterState
from onex.dlq.edit import difference, patched
from onex.dlq.filters import LetterFilter
from onex.dlq.pace import Pace
from onex.dlq.reading import DeadLetter, Payloads, letters_in
from onex.dlq.redirect_source import LetterSource
from onex.dlq.replay import outgoing
from onex.errors import MessageError, RejectedError
from onex.model.mesh import EnumDeadLetterAction
from onex.model.topic import TopicName, is_foreign
from onex.schema import ProtocolSchemaCatalogue
from onex.schema.json_codec import ProtocolCodec
from onex.wire import headers as h
from onex.wire.cloudevents import event_type
from onex.wire.ids import replay_id
from onex.wire.record import Emitted
from onex.wire.retry import release_record


@dataclass(frozen=True, slots=True)
class Redirect:
    """A letter as the target gets it."""

    letter: DeadLetter
    into: str
    """Input topic of the target whose handler takes the message."""
    value: bytes | None
    key: bytes | None
    difference: str
    """What changes in the payload; empty when nothing does."""


@dataclass(frozen=True, slots=True)
class RedirectOptions:
    """Changes of the payload, the topic, the rate."""

    into: str = ""
    """Input topic of the target; empty for the one that has the message of the letter."""
    changes: Mapping[str, str] = field(default_factory=dict)
    """By path in the payload, a new value."""
    removed: Sequence[str] = ()
    """Paths of the payload to remove, after the changes."""
    rate: float = 0.0
    """Letters per second; 0 sets no limit."""
    authorization: str = field(default="", repr=False)
    """Value of the header ``authorization``, which dead letters do not contain; empty omits it."""


@dataclass(slots=True)
class RedirectReport:
    """Counters of a redirect."""

    redirected: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By reason, the number of letters that stay as they are."""
    stopped: str = ""
    """Why it stopped early; empty when it did not."""


class Redirector:
    """Redirects the letters of one source to one target."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        source: LetterSource,
        target: ResolvedNode,
        author: Author,
        options: RedirectOptions,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raise RejectedError for a topic that is no input of the target, or that would change nothing."""
        self._bus = bus
        self._source = source
        self._target = target
        self._author = author
        self._options = options
        self._monotonic = monotonic
        self._sleep = sleep
        self._audit = Audit(bus, catalogue, source.prefix)
        self._payloads = None if source.resolved is None else Payloads(source.resolved, catalogue)
        self._targets = Payloads(target, catalogue)
        self._partitions: dict[str, int] = {}
        if options.into and options.into not in target.routes:
            raise RejectedError(f"{target.contract.name} does not read {options.into!r}; {self._inputs()}")

    def find(self, wanted: LetterFilter) -> Iterator[DeadLetter]:
        """Yield the matching letters, oldest first per partition. Raise MissingTopicError, BusError."""
        states = self._audit.states()
        for letter in letters_in(self._bus, self._source.dead_letter_topic, self._source.node):
            readable = letter if self._payloads is None else self._payloads.attached(letter)
            if wanted.matches(readable, states.get(letter.identity, EnumLetterState.OPEN)):
                yield readable

    def prepare(self, letter: DeadLetter) -> Redirect:
        """Return what the target gets. Raise RejectedError with the reason for a letter that it cannot take."""
        if letter.incomplete:
            raise RejectedError(letter.incomplete)
        topic = letter.facts["topic"]
        if topic == self._source.changelog_topic or letter.original_offset < 0:
            raise RejectedError(f"a timer belongs to the state of {self._source.node}")
        into = self._options.into or self._input_for(topic)
        if self._is_own(into, topic):
            raise RejectedError("it would go back to where it failed; use `onex dlq replay`")
        if into != topic and is_foreign(into):
            raise RejectedError(f"{into} is a topic of others, whose records have another form")
        codec = self._codec(letter, into)
        before = self._readable(letter, codec)
        after = patched(before, self._options.changes, self._options.removed)
        try:
            message = codec.read_json(json.dumps(after).encode())
            value: bytes | None = codec.encode(message)
        except MessageError as error:
            raise RejectedError(f"it does not fit {into}: {error}") from None
        key = message.partition_key() or letter.record.key()
        if into == topic and after == before:
            value = letter.record.value()
        return Redirect(letter, into, value, key, difference(letter.message(), after))

    def run(
        self,
        letters: Sequence[DeadLetter],
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> RedirectReport:
        """Redirect letters in the order of their messages. Raise FencedError when another change starts, BusError.

        ``progress`` gets the number of letters that are done.
        """
        ordered = sorted(letters, key=lambda letter: letter.order)
        report, pace = RedirectReport(), Pace(self._options.rate, self._monotonic, self._sleep)
        transaction = self._bus.transaction(self._source.transactional_id)
        try:
            for at in range(0, len(ordered), pace.size):
                pace.wait()
                if stopping():
                    report.stopped = "interrupted; run it again to continue"
                    break
                prepared = list(self._prepared(ordered[at : at + pace.size], report))
                if prepared:
                    self._send(transaction, prepared)
                    report.redirected += len(prepared)
                    pace.sent(len(prepared))
                progress(min(len(ordered), at + pace.size))
        finally:
            transaction.close()
        return report

    def _prepared(self, letters: Sequence[DeadLetter], report: RedirectReport) -> Iterator[Redirect]:
        for letter in letters:
            try:
                yield self.prepare(letter)
            except RejectedError as error:
                report.refused[str(error)] += 1

    def _send(self, transaction: ProtocolTransaction, redirects: Sequence[Redirect]) -> None:
        transaction.begin()
        try:
            for redirect in redirects:
                letter, number = redirect.letter, self._partition_of(redirect)
                transaction.produce(*self._record(redirect), number)
                if fence := self._source.fenced_by:
                    release = release_record(fence, letter.record.key(), letter.facts["message-id"].encode())
                    if letter.partition < self._count(fence):
                        transaction.produce(*release, letter.partition)
                detail = f"to {self._target.contract.name} as {redirect.into}: {_id_of(letter)}"
                self._audit.write(transaction, letter, EnumDeadLetterAction.REDIRECTED, self._author, detail)
            transaction.commit(None, {})
        except BaseException:
            transaction.abort()
            raise

    def _record(self, redirect: Redirect) -> Emitted:
        """Return the record for the retry topic of the target. The message id stays."""
        topic, _, _, headers = outgoing(self._target.contract, redirect.letter)
        into = redirect.into
        changed = {h.ORIGINAL_TOPIC: into.encode()}
        if into != redirect.letter.facts["topic"]:
            content_type = self._codec(redirect.letter, into).content_type
            changed |= {h.TYPE: event_type(into).encode(), h.CONTENT_TYPE: content_type}
        headers = [(name, changed.pop(name, value)) for name, value in headers]
        headers += changed.items()
        if self._options.authorization:
            headers.append((h.AUTHORIZATION, self._options.authorization.encode()))
        return topic, redirect.value, redirect.key, headers

    def _partition_of(self, redirect: Redirect) -> int:
        """Return the partition for a record: that of its key, or of the original record on the same topic."""
        letter, contract = redirect.letter, self._target.contract
        count = self._count(contract.retry_topic)
        is_same = redirect.into == letter.facts["topic"] and letter.partition < count
        if redirect.key and (contract.node_type.is_stateful or not is_same):
            return self._bus.partitions_of([redirect.key], count)[0]
        return letter.partition % count

    def _count(self, topic: str) -> int:
        if topic not in self._partitions:
            self._partitions[topic] = require_topic(self._bus.admin, topic).partitions
        return self._partitions[topic]

    def _codec(self, letter: DeadLetter, into: str) -> ProtocolCodec:
        """Return how the target reads a letter on one of its inputs. Raise RejectedError when that is unknown."""
        try:
            codec = self._targets.codec(DeadLetter(letter.record, {**letter.facts, "topic": into}))
        except MessageError as error:
            raise RejectedError(f"it cannot be read: {error}") from None
        assert codec is not None, "it is an input of the target"
        return codec

    def _readable(self, letter: DeadLetter, codec: ProtocolCodec) -> JsonValue:
        """Return the payload as the target reads it, else as its own node does."""
        try:
            found: JsonValue = json.loads(codec.decode(letter.record.value()).to_stored_json())
        except MessageError as error:
            own = letter.message()
            if own is None:
                raise RejectedError(f"it cannot be read: {error}") from None
            return own
        return found

    def _input_for(self, topic: str) -> str:
        """Return the input of the target for letters of a topic: the same, or another version of its message."""
        if topic in self._target.routes:
            return topic
        versions = [] if is_foreign(topic) else [t for t in self._target.routes if _is_version_of(t, topic)]
        if len(versions) == 1:
            return versions[0]
        name = self._target.contract.name
        raise RejectedError(f"{name} reads neither {topic} nor one other version of it; {self._inputs()}")

    def _inputs(self) -> str:
        return f"pass --into with one of {', '.join(self._target.routes)}"

    def _is_own(self, into: str, topic: str) -> bool:
        contract = self._target.contract
        return into == topic and (contract.name, contract.contract_version.major) == (
            self._source.node,
            self._source.major,
        )


def _is_version_of(topic: str, other: str) -> bool:
    if is_foreign(topic):
        return False
    a, b = TopicName.parse(topic), TopicName.parse(other)
    return (a.category, a.owner, a.name, a.prefix) == (b.category, b.owner, b.name, b.prefix)


def _id_of(letter: DeadLetter) -> str:
    return replay_id(letter.identity, letter.replays + 1)
