"""Records are carried in groups, stage by stage: what comes of one must not depend on its neighbours."""

from collections.abc import Iterator, Sequence

import pytest
from node_tally_reducer.v1_0_0.models import Amount, Tallied, Tally
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute

from onex.bus.protocols import ProtocolRecord
from onex.errors import HandlerTimeoutError
from onex.node import Context, Node, Reduction
from onex.testing import MeshDriver
from tests.conftest import NODES

ASK = "onex.cmd.unruly.ask.v1"
GOOD = (1, 2, 3, 4, 5)


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([NODES / name / "v1_0_0" for name in ("node_unruly_compute", "node_tally_reducer")])
    yield driver
    driver.close()


def stages(letters: Sequence[ProtocolRecord]) -> list[str]:
    return [dict(letter.headers() or [])["onex-dlq-stage"].decode() for letter in letters]


def test_outputs_and_dead_letters_keep_the_order_of_their_inputs(mesh: MeshDriver) -> None:
    moods = ["good", "half wrong", "good", "raise", "silent", "wrong type", "good", "undeclared", "good"]
    for number, mood in enumerate(moods):
        mesh.send(Ask(entity="e", mood=mood, size=number), run=False)
        if mood == "silent":
            mesh.publish(ASK, b"garbage", b"e", [])
    mesh.run_until_idle()
    assert [len(reply.text) for reply in mesh.published(Reply)] == [0, 2, 6, 8]
    letters = mesh.dead_letters(NodeUnrulyCompute)
    assert stages(letters) == ["encode", "handler", "decode", "encode", "encode"]


@pytest.mark.parametrize(("value", "stage"), [(666, "handler"), (667, "encode"), (668, "encode")])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_what_cannot_be_carried_changes_nothing_for_the_others_of_its_key(
    mesh: MeshDriver, value: int, stage: str, place: int
) -> None:
    values = [*GOOD]
    values.insert(place, value)
    for number in values:
        mesh.send(Amount(entity="e", value=number), run=False)
        mesh.send(Amount(entity="other", value=number if number < 10 else 1), run=False)
    mesh.run_until_idle()
    mine = [tallied.total for tallied in mesh.published(Tallied) if tallied.entity == "e"]
    assert mine == [1, 3, 6, 10, 15]
    assert [t.total for t in mesh.published(Tallied) if t.entity == "other"][-1] == 16
    letters = mesh.dead_letters(NodeTallyReducer)
    assert stages(letters) == [stage]
    mesh.send(Amount(entity="e", value=1))
    assert mesh.published(Tallied)[-1] == Tallied(entity="e", total=16, count=6)


def test_what_hung_is_not_tried_again_when_its_group_is_carried_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reduce, hangs, tried = NodeTallyReducer.reduce, 669, []

    def hanging(self: NodeTallyReducer, state: Tally | None, event: Amount, context: Context) -> Reduction[Tally]:
        tried.append(event.value)
        if event.value == hangs:
            raise HandlerTimeoutError("as the guard raises it")
        return reduce(self, state, event, context)

    monkeypatch.setattr(NodeTallyReducer, "reduce", hanging)
    mesh = MeshDriver([NODES / "node_tally_reducer" / "v1_0_0"])
    for value in (1, hangs, 667, 2):
        mesh.send(Amount(entity="e", value=value), run=False)
    mesh.run_until_idle()
    assert tried.count(hangs) == 1
    assert [tallied.total for tallied in mesh.published(Tallied)] == [1, 3]
    assert stages(mesh.dead_letters()) == ["handler", "encode"]
    mesh.close()


@pytest.mark.parametrize("node", [NodeUnrulyCompute, NodeTallyReducer])
def test_a_group_of_nothing_but_bad_records(mesh: MeshDriver, node: type[Node]) -> None:
    topic = ASK if node is NodeUnrulyCompute else mesh.topic_of(Amount)
    for _ in range(70):  # more than one group
        mesh.publish(topic, b"garbage", b"e", [])
    mesh.run_until_idle()
    assert stages(mesh.dead_letters(node)) == ["decode"] * 70
