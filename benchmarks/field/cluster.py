"""The broker under all peers, and what is asked of it while they run."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.protocols import Partition
from onex.contract import ResolvedNode
from onex.local import LocalKafka
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema.topic_catalogue import TopicCatalogue

_ANSWER = 10.0
_LOOK_AGAIN = 0.05


class Cluster:
    """A fresh Kafka with the topics and schemas of some nodes."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.bus = KafkaEventBusAdapter(KafkaConfig(bootstrap))
        self.catalogue = TopicCatalogue(self.bus)
        self._admin = AdminClient({"bootstrap.servers": bootstrap})

    def provision(self, nodes: Sequence[ResolvedNode]) -> None:
        """Topics and schemas of nodes."""
        declared = declare(nodes, 1)
        apply_plan(make_plan(declared, self.bus, self.catalogue), declared, self.bus, self.catalogue)

    def partitions(self, topic: str) -> list[Partition]:
        """All partitions of a topic."""
        state = self.bus.admin.topics([topic])[topic]
        return [Partition(topic, number) for number in range(state.partitions)]

    def ends(self, topic: str) -> dict[Partition, int]:
        """Where a topic ends now."""
        return {partition: end for partition, (_, end) in self.bus.admin.ends(self.partitions(topic)).items()}

    def committed(self, group: str, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Messages that a group has done."""
        found = self.bus.admin.group_positions(group, partitions)
        return {partition: found[partition].offset if partition in found else 0 for partition in partitions}

    def written(self, begins: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """Messages written since, to topics without transactions."""
        asked = {TopicPartition(*partition): OffsetSpec.latest() for partition in begins}
        found = {Partition(at.topic, at.partition): f for at, f in self._admin.list_offsets(asked).items()}
        return {partition: found[partition].result(_ANSWER).offset - begin for partition, begin in begins.items()}

    def make_anew(self, topic: str, partitions: int = 0) -> None:
        """Replace a topic by an empty one. With 0 partitions it has as many as before."""
        admin = self.bus.admin
        state = admin.topics([topic])[topic]
        state = replace(state, partitions=partitions or state.partitions)
        admin.delete(topic)
        while admin.topics([topic]):
            time.sleep(_LOOK_AGAIN)
        admin.create([state])

    def scratch(self, name: str) -> Path:
        """An empty folder for one run."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A broker for one benchmark."""
    with tempfile.TemporaryDirectory(prefix="onex-bench-") as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap="1g")
        try:
            yield Cluster(kafka.start(), Path(folder))
        finally:
            kafka.stop()
