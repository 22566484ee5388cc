"""What there is to read according to the brokers: a client may be wrong about it."""

from collections.abc import Callable, Mapping

from onex.bus.protocols import Partition, ProtocolAdmin

Span = tuple[int, int]
"""From which offset to which one committed readers get."""
AskForSpans = Callable[[Mapping[Partition, int]], Mapping[Partition, Span]]
"""By positions, as :func:`spans_of`; raises BusError."""


class BrokerLag:
    """Asked for every ``every`` seconds, and remembered between.

    A client tells its lag from what came with its last fetch. Of a partition that it has stopped fetching, which
    happens when a broker comes back, it believes for good that nothing is left; and of one from which nothing has
    ever come it knows nothing.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._asked = float("-inf")
        self._spans: Mapping[Partition, Span] = {}

    def corrected(
        self, lags: Mapping[Partition, int], positions: Mapping[Partition, int], now: float, ask: AskForSpans
    ) -> dict[Partition, int]:
        """The client's lags, with what it does not see of partitions that it believes done.

        Raises what ``ask`` raises.
        """
        if positions and now - self._asked >= self._every:
            self._asked = now
            self._spans = ask(positions)
        corrected = dict(lags)
        for partition, (begin, end) in self._spans.items():
            if corrected.get(partition) or (position := positions.get(partition)) is None:
                continue
            corrected[partition] = max(0, end - (begin if position < 0 else position))
        return corrected


def spans_of(admin: ProtocolAdmin, group: str, positions: Mapping[Partition, int]) -> dict[Partition, Span]:
    """From each position to the stable end; where that is unknown, from what the group has committed or the begin."""
    ends = admin.stable_ends(positions.keys())
    unknown = [partition for partition, position in positions.items() if position < 0]
    begins = dict(positions)
    if unknown:
        committed = admin.group_positions(group, unknown)
        firsts = {partition: first for partition, (first, _) in admin.ends(unknown).items()}
        begins |= {p: committed[p].offset if p in committed else firsts[p] for p in unknown}
    return {partition: (begins[partition], end) for partition, end in ends.items()}
