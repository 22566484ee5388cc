"""Operations on the dead letters of one node."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from onex.bus.protocols import ProtocolEventBus, ProtocolTransaction
from onex.bus.topics import require_topic
from onex.contract import ResolvedNode
from onex.dlq.audit import Audit, Author, EnumLetterState
from onex.dlq.edit import difference, encoded, patched
from onex.dlq.filters import LetterFilter
from onex.dlq.reading import DeadLetter, Payloads, read_letters
from onex.dlq.replay import Replayer, ReplayOptions, ReplayReport
from onex.errors import PoisonError, RejectedError
from onex.model.mesh import DeadLetterAudited, EnumDeadLetterAction
from onex.schema import ProtocolCodec, ProtocolSchemaCatalogue
from onex.wire import dead_letter as d
from onex.wire.retry import release_record
from onex.wire.skipped import SkippedRecords

_DEFAULTS = ReplayOptions()
_ANY_STATE = LetterFilter(states=frozenset())


@dataclass(frozen=True, slots=True)
class Edit:
    """A prepared edit: the letter, its new bytes, and the difference."""

    letter: DeadLetter
    value: bytes
    difference: str


class DeadLetterManager:
    """Finds and changes the dead letters of a node. Every change has an audit entry with its author."""

    def __init__(
        self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, node: ResolvedNode, author: Author, env: str
    ) -> None:
        self._bus = bus
        self._node = node
        self._author = author
        self._audit = Audit(bus, catalogue, node.contract.topic_prefix)
        self._skipped = SkippedRecords()
        self._payloads = Payloads(node, catalogue)
        self._group = node.contract.group(env)
        self._transactional_id = f"{self._group}.dlq"

    def find(self, wanted: LetterFilter = _ANY_STATE) -> Iterator[tuple[DeadLetter, EnumLetterState]]:
        """Yield matching letters with their states, oldest first per partition. Raise BusError."""
        states = self._audit.states()
        for letter in read_letters(self._bus, self._node.contract, skipped=self._skipped):
            state = states.get(letter.identity, EnumLetterState.OPEN)
            readable = self._payloads.attached(letter)
            if wanted.matches(readable, state):
                yield readable, state

    def replay(
        self,
        letters: Sequence[DeadLetter],
        options: ReplayOptions = _DEFAULTS,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[ReplayReport], None] = lambda _: None,
    ) -> ReplayReport:
        """Send letters to the failing node only, in the order of their messages. Raise FencedError, BusError."""
        contract = self._node.contract
        replayer = Replayer(self._bus, contract, self._audit, self._author, self._group, self._transactional_id)
        return replayer.run(letters, options, stopping, progress)

    def mark(self, letters: Iterable[DeadLetter], action: EnumDeadLetterAction) -> int:
        """Park, reopen or drop letters, and return their number. Raise FencedError, BusError."""
        contract, marked = self._node.contract, 0
        releases = action is EnumDeadLetterAction.DROPPED and contract.error_handling.dead_letter.order_fence
        partitions = require_topic(self._bus.admin, contract.retry_topic).partitions if releases else 0
        with Transaction(self._bus.transaction(self._transactional_id)) as transaction:
            for letter in letters:
                self._audit.write(transaction, letter, action, self._author)
                number = letter.partition
                if number < partitions:  # no key waits for it in another partition
                    message_id = letter.facts["message-id"].encode()
                    release = release_record(contract.retry_topic, letter.record.key(), message_id)
                    transaction.produce(*release, partition=number)
                marked += 1
        return marked

    def prepare_edit(
        self,
        letter: DeadLetter,
        changes: Mapping[str, str],
        payload: JsonValue = None,
        removed: Sequence[str] = (),
    ) -> Edit:
        """Prepare an edit. Raise RejectedError when the result does not fit the schema of its topic."""
        topic = letter.facts.get("topic", "")
        codec = self._codec(letter)
        if codec is None:
            raise RejectedError(
                f"{topic} is no input of {self._node.contract.name}: nothing to check an edit against"
            )
        before = letter.message()
        if before is None and payload is None:
            raise RejectedError("the payload cannot be read; pass a whole new one")
        after = patched(before if payload is None else payload, changes, removed)
        return Edit(letter, encoded(codec, after), difference(before, after))

    def _codec(self, letter: DeadLetter) -> ProtocolCodec | None:
        try:
            return self._payloads.codec(letter)
        except PoisonError as error:
            raise RejectedError(f"the type of the message cannot be read: {error}") from None

    def edit(self, edit: Edit) -> str:
        """Write the edited copy as a new dead letter, close the original, and return the place of the copy.

        Raises BusError.
        """
        record, offsets = edit.letter.record, list[int]()
        headers = [pair for pair in record.headers() or [] if pair[0] not in (d.EDITED_FROM, d.SCHEMA_ID)]
        headers += [(d.EDITED_FROM, edit.letter.identity.encode()), (d.SCHEMA_ID, b"%d" % _schema_id(edit.value))]
        with Transaction(self._bus.transaction(self._transactional_id)) as transaction:
            transaction.produce(
                record.topic(),
                edit.value,
                record.key(),
                headers,
                record.partition(),
                lambda _, offset: offsets.append(offset),
            )
            self._audit.write(transaction, edit.letter, EnumDeadLetterAction.EDITED, self._author, edit.difference)
        return f"{record.partition()}:{offsets[0]}"

    def audited(self) -> list[DeadLetterAudited]:
        """Return the audit entries of this node, oldest first."""
        name = self._node.contract.name
        return sorted((e for e in self._audit.entries() if e.node == name), key=lambda entry: entry.at)


def exported(letter: DeadLetter, state: EnumLetterState) -> dict[str, JsonValue]:
    """Return a letter as a lossless JSON object: bytes in base64, and the payload decoded if it can be."""
    value, key = letter.record.value(), letter.record.key()
    return {
        "place": letter.place,
        "state": state,
        **letter.facts,
        "key": letter.key,
        "message_decoded": letter.message(),
        "key_base64": None if key is None else base64.b64encode(key).decode(),
        "value_base64": None if value is None else base64.b64encode(value).decode(),
        "headers": {name: (raw or b"").decode(errors="backslashreplace") for name, raw in letter.original_headers},
    }


def _schema_id(value: bytes) -> int:
    return int.from_bytes(value[1:5], "big")


class Transaction:
    """Commits a transaction at the end of a block, and aborts it when the block raises."""

    def __init__(self, transaction: ProtocolTransaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> ProtocolTransaction:
        self._transaction.begin()
        return self._transaction

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._transaction.commit(None, {})
            else:
                self._transaction.abort()
        finally:
            self._transaction.close()
