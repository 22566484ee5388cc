"""Replay: writes the original bytes to the node's retry topic, which no other group reads.

One transaction writes each record together with its audit entry. A replay that was interrupted continues where it
stopped, and sends no record twice. Two operators who replay at the same time fence each other.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from onex.bus.protocols import Headers, Partition, ProtocolEventBus, ProtocolTransaction
from onex.bus.topics import all_partitions, require_topic
from onex.dlq.audit import Audit, Author
from onex.dlq.pace import Pace
from onex.dlq.reading import DeadLetter, read_letters
from onex.model.contract import ModelContract
from onex.model.mesh import EnumDeadLetterAction
from onex.wire import dead_letter as d
from onex.wire import headers as h
from onex.wire.ids import replay_id

_PROCESSED_WITHIN = 15.0
"""Seconds to wait until the node has processed a batch, before its failures are counted."""
_LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """Rate and number of the records, and when to stop."""

    rate: float = 0.0
    """Records per second; 0 sets no limit."""
    most: int = 1_000_000
    abort_above: float = 1.0
    """Share of the replayed records that may fail again before the replay stops, from 0 to 1; 1 never stops."""
    authorization: str = field(default="", repr=False)
    """Value of the header ``authorization``, which dead letters do not contain; empty omits it."""


@dataclass(slots=True)
class ReplayReport:
    """Counters of a replay."""

    matching: int = 0
    replayed: int = 0
    parked: int = 0
    """Letters that were parked instead: replayed too often before, or incomplete."""
    failed_again: int = 0
    """Counted only when ``abort_above`` is below 1."""
    stopped: str = ""
    """Why the replay stopped early; empty when it did not."""


@dataclass(slots=True)
class Replayer:
    """Replays letters of one node."""

    bus: ProtocolEventBus
    contract: ModelContract
    audit: Audit
    author: Author
    group: str
    transactional_id: str
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _written: dict[int, int] = field(default_factory=dict)
    """Next offset by retry partition, after the last batch."""
    _partitions: int = 0
    """Number of partitions of the retry topic; 0 before the first request."""

    def run(
        self,
        letters: Sequence[DeadLetter],
        options: ReplayOptions,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[ReplayReport], None] = lambda _: None,
    ) -> ReplayReport:
        """Replay letters in the order of their messages. Raise FencedError when another replay starts, BusError."""
        ordered = sorted(letters, key=lambda letter: letter.order)[: options.most]
        report = ReplayReport(matching=len(letters))
        before = self._end_of_letters() if options.abort_above < 1 else {}
        sent: set[str] = set()
        transaction = self.bus.transaction(self.transactional_id)
        pace = Pace(options.rate, self.monotonic, self.sleep)
        try:
            for at in range(0, len(ordered), pace.size):
                pace.wait()
                if stopping():
                    report.stopped = "interrupted; run it again to continue"
                    break
                batch = ordered[at : at + pace.size]
                self._send(transaction, batch, report, options.authorization)
                pace.sent(len(batch))
                sent |= {letter.identity for letter in batch}
                progress(report)
                if options.abort_above < 1 and self._too_many_failed(report, sent, before, options.abort_above):
                    break
        finally:
            transaction.close()
        return report

    def _send(
        self, transaction: ProtocolTransaction, batch: Sequence[DeadLetter], report: ReplayReport, authorization: str
    ) -> None:
        limit = self.contract.error_handling.dead_letter.park_after
        transaction.begin()
        replayed = parked = 0
        try:
            for letter in batch:
                reason = f"replayed {letter.replays} times" if letter.replays >= limit else letter.incomplete
                if not reason and letter.partition >= self._count():
                    reason = f"{self.contract.retry_topic} has no partition {letter.partition} to send it to"
                if reason:
                    self.audit.write(transaction, letter, EnumDeadLetterAction.PARKED, self.author, reason)
                    parked += 1
                    continue
                topic, value, key, headers = outgoing(self.contract, letter)
                if authorization:
                    headers.append((h.AUTHORIZATION, authorization.encode()))
                number = self._place(letter)
                transaction.produce(topic, value, key, headers, number, self._on_delivery(number))
                self.audit.write(
                    transaction,
                    letter,
                    EnumDeadLetterAction.REPLAYED,
                    self.author,
                    _id_of(letter),
                )
                replayed += 1
            transaction.commit(None, {})
        except BaseException:
            transaction.abort()
            raise
        report.replayed += replayed
        report.parked += parked

    def _place(self, letter: DeadLetter) -> int:
        """Return the partition number for a replay: that of the original record, or of the key for a keyed node.

        A producer with another partitioner may have written the original record to a wrong partition.
        """
        contract, key = self.contract, letter.record.key()
        if not contract.node_type.is_stateful or not key or letter.facts["topic"] == contract.changelog_topic:
            return letter.partition
        return self.bus.partitions_of([key], self._count())[0]

    def _count(self) -> int:
        if not self._partitions:
            self._partitions = require_topic(self.bus.admin, self.contract.retry_topic).partitions
        return self._partitions

    def _on_delivery(self, number: int) -> Callable[[Exception | None, int], None]:
        def report(failure: Exception | None, offset: int) -> None:
            if failure is None:
                self._written[number] = offset + 1

        return report

    def _too_many_failed(self, report: ReplayReport, sent: set[str], before: dict[int, int], limit: float) -> bool:
        """Wait until the node has processed the batch, then count the letters that failed again."""
        deadline = self.monotonic() + _PROCESSED_WITHIN
        while not self._processed() and self.monotonic() < deadline:
            self.sleep(_LOOK_EVERY)
        parents = {letter.facts.get("parent") for letter in read_letters(self.bus, self.contract, before)}
        report.failed_again = len(parents & sent)
        if report.replayed and report.failed_again > limit * report.replayed:
            report.stopped = f"{report.failed_again} of {report.replayed} failed again"
            return True
        return False

    def _processed(self) -> bool:
        topic = self.contract.retry_topic
        ends = {Partition(topic, number): end for number, end in self._written.items()}
        positions = self.bus.admin.group_positions(self.group, ends.keys())
        return all(partition in positions and positions[partition].offset >= end for partition, end in ends.items())

    def _end_of_letters(self) -> dict[int, int]:
        topic = self.contract.dead_letter_topic
        partitions = all_partitions([require_topic(self.bus.admin, topic)])
        return {partition.partition: end for partition, (_, end) in self.bus.admin.ends(partitions).items()}


def _id_of(letter: DeadLetter) -> str:
    """Return the id of the next replay of a dead letter."""
    return replay_id(letter.identity, letter.replays + 1)


def outgoing(contract: ModelContract, letter: DeadLetter) -> tuple[str, bytes | None, bytes | None, Headers]:
    """The record for the retry topic.

    The message id stays: what the node puts out has the ids it would have had.
    """
    headers: Headers = [pair for pair in h.of_sender(letter.original_headers) if pair[0] != h.ID]
    headers += [
        (h.ID, letter.facts["message-id"].encode()),
        (h.ORIGINAL_TOPIC, letter.facts["topic"].encode()),
        (h.ORIGINAL_PARTITION, letter.facts.get("partition", "").encode()),
        (h.ORIGINAL_OFFSET, letter.facts["offset"].encode()),
        (h.ORIGINAL_TIME, letter.facts["timestamp"].encode()),
        (h.REPLAY_ID, _id_of(letter).encode()),
        (d.REPLAYS, str(letter.replays + 1).encode()),
        (d.PARENT, letter.identity.encode()),
    ]
    if step := letter.facts.get("from-step"):  # a replay must not do the steps before it a second time
        headers.append((h.FROM_STEP, step.encode()))
    return contract.retry_topic, letter.record.value(), letter.record.key(), headers
