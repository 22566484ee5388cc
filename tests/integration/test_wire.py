"""The wire format, seen with other people's libraries."""

from pathlib import Path

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from node_unruly_compute.v1_0_0.models import Ask, Reply

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh


class AvroFormat(JSONFormat):
    """CloudEvents leaves the data to its content type; Avro stays bytes."""

    def read_data(self, data: str | bytes | None, datacontenttype: str | None) -> bytes | None:
        assert datacontenttype == "application/avro"
        return data if isinstance(data, bytes) else None


def test_outputs_are_cloud_events(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [NODES / "node_unruly_compute" / "v1_0_0"], tmp_path) as mesh:
        mesh.start("node_unruly_compute")
        (identity,) = mesh.send([Ask(entity="e")])
        eventually(lambda: len(mesh.messages(Reply)) == 1, 30)
        (record,) = mesh.records("onex.evt.unruly.reply.v1")
        message = KafkaMessage(dict(record.headers() or []), record.key(), record.value() or b"")
        event = from_binary(message, AvroFormat(), CloudEvent)
        assert event.get_specversion() == "1.0"
        assert event.get_type() == "onex.evt.unruly.reply.v1"
        assert event.get_source() == "/onex/node_unruly_compute/1.0.0"
        assert event.get_subject() == "e"
        assert len(event.get_id()) == 32
        assert event.get_time() is not None
        assert event.get_data() == record.value()
        assert dict(record.headers() or [])["onex-causation-id"] == identity.encode()


def test_plain_json_from_any_client(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [NODES / "node_unruly_compute" / "v1_0_0"], tmp_path) as mesh:
        mesh.start("node_unruly_compute")
        kafka_bus.publish(Outgoing("onex.cmd.unruly.ask.v1", b'{"entity": "from kcat"}', b"from kcat"))
        eventually(lambda: mesh.messages(Reply) == [Reply(entity="from kcat", text="")], 30)
