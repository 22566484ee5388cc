"""Faults of the world around an agent: brokers, databases, topics, signals, hanging handlers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_effect.v1_0_0.models import Act, Acted

from node_store_effect.v1_0_0.models import NodeStored, StoreNode
from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, TopicState
from onex.errors import BusError, MissingTopicError
from onex.local import LocalKafka, LocalPostgres
from onex.model.mesh import MESH_TOPICS, CapabilityReported
from onex.pytest_plugin.servers import SHORT_LIVED
from onex.schema.whole_topic import whole_topic
from tests.chaos.skew import Clock, possible
from tests.conftest import NODES, SERVICES, eventually
from tests.integration.agents import Mesh

COMPUTE, EFFECT, REDUCER = "node_unruly_compute", "node_unruly_effect", "node_tally_reducer"


def folder(name: str) -> Path:
    return NODES / name / "v1_0_0"


def test_broker_down_at_start_and_in_the_middle(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path / "kafka", java=SHORT_LIVED, session=2.0)
    try:
        bus = KafkaEventBusAdapter(KafkaConfig(kafka.start()))
        with Mesh(bus, [folder(REDUCER), folder(EFFECT)], tmp_path) as mesh:
            kafka.stop()
            agents = [mesh.start(name, ready=False) for name in (REDUCER, EFFECT)]
            for agent in agents:
                eventually(mesh.unready(agent), 30, "unready")
            kafka.start()
            for agent in agents:
                eventually(mesh.ready(agent), 60, "ready once the broker is there")
            mesh.send([Amount(entity=f"e{n % 5}", value=1) for n in range(50)])
            mesh.send([Act(entity=f"e{n % 5}", number=n) for n in range(50)])
            eventually(lambda: len(mesh.messages(Tallied)) == 50 and len(mesh.messages(Acted)) == 50, 60)
            kafka.kill()
            for agent in agents:
                eventually(mesh.unready(agent), 60, "unready without a broker")
            kafka.start()
            mesh.send([Amount(entity=f"e{n % 5}", value=1) for n in range(50)])
            mesh.send([Act(entity=f"e{n % 5}", number=50 + n) for n in range(50)])
            eventually(lambda: len(mesh.messages(Tallied)) == 100 and len(mesh.messages(Acted)) == 100, 100)
            for agent in agents:
                eventually(mesh.ready(agent), 60, "ready again")
            last = {m.entity: m.total for m in mesh.messages(Tallied) if isinstance(m, Tallied)}
            assert last == {f"e{n}": 20 for n in range(5)}
            numbers = [m.number for m in mesh.messages(Acted) if isinstance(m, Acted)]
            assert sorted(numbers) == list(range(100))
    finally:
        kafka.kill()


@pytest.fixture
def own_postgres() -> Iterator[LocalPostgres]:
    """A server that may be stopped, outside of pytest's folder: it runs as another user, whom a second pytest locks
    out of there."""
    with tempfile.TemporaryDirectory(prefix="onex-postgres-") as folder:
        server = LocalPostgres(Path(folder) / "data")
        yield server
        server.stop()


def test_postgres_down_at_start_and_in_the_middle(
    kafka_bus: KafkaEventBusAdapter, own_postgres: LocalPostgres, tmp_path: Path
) -> None:
    name, postgres = "node_store_effect", own_postgres
    url = postgres.start()
    env = {
        "DATABASE_URL": url,
        "ONEX_EXPORT_FOLDER": str(tmp_path / "generated"),
        "ONEX_HEARTBEAT_INTERVAL": "1",  # capabilities are reported
    }
    with Mesh(kafka_bus, [SERVICES / name / "v1_0_0"], tmp_path, env) as mesh:
        postgres.stop()
        agent = mesh.start(name, ready=False)
        eventually(lambda: "PostgreSQL" in str(mesh.readiness(agent.pid)), 30, "unready, with the reason")
        postgres.start()
        eventually(mesh.ready(agent), 60, "ready once the database is there")

        def store(number: int) -> StoreNode:
            return StoreNode(generation_id=f"g{number}", name="node_a_compute", version="1.0.0", files={"a": "b"})

        mesh.send([store(1)])
        eventually(lambda: len(mesh.messages(NodeStored)) == 1, 30)
        postgres.stop()
        mesh.send([store(number) for number in range(2, 12)])
        eventually(lambda: mesh.metric(agent.pid, "onex_outage_waits_total") >= 1, 30, "a message that waits")
        eventually(
            lambda: {"dependency database", "outage database"} <= set(mesh.readiness(agent.pid) or ()),
            30,
            "the reasons",
        )
        assert "PostgreSQL" in str(mesh.readiness(agent.pid))
        assert mesh.metric(agent.pid, "onex_retries_total") == 0
        postgres.start()
        eventually(lambda: len(mesh.messages(NodeStored)) >= 11, 60, "stored after the database came back")
        eventually(mesh.ready(agent), 30, "ready again")
        stored = [message.generation_id for message in mesh.messages(NodeStored) if isinstance(message, NodeStored)]
        assert sorted(stored) == sorted(f"g{number}" for number in range(1, 12)), "each one once"
        assert mesh.dead_letters(name) == []
        assert (tmp_path / "generated").exists()
        assert mesh.metric(agent.pid, "onex_store_stored_bytes_total") >= 11
        topic = MESH_TOPICS[CapabilityReported]

        def alerts() -> set[tuple[str, str]]:
            told = whole_topic(mesh.bus, topic, CapabilityReported, mesh.catalogue)
            return {(t.subject, t.event) for t in told if t.capability == "alerting" and t.env == mesh.prefix}

        eventually(lambda: ("MessagesWait", "firing") in alerts(), 30, "an alert about messages that wait")
        assert mesh.stop(agent) == 0


def test_a_hanging_pure_handler_is_buried_and_the_others_go_on(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    with Mesh(kafka_bus, [folder(COMPUTE)], tmp_path) as mesh:
        agent = mesh.start(COMPUTE)
        mesh.send([Ask(entity="e", mood="hang"), *(Ask(entity=f"e{n}") for n in range(20))])
        eventually(lambda: len(mesh.messages(Reply)) == 20, 40, "others answered")
        (letter,) = mesh.dead_letters(COMPUTE)
        assert letter["onex-dlq-class"] == "timeout"
        assert mesh.stop(agent) == 0


def test_a_deleted_dead_letter_topic_stops_the_partition_until_it_is_back(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    with Mesh(kafka_bus, [folder(COMPUTE)], tmp_path) as mesh:
        agent = mesh.start(COMPUTE)
        topic = mesh.nodes[0].contract.dead_letter_topic
        kafka_bus.admin.delete(topic)
        eventually(lambda: not kafka_bus.admin.topics([topic]))
        mesh.send([Ask(entity="stuck", mood="raise"), Ask(entity="stuck")])
        eventually(lambda: "cannot be written" in str(mesh.readiness(agent.pid)), 40, "unready, with the reason")
        assert mesh.messages(Reply) == []
        mesh.apply()
        eventually(lambda: len(mesh.messages(Reply)) == 1, 90, "goes on once the topic is back")
        eventually(mesh.ready(agent), 30, "ready again")
        letters = list(kafka_bus.read(dict.fromkeys(mesh.partitions([topic]), 0)).until_end())
        assert len(letters) == 1


def test_missing_topics_are_waited_for_and_named(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [folder(COMPUTE)], tmp_path) as mesh:
        topic = mesh.nodes[0].contract.retry_topic
        kafka_bus.admin.delete(topic)
        eventually(lambda: not kafka_bus.admin.topics([topic]))
        agent = mesh.start(COMPUTE, ready=False)
        eventually(lambda: f"missing topics: {topic}; run `onex apply`" in str(mesh.readiness(agent.pid)), 30)
        mesh.apply()
        eventually(mesh.ready(agent), 40, "ready once it is there")


def test_sigterm_in_the_middle_drains_and_repeats_nothing(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [folder(EFFECT)], tmp_path) as mesh:
        first = mesh.start(EFFECT)
        mesh.send([Act(entity=f"e{n}", number=n, mood="slow") for n in range(200)])
        eventually(lambda: mesh.messages(Acted), 30, "work under way")
        assert mesh.stop(first) == 0
        done = len(mesh.messages(Acted))
        assert 0 < done < 200
        mesh.start(EFFECT, env={"ONEX_TEST_SURVIVE": "1"})
        eventually(lambda: len(mesh.messages(Acted)) >= 200, 40)
        numbers = Counter(m.number for m in mesh.messages(Acted) if isinstance(m, Acted))
        assert numbers == Counter(range(200))


def test_at_sigterm_a_handler_that_outlasts_the_session_publishes_its_answer(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    """Eight seconds, within a drain timeout of 20: the group expels a member after six silent seconds (KIP-848)."""
    slow = tmp_path / "services" / EFFECT / "v1_0_0"
    shutil.copytree(folder(EFFECT), slow)
    for file, before, after in (
        ("contract.yaml", "timeout: 5s", "timeout: 20s"),
        ("node.py", "sleep(2.0)", "sleep(8.0)"),
    ):
        text = (slow / file).read_text()
        assert before in text
        (slow / file).write_text(text.replace(before, after))
    with Mesh(kafka_bus, [folder(EFFECT)], tmp_path) as mesh:
        agent = mesh.start(EFFECT, folder=slow)
        mesh.send([Act(entity=f"e{n}", number=n, mood="slow") for n in range(4)])
        eventually(lambda: mesh.metric(agent.pid, "onex_in_flight") == 4, 30, "all of them in the handler")
        assert mesh.stop(agent) == 0
        assert sorted(m.number for m in mesh.messages(Acted) if isinstance(m, Acted)) == [0, 1, 2, 3]
        assert mesh.lag(EFFECT) == 0, "the offsets are committed: nothing runs again"


def test_an_effect_that_kills_its_process_is_run_again(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [folder(EFFECT)], tmp_path) as mesh:
        first = mesh.start(EFFECT)
        mesh.send([Act(entity=f"e{n}", number=n) for n in range(20)])
        eventually(lambda: len(mesh.messages(Acted)) == 20, 30)
        mesh.send([Act(entity="e", number=20, mood="die")])
        assert first.wait(30) == 9
        mesh.start(EFFECT, env={"ONEX_TEST_SURVIVE": "1"})
        eventually(lambda: len(mesh.messages(Acted)) == 21, 40)
        assert Counter(m.number for m in mesh.messages(Acted) if isinstance(m, Acted)) == Counter(range(21))


def test_two_instances_with_one_transactional_id(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [folder(REDUCER)], tmp_path) as mesh:
        env = {"ONEX_INSTANCE": "twin"}
        mesh.start(REDUCER, env=env)
        rejected = mesh.start(REDUCER, ready=False, env=env)
        assert rejected.wait(30) == 4
        assert "already runs here" in mesh.log(REDUCER)
        elsewhere = {**env, "ONEX_HOME": str(tmp_path / "elsewhere")}
        mesh.start(REDUCER, ready=False, env=elsewhere)
        sent = 0

        def one_gave_up() -> bool:
            nonlocal sent
            mesh.send([Amount(entity=f"e{n}", value=1) for n in range(8)])
            sent += 8
            return any(process.poll() == 4 for process in mesh.processes if process is not rejected)

        eventually(one_gave_up, 60, "one of the two to give up")

        def all_done() -> bool:
            if all(process.poll() is not None for process in mesh.processes):  # they may give up at the same time
                mesh.start(REDUCER, ready=False, env=elsewhere)
            return len(mesh.messages(Tallied)) >= sent

        eventually(all_done, 60, "the other one does all the work, or the one that is started again")
        counts: dict[str, int] = {}
        for m in mesh.messages(Tallied):
            assert isinstance(m, Tallied)
            assert m.count == counts.get(m.entity, 0) + 1
            counts[m.entity] = m.count
        assert sum(counts.values()) == sent


def test_health_metrics_and_a_clean_end(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [folder(COMPUTE)], tmp_path) as mesh:
        agent = mesh.start(COMPUTE)
        mesh.send([Ask(entity=f"e{n}") for n in range(10)] + [Ask(entity="e", mood="raise")])
        eventually(lambda: len(mesh.messages(Reply)) == 10, 30)
        assert '"alive"' in mesh.get(agent.pid, "/healthz")
        metrics = mesh.get(agent.pid, "/metrics")
        assert 'onex_messages_received_total{node="node_unruly_compute"} 11.0' in metrics
        assert 'onex_dead_letters_total{class="bug",node="node_unruly_compute"} 1.0' in metrics
        assert mesh.stop(agent, signal.SIGINT) == 0
        assert mesh.info(agent.pid) == {}
        assert '"event": "agent stopped"' in mesh.log(COMPUTE)


def test_at_least_once_loses_nothing_and_a_clean_stop_repeats_nothing(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    name = "node_sloppy_effect"
    with Mesh(kafka_bus, [folder(name)], tmp_path) as mesh:
        first = mesh.start(name)
        mesh.send([Act(entity=f"e{n}", number=n) for n in range(300)] + [Act(entity="bad", mood="raise")])
        eventually(lambda: mesh.messages(Acted), 30, "work under way")
        assert mesh.stop(first) == 0
        assert 0 < len(mesh.messages(Acted)) < 300
        second = mesh.start(name, env={"ONEX_TEST_SURVIVE": "1"})
        eventually(lambda: len(mesh.messages(Acted)) >= 300 and mesh.lag(name) == 0, 40)
        assert Counter(m.number for m in mesh.messages(Acted) if isinstance(m, Acted)) == Counter(range(300))
        assert len(mesh.dead_letters(name)) == 1
        assert mesh.stop(second) == 0


def test_timers_and_state_survive_kill_9(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    """And a step of the clock by half an hour fires nothing early."""
    name, clock = "node_alarm_orchestrator", Clock(tmp_path / "clock")
    with Mesh(kafka_bus, [folder(name)], tmp_path) as mesh:
        first = mesh.start(name, env=clock.env())
        mesh.send([SetAlarm(entity=f"e{n}", after=10.0) for n in range(20)])
        eventually(lambda: mesh.lag(name) == 0, 30)
        if possible():
            clock.move(1800)
            eventually(lambda: "clock" in (mesh.readiness(first.pid) or ()), 20, "the step to be reported")
            assert mesh.metric(first.pid, "onex_clock_ahead_seconds") > 1700
        mesh.stop(first, signal.SIGKILL)
        assert mesh.messages(Rang) == []
        mesh.start(name)
        eventually(lambda: len(mesh.messages(Rang)) >= 20, 40, "every alarm")
        # What lies on this machine is thrown away: the changelog has it all.
        mesh.stop(mesh.processes[-1])
        shutil.rmtree(tmp_path / "state")
        mesh.start(name)
        mesh.send([SetAlarm(entity="late", after=0.1)])
        eventually(lambda: len(mesh.messages(Rang)) >= 21, 40)
        rung = Counter(m.entity for m in mesh.messages(Rang) if isinstance(m, Rang))
        assert rung == Counter([*(f"e{n}" for n in range(20)), "late"])


@pytest.mark.skipif(not possible(), reason="libfaketime runs on Linux on x86-64 only")
def test_idle_agents_go_on_when_a_clock_is_set_back(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    """Waits of the Kafka library that began before would last ten minutes longer."""
    clock = Clock(tmp_path / "clock")
    with Mesh(kafka_bus, [folder(REDUCER), folder(EFFECT)], tmp_path) as mesh:
        agents = {name: mesh.start(name, env=clock.env()) for name in (REDUCER, EFFECT)}
        clock.move(600)
        told = [agent.pid for agent in agents.values()]
        eventually(lambda: all("clock" in (mesh.readiness(pid) or ()) for pid in told), 20, "the step to be reported")
        clock.move(0)

        def renewed(name: str) -> bool:
            return agents[name].poll() == 70 or mesh.log(name).count("agent running") > 1

        eventually(lambda: all(map(renewed, agents)), 60, "each agent to have new clients, or to end")
        for name, agent in agents.items():
            assert "replacing the clients of the bus" in mesh.log(name)
            if agent.poll() is not None:
                mesh.start(name, env=clock.env())
        mesh.send([Amount(entity="e", value=1)])
        mesh.send([Act(entity="e", number=1)])
        eventually(lambda: bool(mesh.messages(Tallied)) and bool(mesh.messages(Acted)), 60, "work to be done")


def test_instances_are_kept_running_and_drained_together(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [folder(REDUCER)], tmp_path) as mesh:
        command = [sys.executable, "-m", "onex.cli.main", "run", str(folder(REDUCER)), "--instances", "2"]
        supervisor = subprocess.Popen(command, env=mesh.env, stderr=subprocess.DEVNULL)
        mesh.processes.append(supervisor)

        def two(others_than: list[int] | None = None) -> list[int] | None:
            infos = [json.loads(file.read_text()) for file in (tmp_path / "run").glob("*.json")]
            pids = sorted(int(i["pid"]) for i in infos if mesh.readiness(int(i["pid"])) == {})
            return pids if len(pids) == 2 and pids != others_than else None

        before = eventually(two, 40, "two instances ready")
        os.kill(before[0], signal.SIGKILL)
        eventually(lambda: two(before), 40, "the dead one is started again")
        mesh.send([Amount(entity=f"e{n}", value=1) for n in range(20)])
        eventually(lambda: len(mesh.messages(Tallied)) == 20, 30)
        assert mesh.stop(supervisor) == 0
        assert list((tmp_path / "run").glob("*.json")) == []


def test_a_topic_that_was_missing_is_written_as_soon_as_it_is_there(kafka_bus: KafkaEventBusAdapter) -> None:
    """The producer of the session has written to it, and has noticed that it was deleted."""
    topic = TopicState("onex.evt.tests.comes-and-goes.v1", 1, 1, {})

    def refused() -> bool:
        try:
            kafka_bus.publish(Outgoing(topic.name, b"x", b"k"))
        except BusError as error:
            return isinstance(error, MissingTopicError)
        return False

    for _ in range(3):
        kafka_bus.admin.create([topic])
        kafka_bus.publish(Outgoing(topic.name, b"x", b"k"))
        kafka_bus.admin.delete(topic.name)
        eventually(refused, 60, "the producer notices")
