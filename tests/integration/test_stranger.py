"""A stranger: the wheel in a fresh environment, outside of this repository, between topics of a company."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydantic import JsonValue

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, TopicState
from onex.bus.topics import all_partitions
from onex.errors import BusUnavailableError
from onex.schema.registry import RegistryCatalogue
from tests.conftest import eventually
from tests.integration.registry import Registry
from tests.unit.test_existing_forms import written
from tests.wheel import built_wheel, install

MOST_COMMANDS, MOST_LINES = 6, 40
ORDERS, PAYMENTS, BALANCES = "till.orders", "till.payments", "till.balances"
PARTITIONS = 3
NODE = "services/node_till_balance_reducer/v1_0_0"
WRITTEN = {
    "contract.yaml": """\
name: node_till_balance_reducer
node_type: REDUCER
contract_version: {major: 1, minor: 0, patch: 0}
event_bus:
  subscribe_topics: [till.orders, till.payments]
  publish_topics: [till.balances]
  topic_config: {partitions: 3}
  topics:
    till.orders: {message: Order, format: json, key: order_id}
    till.payments: {message: Payment, format: avro, key: order_id}
    till.balances: {message: Balance, format: json}
handler_routing:
  handlers:
    - {event_model: Order, handler: ordered, output_events: [Balance]}
    - {event_model: Payment, handler: paid, output_events: [Balance]}
""",
    "models/__init__.py": """\
from onex.node import Message


class Order(Message, key="order_id"):
    order_id: str
    cents: int


class Payment(Order):
    pass


class Balance(Order):
    pass
""",
    "node.py": """\
from node_till_balance_reducer.v1_0_0.models import Balance, Order, Payment
from onex.node import Context, NodeReducer, Reduction


class NodeTillBalanceReducer(NodeReducer[Balance]):
    def ordered(self, state: Balance | None, event: Order, context: Context) -> Reduction[Balance]:
        return self.add(state, event.order_id, event.cents)

    def paid(self, state: Balance | None, event: Payment, context: Context) -> Reduction[Balance]:
        return self.add(state, event.order_id, -event.cents)

    def add(self, state: Balance | None, order_id: str, cents: int) -> Reduction[Balance]:
        new = Balance(order_id=order_id, cents=cents + (state.cents if state else 0))
        return Reduction(new, intents=[new])
""",
    "cases.yaml": """\
- name: a payment reduces the balance
  given: [{Order: {order_id: o-1, cents: 700}}]
  when: {Payment: {order_id: o-1, cents: 500}}
  then: {publishes: [{Balance: {order_id: o-1, cents: 200}}]}
""",
}
"""All that the stranger writes, in the folder of the node."""
THEIRS: JsonValue = {
    "type": "record",
    "name": "PaymentReceived",
    "namespace": "com.till",
    "fields": [
        {"name": "order_id", "type": "string"},
        {"name": "method", "type": {"type": "enum", "name": "Method", "symbols": ["CASH", "CARD"]}},
        {"name": "cents", "type": "int"},
    ],
}
"""The company's schema of payments. The model of the node has other names and fewer fields."""


class Stranger:
    """Someone with an empty folder and an environment. Counts what it types."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = folder / "environment"
        self.project = folder / "till"
        self.commands: list[str] = []
        self.lines = 0

    def install(self, wheel: Path) -> None:
        """`pip install onex-mesh`, with packages that are there instead of downloads."""
        self.commands.append("pip install onex-mesh")
        install(wheel, self.environment)

    def run(self, folder: Path, *command: str, **env: str) -> str:
        """Run a command of the environment in a folder, and return what it wrote."""
        self.commands.append(" ".join(command))
        places = {"PATH": f"{self.environment / 'bin'}:/usr/bin:/bin", "HOME": os.environ["HOME"], "COLUMNS": "200"}
        passed = {name: os.environ[name] for name in ("ONEX_CACHE",) if name in os.environ}
        done = subprocess.run(
            [str(self.environment / "bin" / command[0]), *command[1:]],
            cwd=folder,
            env={**places, **passed, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, "\n".join([*self.commands, done.stdout, done.stderr])
        return done.stdout

    def write(self, name: str, text: str) -> None:
        """Write a file of the project by hand. Empty lines do not count."""
        self.lines += sum(bool(line.strip()) for line in text.splitlines())
        file = self.project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class Company:
    """Programs that know nothing of the mesh: they write orders and payments, and read balances."""

    def __init__(self, bus: KafkaEventBusAdapter, registry: Registry) -> None:
        self._bus = bus
        bus.admin.create([TopicState(name, PARTITIONS, 1, {}) for name in (ORDERS, PAYMENTS, BALANCES)])
        self._catalogue = RegistryCatalogue(registry.url)
        self._schema_id = 0
        eventually(self._registers, 120, "the registry of the company to take a schema")

    def _registers(self) -> bool:
        subject = f"{PAYMENTS}-value"
        try:
            self._schema_id = self._catalogue.register({subject: THEIRS})[subject].id
        except BusUnavailableError:  # a registry that has just started is slow on a machine with much to do
            return False
        return True

    def orders(self, cents: Mapping[str, int]) -> None:
        """Write JSON, with a field that the node does not have and without keys."""
        values = [json.dumps({"order_id": order, "cents": n, "till": 4}).encode() for order, n in cents.items()]
        self._bus.publish_batch(
            [Outgoing(ORDERS, value, None, [], number % PARTITIONS) for number, value in enumerate(values)]
        )

    def payments(self, cents: Mapping[str, int]) -> None:
        """Write Avro with the company's schema."""
        values = [
            (order, written(self._schema_id, {"order_id": order, "method": "CARD", "cents": n}, THEIRS))
            for order, n in cents.items()
        ]
        self._bus.publish_batch([Outgoing(PAYMENTS, value, order.encode(), []) for order, value in values])

    def balances(self) -> Mapping[str, int]:
        """Read JSON: the latest balance of each order."""
        ends = self._bus.admin.ends(all_partitions(self._bus.admin.topics([BALANCES]).values()))
        reader = self._bus.read({partition: first for partition, (first, _) in ends.items()})
        found = {}
        for record in reader.until_end():
            balance = json.loads(record.value() or b"")
            assert record.key() == balance["order_id"].encode()
            found[balance["order_id"]] = balance["cents"]
        reader.close()
        return found


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """Outside of pytest's folder: PostgreSQL runs as another user, whom a second pytest would lock out."""
    with TemporaryDirectory(prefix="onex-stranger-") as folder:
        made = Stranger(Path(folder))
        yield made
        if (made.project / ".onex" / "stack.json").exists():
            made.run(made.project, "onex", "down")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    server = Registry(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.mark.long
def test_a_stranger_has_guarantees_between_topics_of_a_company(
    stranger: Stranger, registry: Registry, kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    company = Company(kafka_bus, registry)
    company.orders({"o-1": 700, "o-2": 900, "o-3": 50})

    stranger.install(built_wheel(tmp_path))
    stranger.run(stranger.folder, "onex", "init", "till")
    for name, text in WRITTEN.items():
        stranger.write(f"{NODE}/{name}", text)

    once = stranger.run(stranger.project, "onex", "dev", "--once")
    assert "4 passed" in once
    assert "tests: passed; agents: ready" in once

    cluster = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bus.config.bootstrap_servers,
        "SCHEMA_REGISTRY_URL": registry.url,
        # Only because tests share the broker.
        "ONEX_ENV": f"t{uuid.uuid4().hex[:8]}",
        "ONEX_TOPIC_PREFIX": f"stranger-{uuid.uuid4().hex[:8]}.",
    }
    stranger.run(stranger.project, "onex", "up", **cluster)
    company.payments({"o-1": 500, "o-2": 900})
    wanted = {"o-1": 200, "o-2": 0, "o-3": 50}
    eventually(lambda: company.balances() == wanted, 60, "the balances of the company's orders")
    stranger.run(stranger.project, "onex", "down", **cluster)

    assert len(stranger.commands) <= MOST_COMMANDS, stranger.commands
    assert stranger.lines <= MOST_LINES
