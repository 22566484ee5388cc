"""Records whose key is not the one that their message declares, at nodes without state; handlers that return None."""

import pytest
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onex.contract.signature import may_return_none
from onex.node import Message
from onex.testing import MeshDriver
from tests.conftest import NODES

WRONG = "the record has another key than {}.entity; key the record by that field"


@pytest.mark.parametrize(
    ("node", "good", "answer"),
    [("node_unruly_compute", Ask(entity="e"), Reply), ("node_unruly_effect", Act(entity="e"), Acted)],
)
def test_another_key_is_refused_and_no_key_is_fine(node: str, good: Message, answer: type[Message]) -> None:
    mesh = MeshDriver([NODES / node / "v1_0_0"])
    letter = mesh.dead_letter_of(mesh.send(good, key="other"))
    assert (letter["onex-dlq-class"], letter["onex-dlq-stage"]) == ("rejected", "validate")
    assert letter["onex-dlq-message"] == WRONG.format(type(good).__name__)
    topic, value = mesh.topic_of(type(good)), good.model_dump_json().encode()
    for key in (b"e", None):
        mesh.publish(topic, value, key, [], run=False)
    mesh.publish(topic, b"junk", b"e", [])
    assert len(mesh.published(answer)) == 2
    assert len(mesh.dead_letters()) == 2, "junk beside it changes nothing"
    mesh.close()


@pytest.mark.parametrize("traced", [False, True])
def test_none_where_a_message_is_promised_is_a_bug_of_the_node(monkeypatch: pytest.MonkeyPatch, traced: bool) -> None:
    def compute(self: NodeUnrulyCompute, request: Ask) -> Reply:
        return None  # type: ignore[return-value]

    async def act(self: NodeUnrulyEffect, command: Act, context: object) -> Acted:
        return None  # type: ignore[return-value]

    compute.__annotations__ = {"request": Ask, "return": Reply}
    act.__annotations__ = {"command": Act, "return": Acted}
    monkeypatch.setattr(NodeUnrulyCompute, "compute", compute)
    monkeypatch.setattr(NodeUnrulyEffect, "act", act)
    spans = SimpleSpanProcessor(InMemorySpanExporter()) if traced else None
    folders = [NODES / name / "v1_0_0" for name in ("node_unruly_compute", "node_unruly_effect")]
    mesh = MeshDriver(folders, spans=spans)
    for sent, method in ((Ask(entity="e"), "compute"), (Act(entity="e"), "act")):
        letter = mesh.dead_letter_of(mesh.send(sent))
        assert (letter["onex-dlq-class"], letter["onex-dlq-stage"]) == ("bug", "encode")
        assert f".{method} returned None, which its annotation excludes" in letter["onex-dlq-message"]
    mesh.close()


def test_annotations_that_allow_none() -> None:
    def without(): ...  # type: ignore[no-untyped-def]  # that is the case

    def nothing() -> None: ...

    def perhaps() -> Reply | None: ...

    def several() -> list[Reply]:
        return []

    def unreadable() -> "Missing": ...  # type: ignore[name-defined]  # noqa: F821 - as said

    assert [may_return_none(f) for f in (without, nothing, perhaps, several, unreadable)] == [
        True,
        True,
        True,
        False,
        True,
    ]
