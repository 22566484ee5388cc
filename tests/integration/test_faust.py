"""A node on the Faust host: at least once, also when it is killed; and never promised more."""

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import faust
import pytest
from node_greeting_compute.v1_0_0.models import Greeting, Visit
from node_unruly_effect.v1_0_0.models import Act, Acted
from pydantic import ValidationError

from onex.bus.faust import FaustEventBus
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, TopicState
from onex.contract import resolve_node
from onex.errors import ConfigurationError, MissingTopicError
from onex.faust import attach
from onex.local.properties import free_port
from onex.model.contract import ModelDelivery
from tests.conftest import NODES, ROOT, eventually
from tests.integration.agents import Mesh
from tests.integration.collector import Collector

NAME = "node_unruly_effect"
COUNT = 300
GREETING = ROOT / "examples" / "faust" / "node_greeting_compute" / "v1_0_0"


def test_killed_and_joined_under_load_nothing_is_lost(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [NODES / NAME / "v1_0_0"], tmp_path, topic_prefix="faust.") as mesh:
        first = mesh.start(NAME, faust=True)
        mesh.send([Act(entity=f"e{n % 20}", number=n) for n in range(COUNT // 3)])
        eventually(lambda: len(mesh.messages(Acted)) > 10, 30, "work under way")
        mesh.stop(first, signal.SIGKILL)
        second = mesh.start(NAME, faust=True)
        mesh.send([Act(entity=f"e{n % 20}", number=n) for n in range(COUNT // 3, 2 * COUNT // 3)])
        third = mesh.start(NAME, faust=True)
        mesh.send([Act(entity=f"e{n % 20}", number=n) for n in range(2 * COUNT // 3, COUNT)])
        mesh.send([Act(entity="bad", number=COUNT, mood="raise")])
        eventually(lambda: {acted.number for acted in mesh.messages(Acted)} >= set(range(COUNT)), 90, "every act")
        eventually(lambda: mesh.dead_letters(NAME), 30, "the dead letter")
        eventually(lambda: mesh.lag(NAME) == 0, 30, "no lag")
        for process in (second, third):
            assert mesh.stop(process) == 0
        first_of = dict[str, list[int]]()
        for acted in mesh.messages(Acted):
            numbers = first_of.setdefault(acted.entity, [])
            if acted.number not in numbers:
                numbers.append(acted.number)
        assert all(numbers == sorted(numbers) for numbers in first_of.values()), "first results in order of the key"


def test_a_node_in_a_faust_application_has_dead_letters_metrics_and_spans(
    kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    """Costs one start of a Faust worker: about six seconds."""
    resolved = resolve_node(GREETING, "faust.")
    with Collector() as collector, Mesh(kafka_bus, [GREETING], tmp_path, topic_prefix="faust.") as mesh:
        for name in ("doors", "bells"):
            kafka_bus.admin.create([TopicState(name, 1, 1, {})])
        env = {**mesh.env, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        program = str(GREETING.parents[1] / "doors.py")
        command = [
            sys.executable,
            program,
            f"--datadir={tmp_path}",
            "worker",
            "--loglevel=info",
            f"--web-port={free_port()}",
        ]
        with (tmp_path / "worker.log").open("wb") as log:
            worker = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=log, stderr=log)
        mesh.processes.append(worker)
        eventually(lambda: mesh.readiness(worker.pid) == {}, 120, "the node ready")
        mesh.send([Visit(name="Ann"), Visit(name="123"), Visit(name="Bo")])
        kafka_bus.publish(Outgoing("doors", b"front"))
        eventually(
            lambda: {m.text for m in mesh.messages(Greeting)} == {"Welcome, Ann", "Welcome, Bo"}, 30, "greetings"
        )
        eventually(lambda: len(mesh.dead_letters(resolved.contract.name)) == 1, 30, "the dead letter")
        with urllib.request.urlopen(f"{mesh.info(worker.pid)['health']}/metrics") as response:
            assert b'node="node_greeting_compute"' in response.read()
        eventually(lambda: any(s.span.name.startswith("bells ") for s in collector.spans), 30, "the span of aiokafka")
        eventually(lambda: any(s.service == resolved.contract.name for s in collector.spans), 30, "spans of the node")
        assert mesh.stop(worker) == 0
    with pytest.raises(ConfigurationError, match="needs host: faust"):
        attach(faust.App("other", broker="kafka://nowhere"), NODES / NAME / "v1_0_0")


def test_what_faust_cannot_hold_is_refused(kafka_bus: KafkaEventBusAdapter) -> None:
    with pytest.raises(ValidationError, match="does not support exactly_once"):
        ModelDelivery.model_validate({"host": "faust"})
    bus = FaustEventBus(kafka_bus)
    with pytest.raises(ConfigurationError, match="at_least_once and no more"):
        bus.transaction("some-id")
    with pytest.raises(MissingTopicError, match="no-such-topic"):
        bus.subscribe("group", ["no-such-topic"])
