"""What each layer adds to a message on the batch path: the same records, with one more layer each time."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

from confluent_kafka import Message
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from benchmarks.price import setup
from onex.agent.message.program import Program
from onex.agent.pure.batch_pace import TOGETHER
from onex.agent.pure.compute import ComputeProcessor
from onex.agent.state.backends import MemoryBackend
from onex.agent.state.partition_store import PartitionStore
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.agent.telemetry.tracing import Tracing
from onex.agent.topic_limits import TopicLimits
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.settings import Settings
from onex.wire import headers as h

_SECONDS = 4.0
Group = Sequence[Message]
"""Records that are carried together."""
Best = Callable[[Sequence[object], Callable[..., object]], float]


def layers(
    program: Program, catalogue: ProtocolSchemaCatalogue, records: Sequence[Message], best: Best
) -> dict[str, float]:
    """Microseconds a message: the bare work, then what each layer adds to it."""
    groups = in_groups(records, TOGETHER)
    bare = each(groups, _bare(program), best)
    found = {"layer: nothing but decode, handler, encode": bare}
    engine = each(groups, carrying(program, None), best)
    found["layer: envelope, ids, headers, log context, dead letters, watchdog"] = engine - bare
    for name, sampled in (("traces, of what is not sampled", b"00"), ("traces, of what is sampled", b"01")):
        with _exporting() as traces:
            flagged = in_groups([_Flagged(record, sampled) for record in records], TOGETHER)
            passing = each(flagged, carrying(program, None), best)
            found[f"layer: {name}"] = each(flagged, carrying(program, traces), best) - passing
    found["layer: traces, of what is sampled, at most 100 a second"] = _limited(program, records)
    found["layer: a keyed state, read and written, new key each time"] = _state(program, catalogue, records, best)
    return found


def in_groups(records: Sequence[Message], size: int) -> list[Group]:
    """Return all records, in groups of ``size``."""
    return [records[start : start + size] for start in range(0, len(records), size)]


def each(groups: Sequence[Group], call: Callable[[Group], None], best: Best) -> float:
    """Microseconds a message of a call that takes a group."""
    return best(groups, call) * len(groups) / sum(map(len, groups))


def _bare(program: Program) -> Callable[[Group], None]:
    entry, output = program.inputs[setup.INPUT], next(iter(program.outputs.values()))

    def work(records: Group) -> None:
        results = [entry.handle(message) for message in [entry.decode(record.value()) for record in records]]
        for result in results:
            output.encode(result)

    return work


def carrying(program: Program, traces: BatchTraces | None) -> Callable[[Group], None]:
    """The engine's work, without a bus."""
    work = ComputeProcessor(program, "group", traces)
    work.begin(0)

    def carry(records: Group) -> None:
        work.carry([*records])
        if traces is not None:
            traces.finish(0, committed=True)

    return carry


def _limited(program: Program, records: Sequence[Message]) -> float:
    """What the default limit leaves of the cost of sampled messages, on average over a few seconds of full load."""
    flagged = in_groups([_Flagged(record, b"01") for record in records], TOGETHER)
    passing = _average(flagged, carrying(program, None))
    with _exporting(Settings().traces_per_second) as traces:
        carry = carrying(program, traces)

        def carry_batch(records: Group) -> None:
            traces.polled()
            carry(records)

        return _average(flagged, carry_batch) - passing


def _average(groups: Sequence[Group], call: Callable[[Group], None]) -> float:
    """Microseconds a message, the good moments and the bad."""
    count, began = 0, perf_counter()
    while (passed := perf_counter() - began) < _SECONDS:
        for group in groups:
            call(group)
            count += len(group)
    return passed / count * 1e6


def _state(program: Program, catalogue: ProtocolSchemaCatalogue, records: Sequence[Message], best: Best) -> float:
    """A store of the input's own model, with the codec that a state of these six fields would have."""
    entry = program.inputs[setup.INPUT]
    pairs = [(record.key() or b"", entry.decode(record.value())) for record in records]
    store = PartitionStore(Codec(entry.model, 1, catalogue), MemoryBackend(), entry.topic, TopicLimits.usual())
    left = len(pairs)

    def change(pair: tuple[bytes, object]) -> None:
        nonlocal left
        store.get(pair[0])
        store.put(*pair)
        left -= 1
        if not left:
            store.changes()
            store.commit(0)
            left = len(pairs)

    return best(pairs, change)


class _Flagged:
    """A record with other trace flags."""

    def __init__(self, record: Message, flags: bytes) -> None:
        self._record = record
        self._headers = [
            (name, value[:-2] + flags if name == h.TRACE_PARENT else value) for name, value in record.headers() or []
        ]
        self.topic, self.partition, self.offset = record.topic, record.partition, record.offset
        self.key, self.value, self.timestamp = record.key, record.value, record.timestamp

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


class _Dropping(SpanExporter):
    """Takes spans as fast as anybody can."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


@contextmanager
def _exporting(most: float = 0) -> Iterator[BatchTraces]:
    tracing = Tracing("node", "1.0.0", "group", "instance", BatchSpanProcessor(_Dropping()), most)
    try:
        yield BatchTraces(tracing)
    finally:
        tracing.close()
        gc.collect()
