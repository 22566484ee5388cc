"""Topics of the mesh whose records are JSON."""

from pathlib import Path

from onex.testing import MeshDriver
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.unit.test_existing_topics import make

OWN, FOREIGN, OUT = "onex.evt.shop.scanned.v1", "shop.scans", "onex.evt.shop.copied.v1"
CONTRACT = f"""\
name: node_NAME_compute
node_type: COMPUTE
contract_version: {{major: 1, minor: 0, patch: 0}}
event_bus:
  subscribe_topics: [{OWN}, {FOREIGN}]
  publish_topics: [{OUT}]
  topics:
    {OWN}: {{message: Scan, format: json}}
    {FOREIGN}: {{message: Photo, format: json}}
    {OUT}: {{message: Copy, format: json}}
handler_routing:
  handlers:
    - {{event_model: Scan, handler: copy_scan, output_events: [Copy]}}
    - {{event_model: Photo, handler: copy_photo, output_events: [Copy]}}
"""
MODELS = '''\
from onex.node import Message


class Scan(Message):
    """On a topic of the mesh."""

    number: int


class Photo(Message):
    """On a topic of others."""

    number: int


class Copy(Message):
    """Of either."""

    number: int
'''
CODE = """\
from node_NAME_compute.v1_0_0.models import Copy, Photo, Scan
from onex.node import NodeCompute


class NodeCopyJson(NodeCompute[Scan | Photo, Copy]):
    def copy_scan(self, request: Scan) -> Copy:
        return Copy(number=request.number)

    def copy_photo(self, request: Photo) -> Copy:
        return Copy(number=request.number)
"""


def test_the_type_of_a_record_is_that_of_its_topic_in_the_mesh(tmp_path: Path) -> None:
    make(tmp_path, "ownjson", CONTRACT, MODELS, CODE)
    mesh = MeshDriver([tmp_path / "node_ownjson_compute" / "v1_0_0"])
    try:
        for topic in (OWN, FOREIGN):
            for type_ in (None, b"onex.evt.shop.scanned.v1", b"onex.evt.shop.other.v1"):
                mesh.publish(topic, b'{"number": 1}', b"k", [] if type_ is None else [(h.TYPE, type_)])
        mesh.run_until_idle()
        (letter,) = mesh.dead_letters()
        facts = dict(letter.headers() or [])
        assert facts[d.TOPIC] == OWN.encode()
        assert b"does not belong on onex.evt.shop.scanned.v1" in facts[d.MESSAGE]
        assert len(mesh.records(OUT)) == 5
    finally:
        mesh.close()
