"""Members that their group expels while they work: another instance does their work, exactly once."""

import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path

from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_unruly_effect.v1_0_0.models import Act, Acted

from onex.agent.process.watchdog.call_watch import EXIT_STALLED
from onex.bus.kafka import KafkaEventBusAdapter
from tests.chaos.cluster import SIZE, Cluster
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh
from tests.integration.forked import Process

REDUCER, EFFECT = "node_tally_reducer", "node_unruly_effect"
FOLDERS = [NODES / name / "v1_0_0" for name in (REDUCER, EFFECT)]
COUNT, ENTITIES = 40, 5
SLOW = 669
"""The reducer works on such an amount for five seconds, the effect on what is slow for two."""
QUICK = {"ONEX_TEST_SURVIVE": "1"}


class Work:
    """What both nodes are sent, and whether each message was done once."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._sent = 0

    def send(self, *, slow: bool = False) -> None:
        """Messages of a few entities; ``slow``: the first one of each node takes long."""
        numbers = range(self._sent, self._sent + COUNT)
        slow_one = self._sent if slow else -1
        self._mesh.send([Amount(entity=f"e{n % ENTITIES}", value=SLOW if n == slow_one else 1) for n in numbers])
        moods = ["slow" if n == slow_one else "good" for n in numbers]
        self._mesh.send(
            [Act(entity=f"e{n % ENTITIES}", number=n, mood=m) for n, m in zip(numbers, moods, strict=True)]
        )
        self._sent += COUNT

    def is_done(self) -> bool:
        """Whether everything has an output."""
        return min(len(self._mesh.messages(Tallied)), len(self._mesh.messages(Acted))) >= self._sent

    def check(self) -> None:
        """No message is lost, none was processed twice, and each key has its order."""
        counts: Counter[str] = Counter()
        for tallied in self._mesh.messages(Tallied):
            assert isinstance(tallied, Tallied)
            counts[tallied.entity] += 1
            assert tallied.count == counts[tallied.entity]
        assert counts.total() == self._sent
        acted = [message for message in self._mesh.messages(Acted) if isinstance(message, Acted)]
        assert Counter(message.number for message in acted) == Counter(range(self._sent))
        for name in (REDUCER, EFFECT):
            assert self._mesh.dead_letters(name) == []


def _works(mesh: Mesh, process: Process) -> bool:
    return mesh.metric(process.pid, "onex_in_flight") > 0


def _is_refused(mesh: Mesh, reducer: Process) -> bool:
    """Its transaction was aborted, or had timed out."""
    aborted = mesh.metric(reducer.pid, "onex_transactions_aborted_total") > 0
    return aborted or "cannot run, trying again" in mesh.log(REDUCER)


def test_members_that_stand_still_between_poll_and_commit(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, FOLDERS, tmp_path) as mesh:
        work = Work(mesh)
        frozen = [mesh.start(name) for name in (REDUCER, EFFECT)]
        work.send(slow=True)
        for process in frozen:
            eventually(partial(_works, mesh, process), 20, "a slow message")
            os.kill(process.pid, signal.SIGSTOP)
        others = [mesh.start(name, ready=False, env=QUICK) for name in (REDUCER, EFFECT)]
        eventually(work.is_done, 40, "the others do the work when the session is over")
        for process in frozen:
            os.kill(process.pid, signal.SIGCONT)
        eventually(partial(_is_refused, mesh, frozen[0]), 30, "the reducer's commit is refused")
        for process in (*frozen, *others):
            eventually(mesh.ready(process), 30, "ready, with or without partitions")
        work.send()
        eventually(work.is_done, 40, "all goes on")
        work.check()


def test_members_that_are_cut_off_from_their_coordinators_alone(tmp_path: Path) -> None:
    """They read records, and write outputs, which no consumer that reads committed records may see."""
    cluster = Cluster(tmp_path / "cluster")
    try:
        bus = cluster.start()
        with Mesh(bus, FOLDERS, tmp_path, replication=SIZE) as mesh:
            work = Work(mesh)
            cut_off = {name: mesh.start(name, ready=False) for name in (REDUCER, EFFECT)}
            others = [mesh.start(name, ready=False) for name in cut_off]
            for process in (*cut_off.values(), *others):
                eventually(mesh.ready(process), 60, "ready")
            work.send()
            eventually(work.is_done, 60, "work before the cut")
            for name, process in cut_off.items():
                cluster.coordinator(mesh.node(name).contract.group(mesh.prefix)).proxy.cut_off(process.pid)
            work.send()
            eventually(work.is_done, 60, "the others do the work when the session is over")
            for broker in cluster.brokers:
                broker.proxy.mend()
            for name, process in list(cut_off.items()):
                if (ended := process.poll()) is not None:  # a call did not return: see decision 14
                    assert ended == EXIT_STALLED
                    cut_off[name] = mesh.start(name, ready=False)
            for process in (*cut_off.values(), *others):
                eventually(mesh.ready(process), 60, "ready, with or without partitions")
            work.send()
            eventually(work.is_done, 40, "all goes on")
            work.check()
        bus.close()
    finally:
        cluster.stop()
