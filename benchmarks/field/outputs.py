"""Checks of everything that an entry wrote: outputs of different partitions are checked by different processes."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from typing import Concatenate, ParamSpec, TypeVar

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.protocols import Partition, ProtocolRecord
from onex.model.message import Message
from onex.schema import Codec
from onex.schema.topic_catalogue import TopicCatalogue

P = ParamSpec("P")
T = TypeVar("T")


class Outputs:
    """What was written to some partitions of one topic since a benchmark's turn began."""

    def __init__(self, bootstrap: str, begins: Mapping[Partition, int]) -> None:
        self._bus = KafkaEventBusAdapter(KafkaConfig(bootstrap))
        self._begins = begins

    def codec(self, model: type[Message]) -> Codec:
        """How these outputs are read."""
        (topic,) = {partition.topic for partition in self._begins}
        return Codec.of_topic(model, topic, TopicCatalogue(self._bus))

    def __iter__(self) -> Iterator[ProtocolRecord]:
        """Committed records."""
        with closing(self._bus.read(self._begins)) as reader:
            yield from reader.until_end()

    def close(self) -> None:
        """Release the clients."""
        self._bus.close()


def checked(
    check: Callable[Concatenate[Outputs, P], T],
    bootstrap: str,
    begins: Mapping[Partition, int],
    *arguments: P.args,
    **named: P.kwargs,
) -> list[T]:
    """Return what ``check`` (of a module) finds in each share of the partitions. Raise its AssertionError."""
    workers = len(os.sched_getaffinity(0))
    shares = [dict(list(begins.items())[number::workers]) for number in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = [pool.submit(_check, check, bootstrap, share, arguments, named) for share in shares if share]
        return [one.result() for one in found]


def _check(
    check: Callable[..., T],
    bootstrap: str,
    begins: Mapping[Partition, int],
    arguments: tuple[object, ...],
    named: Mapping[str, object],
) -> T:
    with closing(Outputs(bootstrap, begins)) as outputs:
        return check(outputs, *arguments, **named)
