"""node_kafka_producer_pool_effect on a real broker."""

import base64
from pathlib import Path
from uuid import uuid4

from node_kafka_producer_pool_effect.v1_0_0.models import (
    EnumEncoding,
    PoolReported,
    PublishRecords,
    RecordsPublished,
    RecordToPublish,
    ReportPool,
)
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Partition, ProtocolRecord, TopicState
from tests.conftest import SERVICES, eventually
from tests.integration.agents import Mesh

NAME = "node_kafka_producer_pool_effect"


def written(bus: KafkaEventBusAdapter, topic: str) -> list[ProtocolRecord]:
    reader = bus.read({Partition(topic, number): 0 for number in range(3)})
    try:
        return list(reader.until_end())
    finally:
        reader.close()


def test_records_are_written_by_a_pool(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    topic = f"elsewhere-{uuid4().hex[:8]}"
    kafka_bus.admin.create([TopicState(topic, 3, 1, {})])
    raw = base64.b64encode(b"\x00\xff").decode()
    records = (
        *(RecordToPublish(key=key, value=f"{key}{number}") for number in range(5) for key in "ab"),
        RecordToPublish(key="raw", value=raw, encoding=EnumEncoding.BASE64, headers={"ce_id": "mine", "x": "1"}),
        RecordToPublish(key="gone"),
    )
    with Mesh(kafka_bus, [SERVICES / NAME / "v1_0_0"], tmp_path) as mesh:
        agent = mesh.start(NAME)
        mesh.send([PublishRecords(topic=topic, records=records)], ids=["c-1"])
        eventually(lambda: mesh.messages(RecordsPublished), what="all to be written")
        assert mesh.messages(RecordsPublished) == [RecordsPublished(topic=topic, count=12)]
        found = written(kafka_bus, topic)
        for key in (b"a", b"b"):
            values = [record.value() for record in found if record.key() == key]
            assert values == [key + str(number).encode() for number in range(5)], "in their order"
        by_key = {record.key(): (record.value(), dict(record.headers() or [])) for record in found}
        assert by_key[b"raw"][0] == b"\x00\xff"
        assert (by_key[b"raw"][1]["ce_id"], by_key[b"raw"][1]["x"]) == (b"mine", b"1")
        assert by_key[b"gone"] == (None, {"ce_id": b"c-1/11", "onex-correlation-id": b"c-1"})
        mesh.send([ReportPool()])
        eventually(lambda: mesh.messages(PoolReported), what="a report")
        (report,) = mesh.messages(PoolReported)
        assert (report.producers, report.published, report.failed) == (4, 12, 0)
        assert (report.circuit, report.healthy) == ("closed", True)
        assert mesh.stop(agent) == 0
