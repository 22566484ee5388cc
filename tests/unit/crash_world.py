"""A machine that starts a process again whenever it has ended. Its bus is in memory."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.crash import Isolation
from onex.agent.pure.engine import PureEngine
from onex.bus.protocols import Partition
from onex.dlq import Author, OffsetSkipper
from onex.model.message import Message
from onex.node import Node
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing import MeshDriver
from onex.testing.clock import VirtualLoop
from onex.testing.instance import Instance
from onex.wire.partitioner import partition_of
from tests.conftest import NODES


class ProcessEnds(KeyboardInterrupt):
    """Ends the process: neither the guard around handlers nor the loop catches it."""


@dataclass
class Machine:
    """Starts one instance of a node again and again. Its disk is as it was when the process ended."""

    mesh: MeshDriver
    node: type[Node]
    disk: Path
    instance: Instance | None = None
    ends: int = 0
    healed: bool = False
    """The handler ends the process no more."""
    ending: bool = False
    """The process has ended; what it has left on the test's loop comes to nothing."""

    def end(self) -> None:
        """End the process, from a handler. Its disk stays as it is."""
        if self.healed:
            return
        if self.ending:
            raise asyncio.CancelledError
        left = self.disk.with_name(f"disk-{self.ends + 1}")
        shutil.copytree(self.disk, left)
        raise ProcessEnds

    def start(self) -> Instance:
        self.instance = self.mesh.add_instance(self.node, Isolation(self.disk, self.mesh.clock))
        return self.instance

    def run(self, seconds: float = 0.0) -> bool:
        """Run one process until it ends or is quiet. Return whether it ended."""
        instance = self.instance or self.start()
        try:
            self.mesh.run_until_idle()
            if seconds:
                self.mesh.advance(seconds)
        except ProcessEnds:
            self.ends += 1
            self.disk = self.disk.with_name(f"disk-{self.ends}")
            instance.transaction.abort()  # as the broker does when the next process comes with the same name
            self.kill()
            return True
        return False

    def run_until_quiet(self, seconds: float = 0.0) -> int:
        """Start the process again until it is quiet, as a supervisor does. Return how often it ended."""
        while self.run(seconds):
            assert self.ends < 20, "it would go on for ever"
        return self.ends

    def kill(self) -> None:
        assert self.instance is not None
        self.ending = True
        loop = getattr(self.mesh, "_loop")  # noqa: B009 - there is no public way
        assert isinstance(loop, VirtualLoop)
        loop.set_exception_handler(lambda _loop, _context: None)  # nobody asks what became of a dead process's tasks
        loop.run_ready()  # what the end of the process has interrupted
        while left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_ready()
        self.mesh.crash(self.instance)
        self.ending, self.instance = False, None

    @property
    def reasons(self) -> dict[str, str]:
        assert self.instance is not None
        return self.instance.health.snapshot()

    @property
    def held(self) -> Sequence[Partition]:
        assert self.instance is not None
        agent = getattr(self.instance, "_runner")  # noqa: B009 - there is no public way
        held: Sequence[Partition] = (
            agent.waiting_partitions() if isinstance(agent, PureEngine) else agent.engine.partitions_to_pause
        )
        return held

    @property
    def skipper(self) -> OffsetSkipper:
        (node,) = self.mesh.nodes
        return OffsetSkipper(self.mesh.bus, TopicCatalogue(self.mesh.bus), node, Author("ada", "it kills"), "test")

    def skip(self, partition: Partition, offset: int) -> None:
        skipper = self.skipper
        skipper.skip(partition, offset, skipper.find(partition, offset))


@dataclass(frozen=True)
class Kind:
    node: type[Node]
    handler: str
    send: Callable[[str], Message]
    deadly: Callable[[str], Message]
    is_deadly: Callable[[Any], bool]
    output: type[Message]


KINDS = {
    "compute": Kind(
        NodeUnrulyCompute,
        "compute",
        lambda e: Ask(entity=e),
        lambda e: Ask(entity=e, mood="die"),
        lambda message: message.mood == "die",
        Reply,
    ),
    "reducer": Kind(
        NodeTallyReducer,
        "reduce",
        lambda e: Amount(entity=e, value=1),
        lambda e: Amount(entity=e, value=13),
        lambda message: message.value == 13,
        Tallied,
    ),
    "orchestrator": Kind(
        NodeAlarmOrchestrator,
        "decide",
        lambda e: SetAlarm(entity=e, after=0.0),
        lambda e: SetAlarm(entity=e, after=0.0, times=13),
        lambda message: isinstance(message, SetAlarm) and message.times == 13,
        Rang,
    ),
    "effect": Kind(
        NodeUnrulyEffect,
        "act",
        lambda e: Act(entity=e),
        lambda e: Act(entity=e, mood="die"),
        lambda message: message.mood == "die",
        Acted,
    ),
}
FOLDERS = {
    NodeUnrulyCompute: "node_unruly_compute",
    NodeTallyReducer: "node_tally_reducer",
    NodeAlarmOrchestrator: "node_alarm_orchestrator",
    NodeUnrulyEffect: "node_unruly_effect",
}


@contextmanager
def machines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Kind], Machine]]:
    """Yield a maker of machines with their disks in ``folder``. They are closed at the end."""
    made: list[MeshDriver] = []

    def make(kind: Kind) -> Machine:
        mesh = MeshDriver([NODES / FOLDERS[kind.node] / "v1_0_0"])
        made.append(mesh)
        mesh.remove_instance(mesh.instances[0])
        machine = Machine(mesh, kind.node, folder / "disk-0")
        handle = getattr(kind.node, kind.handler)

        def pure(node: Node, *given: Any) -> object:
            if any(isinstance(one, Message) and kind.is_deadly(one) for one in given if not _is_state(one)):
                machine.end()
            return handle(node, *given)

        async def effect(node: Node, command: Act, context: object) -> object:
            if kind.is_deadly(command):
                machine.end()
                return Acted(entity=command.entity, number=command.number, attempt=1)
            return await handle(node, command, context)

        monkeypatch.setattr(kind.node, kind.handler, effect if kind.node is NodeUnrulyEffect else pure)
        return machine

    yield make
    for mesh in made:
        mesh.close()


def _is_state(given: object) -> bool:
    return type(given).__name__ in ("Tally", "AlarmState", "Context")


def where_of(machine: Machine, message: Message) -> Partition:
    topic = machine.mesh.topic_of(type(message))
    count = machine.mesh.broker.topic(topic).partitions
    return Partition(topic, partition_of(message.partition_key() or b"", count))


def entities(machine: Machine, kind: Kind) -> Counter[str]:
    return Counter(getattr(message, "entity") for message in machine.mesh.published(kind.output))  # noqa: B009 - a model


def facts_of(machine: Machine) -> list[dict[str, str]]:
    return [
        {name: value.decode(errors="replace") for name, value in letter.headers() or []}
        for letter in machine.mesh.dead_letters()
    ]
