"""`onex dev`: a handler is edited while its agent runs."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_tally_reducer.v1_0_0.models import Amount, Tallied

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

REDUCER = "node_tally_reducer"


class Dev:
    """The command, with nodes that a test edits."""

    def __init__(self, folder: Path, mesh: Mesh) -> None:
        self.node = folder / "services" / REDUCER / "v1_0_0" / "node.py"
        self._log = folder / "dev.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "onex.cli.main", "dev", "-s", str(folder / "services"), "--no-registry"],
                env={**mesh.env, "ONEX_HOME": str(folder / "home"), "DATABASE_URL": "postgresql:///none"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def shown(self) -> str:
        """What the command wrote."""
        return self._log.read_text()

    def edit(self, old: str, new: str, expected: str) -> None:
        """Edit the handler, and wait for what the command writes about it."""
        before = self.shown().count(expected)
        text = self.node.read_text()
        assert old in text
        self.node.write_text(text.replace(old, new))
        eventually(lambda: self.shown().count(expected) > before, what=lambda: f"{expected!r} in:\n{self.shown()}")


@pytest.fixture
def mesh(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> Iterator[Mesh]:
    with Mesh(kafka_bus, [NODES / REDUCER / "v1_0_0"], tmp_path / "mesh", topic_prefix="dev.") as made:
        yield made


@pytest.fixture
def dev(mesh: Mesh, tmp_path: Path) -> Iterator[Dev]:
    shutil.copytree(NODES / REDUCER, tmp_path / "services" / REDUCER)
    made = Dev(tmp_path, mesh)
    yield made
    if made.process.poll() is None:
        os.killpg(made.process.pid, signal.SIGTERM)
    made.process.wait(30)


def test_a_handler_is_reloaded_and_state_stays(mesh: Mesh, dev: Dev) -> None:
    def send(value: int, total: int) -> None:
        mesh.send([Amount(entity="a", value=value)])
        eventually(lambda: mesh.messages(Tallied)[-1:] == [Tallied(entity="a", total=total, count=len(sent))])

    sent = [5]
    eventually(lambda: "ready: save a file" in dev.shown(), what=lambda: f"agents in:\n{dev.shown()}")
    send(5, 5)
    dev.edit("def reduce(self,", "def reduce(self,:", "the agents before it continue to run")
    assert "SyntaxError" in dev.shown()
    sent.append(2)
    send(2, 7)
    dev.edit("def reduce(self,:", "def reduce(self,", "ready: save a file")
    dev.edit("old.total + event.value", "old.total + 10 * event.value", "(1 started, 1 stopped)")
    sent.append(1)
    send(1, 17)

    dev.process.send_signal(signal.SIGINT)
    assert dev.process.wait(30) == 0, dev.shown()
    assert dev.shown().endswith("stopped 1 agents\n")
