"""`onex up`, `status` and `down`: a whole mesh in an empty folder, and what is left where something is wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.local.process import runs
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

EFFECT = "node_unruly_effect"


class Stack:
    """The command line in a folder of its own."""

    def __init__(self, home: Path, services: Path) -> None:
        self.home = home
        self.services = services
        self._env = {**os.environ, "ONEX_HOME": str(home)}
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
            self._env.pop(name, None)

    def onex(self, *arguments: str, **env: str) -> tuple[int, str]:
        """Exit code and output."""
        done = subprocess.run(
            self._command(*arguments),
            env={**self._env, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        return done.returncode, done.stdout + done.stderr

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """The command, running, in a process group of its own."""
        return subprocess.Popen(
            self._command(*arguments),
            env={**self._env, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _command(self, *arguments: str) -> list[str]:
        services = ["--services", str(self.services), "--no-registry"] if arguments[0] == "up" else []
        return [sys.executable, "-m", "onex.cli.main", *arguments, *services]

    def noted(self) -> Any:
        """What `up` wrote down of what it started."""
        return json.loads((self.home / "stack.json").read_text())

    def agents(self) -> list[int]:
        """Processes of agents, as `up` noted them."""
        return [agent["pid"] for agent in self.noted()["agents"]]

    def pids(self) -> list[int]:
        """Return the processes that work in this folder, or on nodes next to it."""
        place = str(self.home.parent)
        return [p.pid for p in psutil.process_iter(["cmdline"]) if place in " ".join(p.info["cmdline"] or [])]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    services = tmp_path / "services"
    shutil.copytree(NODES / EFFECT, services / EFFECT)
    made = Stack(tmp_path / "home", services)
    yield made
    made.onex("down", "--wipe")


def test_up_is_ready_when_it_returns_and_down_leaves_nothing(stack: Stack) -> None:
    assert stack.onex("status")[0] == 1
    code, out = stack.onex("up")
    assert (code, "1 agents ready" in out) == (0, True), out
    code, out = stack.onex("status", "--json")
    assert (code, [agent["state"] for agent in json.loads(out)["agents"]]) == (0, ["ready"]), out
    noted = stack.noted()
    code, out = stack.onex("up")
    assert (code, stack.noted()) == (0, noted), out

    # New code, twice as many processes, then one again.
    code_file = stack.services / EFFECT / "v1_0_0" / "node.py"
    code_file.write_text(f"{code_file.read_text()}\n# changed\n")
    code, out = stack.onex("up", "--instances", "2")
    assert (code, "will stop: code changed" in out, runs(noted["agents"][0]["pid"])) == (0, True, False), out
    first, second = stack.agents()
    code, out = stack.onex("up", "--instances", "1")
    assert (code, stack.agents(), runs(second)) == (0, [first], False), out

    # Kafka ends and the agent is killed. Kafka comes back where it was, and another agent takes the place.
    os.kill(first, signal.SIGKILL)
    os.kill(noted["kafka"]["pid"], signal.SIGTERM)
    eventually(lambda: not runs(first) and not runs(noted["kafka"]["pid"]))
    code, out = stack.onex("up")
    assert (code, "1 agents ready" in out) == (0, True), out
    assert stack.noted()["kafka_bootstrap_servers"] == noted["kafka_bootstrap_servers"]
    code, out = stack.onex("status")
    assert (code, str(first) in out) == (0, False), out

    code, out = stack.onex("down", "--wipe")
    assert (code, stack.home.exists(), "stopped 1 agents, Kafka\n" in out) == (0, False, True), out
    eventually(lambda: not stack.pids(), what="all processes to end")


def test_a_wrong_contract_leaves_nothing_running(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "services" / "broken").mkdir()
    (tmp_path / "services" / "broken" / "contract.yaml").write_text("name: x\n")
    code, out = stack.onex("up")
    assert (code, "contract.yaml" in out) == (3, True), out
    assert list(stack.home.glob("stack.json*")) == []
    assert stack.pids() == []


def test_an_interrupted_start_leaves_nothing_running(stack: Stack) -> None:
    process = stack.begin("up")
    assert process.stdout is not None
    for line in process.stdout:
        if "Kafka ready" in line:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does for Ctrl-C
            break
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert list(stack.home.glob("stack.json*")) == []
    assert stack.pids() == []


def test_agents_do_not_stay_where_topics_are_refused(stack: Stack, kafka_bus: KafkaEventBusAdapter) -> None:
    with Mesh(kafka_bus, [NODES / EFFECT / "v1_0_0"], stack.home) as mesh:
        topic = mesh.nodes[0].contract.dead_letter_topic
        partitions = kafka_bus.admin.topics([topic])[topic].partitions
        kafka_bus.admin.grow(topic, partitions + 1)
        eventually(lambda: kafka_bus.admin.topics([topic])[topic].partitions > partitions)
    servers = {"KAFKA_BOOTSTRAP_SERVERS": kafka_bus.config.bootstrap_servers, "DATABASE_URL": "postgresql:///none"}
    code, out = stack.onex("up", **servers)
    assert (code, topic in out) == (5, True), out
    assert list(stack.home.glob("stack.json*")) == []
    assert stack.pids() == []
