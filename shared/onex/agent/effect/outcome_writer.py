"""The records of outcomes: written into the transaction, and compared with the limits of their topics."""

from collections.abc import Iterable
from operator import itemgetter

from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.outcome import Commit, Outcome
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Emitted, ProtocolTransaction


class OutcomeWriter:
    """Writes the records of outcomes. Failed deliveries of dead letters stall their partition."""

    def __init__(self, blocked: BlockedPartitions, results: IdempotentResults | None, limits: TopicLimits) -> None:
        self._blocked = blocked
        self._results = results
        self._limits = limits

    def write_all(self, transaction: ProtocolTransaction, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes in their order. Outcomes that are only outputs go to the producer in one call."""
        outputs: list[Emitted] = []
        for outcome in outcomes:
            if outcome.dead or outcome.to_retry_topic is not None or outcome.stored is not None:
                transaction.produce_all(outputs)
                outputs = []
                self._write(transaction, outcome)
            else:
                outputs += outcome.emitted
        transaction.produce_all(outputs)

    def _write(self, transaction: ProtocolTransaction, outcome: Outcome) -> None:
        def report(error: Exception | None, _: int) -> None:
            if error is not None:
                self._blocked.note(outcome.partition, error)

        for emitted in outcome.emitted:
            transaction.produce(*emitted, on_delivery=report if outcome.dead else None)
        if outcome.to_retry_topic is not None:
            transaction.produce(*outcome.to_retry_topic, partition=outcome.partition.partition)
        if self._results is not None and (stored := outcome.stored) is not None:
            on_delivery = self._results.delivered(stored)
            transaction.produce(*stored.record, partition=stored.number, on_delivery=on_delivery)

    def refused(self, commit: Commit) -> list[Outcome]:
        """Return the outcomes whose records the broker refused: those that do not fit the topics as they are now.

        Where all seem to fit, even after the limits were read again, return the outcome that is nearest to its limit.
        Batches of several records stay below every limit, so a single record was refused. Return no outcome where a
        dead letter no longer fits its topic: its partition waits until the topic takes it.
        """
        careful = self._limits.careful
        self._limits.suspect(commit.positions)
        if any(self._limits.fill(_records(outcome)) > 1.0 for outcome in commit.outcomes if outcome.dead):
            return []
        fills = [(self._limits.fill(_records(outcome)), outcome) for outcome in commit.outcomes if not outcome.dead]
        refused = [outcome for fill, outcome in fills if fill > 1.0]
        if not refused and careful and fills:
            refused = [max(fills, key=itemgetter(0))[1]]
        return refused


def _records(outcome: Outcome) -> list[Emitted]:
    """Return everything that an outcome writes."""
    records = [*outcome.emitted]
    if outcome.to_retry_topic is not None:
        records.append(outcome.to_retry_topic)
    if outcome.stored is not None:
        records.append(outcome.stored.record)
    return records
