"""Lag as the brokers know it, because a client may be wrong about it."""

from collections.abc import Callable, Mapping

from onex.bus.protocols import Partition, ProtocolAdmin

Span = tuple[int, int]
"""First offset to read, and the offset where committed records end."""
ReadSpans = Callable[[Mapping[Partition, int]], Mapping[Partition, Span]]
"""Takes positions and returns spans, as :func:`spans_of` does; raises BusError."""


class BrokerLag:
    """Reads spans from the brokers every ``every`` seconds, and remembers them between.

    A client derives its lag from its last fetch. When it has stopped fetching a partition, which happens when a
    broker returns, its lag stays 0. For a partition of which it has fetched nothing, it knows no lag.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._read_at = float("-inf")
        self._spans: Mapping[Partition, Span] = {}

    def corrected(
        self, lags: Mapping[Partition, int], positions: Mapping[Partition, int], now: float, read_spans: ReadSpans
    ) -> dict[Partition, int]:
        """Return the client's lags, corrected for partitions in which the client sees no lag.

        Raises what ``read_spans`` raises.
        """
        if positions and now - self._read_at >= self._every:
            self._read_at = now
            self._spans = read_spans(positions)
        corrected = dict(lags)
        for partition, (begin, end) in self._spans.items():
            if corrected.get(partition) or (position := positions.get(partition)) is None:
                continue
            corrected[partition] = max(0, end - (begin if position < 0 else position))
        return corrected


def spans_of(admin: ProtocolAdmin, group: str, positions: Mapping[Partition, int]) -> dict[Partition, Span]:
    """Return the span from each position to the last stable offset.

    Where a position is unknown (below 0), the span begins at the committed offset of the group, or at the first
    record.
    """
    ends = admin.stable_ends(positions.keys())
    unknown = [partition for partition, position in positions.items() if position < 0]
    begins = dict(positions)
    if unknown:
        committed = admin.group_positions(group, unknown)
        firsts = {partition: first for partition, (first, _) in admin.ends(unknown).items()}
        begins |= {p: committed[p].offset if p in committed else firsts[p] for p in unknown}
    return {partition: (begins[partition], end) for partition, end in ends.items()}
