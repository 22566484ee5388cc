"""From a record to a typed message: its input, its envelope and its value."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby, repeat
from operator import attrgetter, methodcaller

from pydantic import TypeAdapter

from onex.agent.message.envelope import Envelope, read_envelopes
from onex.agent.message.program import Input, Program
from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.bus.protocols import ProtocolRecord
from onex.errors import DeadlineError, RejectedError
from onex.model.message import Message
from onex.node import TimerFired
from onex.util.interrupts import raise_if_interrupted
from onex.wire import headers as h

DecodedInput = tuple[Input, Message, Envelope]
"""The input that a record belongs to, its message and its envelope. A plain tuple: one is made for every record."""


def _timer_input(program: Program) -> Input | None:
    """Return the input of fired timers. Dead letters of timers name the changelog as their topic; replayed, they fire
    again."""
    if program.timers is None:
        return None
    codec = TypeAdapter(TimerFired)
    topic = program.contract.changelog_topic
    return Input(topic, b"", TimerFired, lambda value: codec.validate_json(value or b""), program.timers)


class IgnoredRecord(Exception):  # noqa: N818 - it is no error
    """Why a record has no input: the contract ignores its type. The record is done as it is read."""


def require_type(entry: Input, envelope: Envelope) -> None:
    """Raise RejectedError for a record that says that it belongs on another topic of the mesh."""
    if envelope.type is not None and envelope.type != entry.event_type:
        raise RejectedError(f"event type {envelope.type!r} does not belong on {entry.topic}")


def require_in_time(entry: Input, envelope: Envelope, now_ms: int) -> None:
    """Raise DeadlineError for a command whose deadline has passed: its sender waits for no reply any more."""
    if entry.is_command and envelope.deadline_ms <= now_ms:
        late = (now_ms - envelope.deadline_ms) / 1000
        raise DeadlineError(f"{entry.model.__name__}: its deadline passed {late:.3g} s ago")


class Decoder:
    """Decodes records of one node's topics."""

    ignores = False
    """Whether it returns :class:`IgnoredRecord` for some records."""
    rekeyed_topics: Collection[str] = ()
    """Topics whose records get their key from the message."""

    def __init__(self, program: Program) -> None:
        self._inputs: Mapping[str, Input] = program.inputs
        self.timers = _timer_input(program)
        """The input of fired timers; None for nodes that cannot set timers."""
        self._needs_key = program.contract.node_type.is_stateful

    def decode(self, records: list[ProtocolRecord]) -> list[DecodedInput | BaseException]:
        """Return an input per record, or PoisonError, SchemaMismatchError or RejectedError for one without.

        A record whose headers cannot be read is replaced in ``records`` by one without headers.
        """
        envelopes, readable = read_envelopes(records)
        if not readable:
            return self._one_by_one(records)
        if not records:
            return []
        topics = [*map(_TOPIC, records)]
        if topics.count(topics[0]) == len(topics):
            return self._of_one_topic(topics[0], records, envelopes)
        inputs: list[DecodedInput | BaseException] = []
        for topic, run in groupby(topics):
            place = slice(len(inputs), len(inputs) + len([*run]))
            inputs += self._of_one_topic(topic, records[place], envelopes[place])
        return inputs

    def _of_one_topic(
        self, topic: str, records: Sequence[ProtocolRecord], envelopes: Sequence[Envelope]
    ) -> list[DecodedInput | BaseException]:
        return self._together(topic, records, envelopes) or self._each(records, envelopes)

    def _together(
        self, topic: str, records: Sequence[ProtocolRecord], envelopes: Sequence[Envelope]
    ) -> list[DecodedInput | BaseException]:
        """Decode records of one topic. Return an empty list when one of them cannot be decoded.

        The loops over the group are in C: the codec is the only bytecode that runs for each record.
        """
        entry = self._inputs.get(topic)
        if entry is None:
            return []
        types, keys = [*map(_TYPE, envelopes)], [*map(_KEY, envelopes)]
        if types.count(entry.event_type) + types.count(None) < len(types) or (self._needs_key and not all(keys)):
            return []
        try:
            messages = [*map(entry.decode, map(_VALUE, records))]
            has_keys = entry.keys_of is None or [*entry.keys_of(messages)] == keys
        except BaseException as error:  # noqa: BLE001 - ``_each`` finds the record that it is about
            raise_if_interrupted(error)
            return []
        inputs = zip(repeat(entry), messages, envelopes)
        return [*inputs] if has_keys else [*map(with_its_key, inputs)]

    def _each(
        self, records: Sequence[ProtocolRecord], envelopes: Sequence[Envelope]
    ) -> list[DecodedInput | BaseException]:
        """Decode records one by one."""
        inputs, needs_key = self._inputs, self._needs_key
        inputs_or_errors: list[DecodedInput | BaseException] = []
        for record, envelope in zip(records, envelopes, strict=True):
            try:
                entry = inputs.get(record.topic()) or self._replayed(record)
                require_type(entry, envelope)
                if needs_key and not envelope.key:
                    raise RejectedError("the record has no key, and state is stored by key")
                inputs_or_errors.append(with_its_key((entry, entry.decode(record.value()), envelope)))
            except BaseException as error:  # noqa: BLE001 - whatever is wrong with it, it becomes a dead letter
                raise_if_interrupted(error)
                inputs_or_errors.append(error)
        return inputs_or_errors

    def _one_by_one(self, records: list[ProtocolRecord]) -> list[DecodedInput | BaseException]:
        """Decode records of which some have headers that cannot be read."""
        inputs_or_errors: list[DecodedInput | BaseException] = []
        for at, record in enumerate(records):
            single = [record]
            inputs_or_errors += [record.reason] if isinstance(record, UnreadableHeaders) else self.decode(single)
            (records[at],) = single
        return inputs_or_errors

    def _replayed(self, record: ProtocolRecord) -> Input:
        """Return the input of a record on the retry topic, which names the topic that it came from."""
        topic = (dict(record.headers() or []).get(h.ORIGINAL_TOPIC) or b"").decode(errors="replace")
        entry = self.timers if self.timers and topic == self.timers.topic else self._inputs.get(topic)
        if entry is None:
            raise RejectedError(f"record on {record.topic()} names no input of this node ({topic!r})")
        return entry


_TOPIC, _VALUE = methodcaller("topic"), methodcaller("value")
_TYPE, _KEY = attrgetter("type"), attrgetter("key")


def with_its_key(decoded: DecodedInput) -> DecodedInput | BaseException:
    """Return the input, or RejectedError for a record whose key is not the one that its message declares.

    State, order and replies follow the record's key; readers of the message follow its field.
    """
    entry, message, envelope = decoded
    try:
        declared = message.partition_key()
    except RejectedError as error:
        return error
    if declared and envelope.key and declared != envelope.key:
        name, field = entry.model.__name__, entry.model.key_field
        return RejectedError(f"the record has another key than {name}.{field}; key the record by that field")
    return decoded
