"""A broker writes a record and its acknowledgement is lost: records of the next transaction are not lost with it."""

import os
from collections.abc import Iterator
from threading import Thread

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from onex.bus.kafka import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.transaction import KafkaTransaction
from tests.chaos.cluster import SIZE, Broker, Cluster
from tests.conftest import eventually


class Scene:
    """A topic of one partition behind a proxy, and a producer."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._topic = topic
        self._config = KafkaConfig(cluster.bootstrap_servers)
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
        admin.create_topics([NewTopic(topic, 1, SIZE)])[topic].result(20)
        self._broker = eventually(lambda: self._leader(cluster, admin), 20, "a leader")
        self._producer = KafkaTransaction(self._config, topic, ErrorSink())

    def _leader(self, cluster: Cluster, admin: AdminClient) -> Broker | None:
        """The leader that one of the brokers names: another may not know the topic yet."""
        found = admin.list_topics(self._topic, timeout=10).topics[self._topic].partitions
        return next((broker for broker in cluster.brokers if 0 in found and broker.node_id == found[0].leader), None)

    def commit(self, value: bytes) -> None:
        """One record, one transaction."""
        self._producer.begin()
        self._producer.produce(self._topic, value, b"k", [])
        self._producer.commit(None, {})

    def abort_unacknowledged(self) -> None:
        """Abort a transaction of two records. The acknowledgement of the second one is lost with the connection."""
        self._producer.begin()
        self._producer.produce(self._topic, b"aborted", b"k", [])
        eventually(self._producer.acknowledged, 20, "the first record is acknowledged")
        written = self._written()
        self._broker.proxy.drop_responses(os.getpid())
        self._producer.produce(self._topic, b"aborted, too", b"k", [])
        eventually(
            lambda: not self._producer.acknowledged() and self._written() > written, 20, "the record is written"
        )
        refused = self._broker.proxy.refused
        self._broker.proxy.cut_off(os.getpid())
        eventually(
            lambda: self._broker.proxy.refused > refused, 20, "the client has lost the connection, and tries again"
        )
        abort = Thread(target=self._producer.abort)
        abort.start()
        eventually(self._producer.acknowledged, 20, "the client has dropped the record")
        self._broker.proxy.mend()
        abort.join(60)
        assert not abort.is_alive()

    def _written(self) -> int:
        return sum(file.stat().st_size for file in (self._broker.folder / "data" / f"{self._topic}-0").glob("*.log"))

    def committed(self) -> list[bytes]:
        """Values that a reader of committed records sees."""
        consumer = Consumer(self._config.reader())
        consumer.assign([TopicPartition(self._topic, 0, OFFSET_BEGINNING)])
        values: list[bytes] = []
        try:
            while (record := consumer.poll(20)) is not None and record.error() is None:
                values.append(record.value() or b"")
        finally:
            consumer.close()
        return values

    def close(self) -> None:
        self._producer.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start().close()
        yield made
    finally:
        made.stop()


@pytest.mark.parametrize("renews", [True, False])
def test_what_is_committed_after_an_abort_is_written(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, renews: bool
) -> None:
    """``renews=False`` shows the fault of librdkafka. When it fails, the library is fixed and ``_renew`` can go."""
    if not renews:
        monkeypatch.setattr(KafkaTransaction, "_renew", lambda self: None)
    scene = Scene(cluster, f"onex.evt.tests.renews-{renews}.v1".lower())
    scene.commit(b"first")
    scene.abort_unacknowledged()
    scene.commit(b"second")
    scene.commit(b"third")
    assert scene.committed() == [b"first", *([b"second"] if renews else []), b"third"]
    scene.close()
