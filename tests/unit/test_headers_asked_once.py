"""Headers that cannot be read, by every door through which a record comes into an agent."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.crash_world import KINDS, Kind, Machine, entities, facts_of, machines, where_of
from tests.unit.hostile_world import TARGETS, HostileWorld, hostile
from tests.unit.unreadable_record import UnreadableRecord, asked_once, copy_of


@pytest.fixture
def machine_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Kind], Machine]]:
    with asked_once(), machines(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_records_of_its_inputs_and_of_its_retry_topic(kind: str) -> None:
    target = TARGETS[kind]
    with hostile():
        world = HostileWorld()
        for topic in (target.topic, target.retry):
            good = target.good(world.entity()).model_dump_json().encode()
            for readable in (True, False, False, True):
                world.append(topic, good, world.entity().encode(), readable=readable)
        world.mesh.run_until_idle()
        letters = [dict(letter.headers() or []) for letter in world.mesh.dead_letters()]
        places = {(facts["onex-dlq-topic"].decode(), int(facts["onex-dlq-offset"])) for facts in letters}
        assert places >= {(topic, offset) for topic in (target.topic, target.retry) for offset in (1, 2)}
        assert len(places) == len(letters)
        world.close()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_record_that_ended_the_process_and_is_skipped(kind: Kind, machine_of: Callable[[Kind], Machine]) -> None:
    machine = machine_of(kind)
    deadly = kind.deadly("bad")
    machine.mesh.send(deadly, run=False)
    machine.mesh.send(kind.send("bad"), run=False)
    assert machine.run_until_quiet() == 4
    where = where_of(machine, deadly)
    records = machine.mesh.broker.logs[where].records
    records[0] = copy_of(records[0], UnreadableRecord)
    assert machine.instance is not None
    machine.mesh.remove_instance(machine.instance)
    machine.instance = None
    machine.run(2.0)
    machine.skip(where, 0)
    machine.run(2.0)
    assert [facts["onex-dlq-class"] for facts in facts_of(machine)] == ["crash"]
    assert entities(machine, kind)["bad"] == 1
    assert machine.reasons == {}


def test_no_memory_for_headers(machine_of: Callable[[Kind], Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnreadableRecord, "error", MemoryError())
    machine = machine_of(KINDS["compute"])
    kind = KINDS["compute"]
    for entity in ("e", "e", "e"):
        machine.mesh.send(kind.send(entity), run=False)
    records = machine.mesh.broker.logs[where_of(machine, kind.send("e"))].records
    records[1] = copy_of(records[1], UnreadableRecord)
    for _ in range(6):
        assert not machine.run(31.0)
    assert len(machine.mesh.dead_letters()) == 1
    assert sum(entities(machine, KINDS["compute"]).values()) == 2
