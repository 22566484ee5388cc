"""Effects without a database: the outside world gets one key per work, the mesh one answer, wherever they die."""

import shutil
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_transfer_effect.v1_0_0.models import MoneyTransferred, MoveMoney

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

NAME = "node_transfer_effect"
FAILPOINTS = ("effect.taken", "effect.handled", "effect.produced", "effect.committed")


class Bank(socketserver.ThreadingTCPServer):
    """Knows idempotency keys: the same key again moves nothing and gets the same receipt."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Clerk)
        self.receipts: dict[str, int] = {}
        self.calls: Counter[str] = Counter()
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Clerk(socketserver.StreamRequestHandler):
    server: Bank

    def handle(self) -> None:
        key, _, _ = self.rfile.readline().decode().split()
        with self.server.lock:
            self.server.calls[key] += 1
            receipt = self.server.receipts.setdefault(key, len(self.server.receipts) + 1)
        self.wfile.write(f"{receipt}\n".encode())


@pytest.fixture
def bank() -> Iterator[Bank]:
    with Bank() as bank:
        thread = threading.Thread(target=bank.serve_forever, daemon=True)
        thread.start()
        yield bank
        bank.shutdown()
        thread.join()


COMMANDS = [MoveMoney(account=f"a-{number}", amount=number) for number in range(6)]


def told(mesh: Mesh) -> Counter[tuple[str, int]]:
    return Counter((message.account, message.receipt) for message in mesh.messages(MoneyTransferred))


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_killed_there_an_effect_without_a_database_happens_once_and_is_told_once(
    kafka_bus: KafkaEventBusAdapter, bank: Bank, tmp_path: Path, failpoint: str
) -> None:
    with Mesh(kafka_bus, [NODES / NAME / "v1_0_0"], tmp_path, {"BANK": bank.address}) as mesh:
        doomed = mesh.start(NAME, env={"ONEX_FAILPOINT": failpoint})
        ids = mesh.send(COMMANDS)
        assert doomed.wait(40) == -9, "it was killed at the failpoint"
        running = mesh.start(NAME)
        eventually(lambda: len(told(mesh)) == len(COMMANDS), 60, "every answer")
        assert mesh.stop(running) == 0
        assert set(told(mesh).values()) == {1}
        assert sorted(bank.receipts) == sorted(ids)
        assert mesh.dead_letters(NAME) == []


def test_a_command_that_is_sent_again_gets_the_same_answer_on_another_machine(
    kafka_bus: KafkaEventBusAdapter, bank: Bank, tmp_path: Path
) -> None:
    with Mesh(kafka_bus, [NODES / NAME / "v1_0_0"], tmp_path, {"BANK": bank.address}) as mesh:
        running = mesh.start(NAME)
        ids = mesh.send(COMMANDS)
        eventually(lambda: len(told(mesh)) == len(COMMANDS), 60, "every answer")
        mesh.stop(running)
        shutil.rmtree(tmp_path / "state")
        running = mesh.start(NAME)
        mesh.send(COMMANDS, ids=ids)
        eventually(lambda: set(told(mesh).values()) == {2}, 60, "the same answers again")
        assert bank.calls == Counter(ids), "nobody asked the bank again"
        assert mesh.stop(running) == 0
