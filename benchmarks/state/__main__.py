"""``python -m benchmarks.state``: restoring a million keys, taking them over, a hundred thousand open workflows."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.report import Report, Series
from onex.agent.state.backends import RocksBackend
from onex.agent.state.memory import StateMemory
from onex.agent.state.store_manager import Stores
from onex.agent.topic_limits import TopicLimits
from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, Partition
from onex.contract import ResolvedNode, resolve_node
from onex.local import LocalKafka
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import Codec
from onex.schema.topic_catalogue import TopicCatalogue
from onex.wire import headers as h
from onex.wire.changelog import STATE

_ROOT = Path(__file__).parents[2]
_REDUCER = _ROOT / "examples" / "orders" / "node_balance_reducer" / "v1_0_0"
_ORCHESTRATOR = _ROOT / "examples" / "orders" / "node_order_orchestrator" / "v1_0_0"
_CHUNK = 20_000
_PARTITIONS = 4


def main() -> None:
    """Run, print and write ``build/bench/state.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--workflows", type=int, default=100_000)
    options = parser.parse_args()
    figures: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder) / "kafka", heap="1g")
        bootstrap = kafka.start()
        try:
            bench = _Bench(bootstrap, Path(folder))
            bench.fill_changelog(options.keys)
            for run in range(options.runs):
                for name, unit, value in (
                    *bench.restore_alone(run),
                    *bench.restore(run),
                    *bench.take_over(run, standby=False),
                    *bench.take_over(run, standby=True),
                    *(bench.workflows(options.workflows) if not run else ()),
                ):
                    figures.setdefault((name, unit), []).append(value)
                    print(f"run {run + 1} {name}: {value:,.2f} {unit}")
        finally:
            kafka.stop()
    series = [Series(name, unit, values) for (name, unit), values in figures.items()]
    for line in series:
        print(f"{line.entry:<44} {line}")
    Report("state", list(series)).write()


class _Bench:
    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._bootstrap = bootstrap
        self._folder = folder
        self._bus = KafkaEventBusAdapter(KafkaConfig(bootstrap))
        self._catalogue = TopicCatalogue(self._bus)
        self._reducer, self._orchestrator = resolve_node(_REDUCER), resolve_node(_ORCHESTRATOR)
        declared = declare([self._reducer, self._orchestrator], 1)
        apply_plan(make_plan(declared, self._bus, self._catalogue), declared, self._bus, self._catalogue)

    def fill_changelog(self, keys: int) -> None:
        """A changelog as the reducer writes it, of keys that all differ."""
        model = self._reducer.state_model
        assert model is not None
        topic = self._reducer.contract.changelog_topic
        codec = Codec.of_topic(model, topic, self._catalogue)
        for start in range(0, keys, _CHUNK):
            self._bus.publish_batch(
                [
                    Outgoing(
                        topic, codec.encode(model(total=float(n), movements=n % 9)), STATE + b"customer-%08d" % n
                    )
                    for n in range(start, min(keys, start + _CHUNK))
                ]
            )
        self._keys = keys

    def restore_alone(self, run: int) -> list[tuple[str, str, float]]:
        """Reading the changelog and writing the stores, without starting a process and joining a group."""
        assert self._reducer.state_model is not None
        topic = self._reducer.contract.changelog_topic
        codec = Codec.of_topic(self._reducer.state_model, topic, self._catalogue)
        folder, memory = self._folder / f"alone-{run}", StateMemory(256 * 2**20)
        stores = Stores(
            self._bus,
            topic,
            codec,
            lambda n, identity: RocksBackend(folder / str(n), identity, memory),
            TopicLimits.usual(),
        )
        began = time.monotonic()
        for number in range(_PARTITIONS):
            stores.open(number)
        while stores.restoring:
            stores.restore()
        took = time.monotonic() - began
        stores.close_all()
        shutil.rmtree(folder)
        return [(f"restore of {self._keys:,} keys alone", "s", took)]

    def restore(self, run: int) -> list[tuple[str, str, float]]:
        """From an empty disk, then again from what the first start left there."""
        home = self._folder / f"restore-{run}"
        names = ("restore from an empty disk", "restart from the checkpoint")
        found = []
        for name in names:
            found += self._until_ready(f"{name}, {self._keys:,} keys", self._reducer, home)
        shutil.rmtree(home)
        return found

    def take_over(self, run: int, *, standby: bool) -> list[tuple[str, str, float]]:
        """One of two instances stops: how long until each of its partitions answers again?"""
        home = self._folder / f"take-over-{'warm' if standby else 'cold'}-{run}"
        folder = self._with_standby(home) if standby else self._reducer.folder
        name = f"take half of {self._keys:,} keys over, {'standby' if standby else 'no copy'}"
        first = self._start(folder, home)
        second = None
        try:
            _until(lambda: self._ready(home, first), 120)
            second = self._start(folder, home)
            stays = second
            _until(lambda: self._ready(home, stays), 120)
            if standby:
                _until(lambda: (self._metric(home, stays, "onex_standby_keys") or 0) > 0.4 * self._keys, 120)
            _until(lambda: self._moved(1), 60)
            began = time.monotonic()
            self._stop(first)  # what it still answers does not count
            self._moved(1)
            return [(name, "s", time.monotonic() - began)]
        finally:
            for agent in (first, second):
                if agent is not None:
                    self._stop(agent)
            shutil.rmtree(home)

    def _with_standby(self, home: Path) -> Path:
        """The same reducer, whose contract asks for copies."""
        shutil.copytree(_REDUCER.parents[1], home / "nodes")
        contract = home / "nodes" / _REDUCER.parent.name / _REDUCER.name / "contract.yaml"
        contract.write_text(contract.read_text() + "delivery: {standby: true}\n")
        return contract.parent

    def _moved(self, each: int) -> bool:
        """Send ``each`` movements into every partition, and wait for all replies."""
        source, target = "onex.evt.payment.money-moved.v1", "onex.snapshot.balance.customer-balance.v1"
        codec = Codec.of_topic(self._reducer.routes[source].model, source, self._catalogue)
        ends = self._bus.admin.ends([Partition(target, number) for number in range(_PARTITIONS)])
        for number in range(_PARTITIONS):
            message = codec.model(customer=f"probe-{number}", order_id="probe", amount=1.0)
            record = Outgoing(source, codec.encode(message), f"probe-{number}".encode(), [], number)
            self._bus.publish_batch([record] * each)
        reader = self._bus.read({partition: last for partition, (_, last) in ends.items()})
        try:
            left = each * _PARTITIONS
            while left > 0:
                left -= len(reader.batch(100, 0.05))
        finally:
            reader.close()
        return True

    def workflows(self, count: int) -> list[tuple[str, str, float]]:
        """Open runs with a timer each: no node replies to their first step."""
        home = self._folder / "workflows"
        topic = "onex.cmd.orders.place-order.v1"
        codec = Codec.of_topic(self._orchestrator.routes[topic].model, topic, self._catalogue)
        agent = self._start(self._orchestrator.folder, home)
        found = []
        try:
            _until(lambda: self._ready(home, agent), 60)
            before = _memory(agent)
            began = time.monotonic()
            for start in range(0, count, _CHUNK):
                self._bus.publish_batch(
                    [
                        Outgoing(
                            topic,
                            codec.encode(codec.model(order_id=f"o-{n}", quantity=1, unit_price=1.0)),
                            f"o-{n}".encode(),
                            [(h.ID, f"o-{n}".encode())],
                        )
                        for n in range(start, min(count, start + _CHUNK))
                    ]
                )
            _until(lambda: self._answers() >= count, 300)
            found.append((f"opening {count:,} workflows", "workflows/s", count / (time.monotonic() - began)))
            found.append((f"{count:,} open workflows, memory above an idle agent", "MiB", _memory(agent) - before))
        finally:
            self._stop(agent)
        return found + self._until_ready(f"restart with {count:,} open workflows", self._orchestrator, home)

    def _until_ready(self, name: str, node: ResolvedNode, home: Path) -> list[tuple[str, str, float]]:
        agent = self._start(node.folder, home)
        try:
            began = psutil.Process(agent.pid).create_time()
            _until(lambda: self._ready(home, agent), 120)
            took = time.time() - began
            return [(f"{name}, process start to ready", "s", took), (f"{name}, memory", "MiB", _memory(agent))]
        finally:
            self._stop(agent)

    def _answers(self) -> int:
        topic = "onex.cmd.order-pricing.price-order.v1"
        partitions = [Partition(topic, number) for number in range(_PARTITIONS)]
        reader = self._bus.read(dict.fromkeys(partitions, 0))
        try:
            return sum(1 for _ in reader.until_end())
        finally:
            reader.close()

    def _start(self, folder: Path, home: Path) -> subprocess.Popen[bytes]:
        env = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self._bootstrap,
            "ONEX_HOME": str(home),
            "ONEX_ENV": home.name,
            "ONEX_HEARTBEAT_INTERVAL": "0",
        }
        command = [sys.executable, "-m", "onex.cli.main", "run", str(folder)]
        return subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def _stop(self, agent: subprocess.Popen[bytes]) -> None:
        agent.send_signal(signal.SIGTERM)
        agent.wait(60)

    def _get(self, home: Path, agent: subprocess.Popen[bytes], path: str) -> str | None:
        for file in (home / "run").glob("*.json"):
            info = json.loads(file.read_text())
            if int(info["pid"]) == agent.pid:
                try:
                    with urllib.request.urlopen(info["health"] + path, timeout=5) as answer:
                        text: str = answer.read().decode()
                        return text
                except (urllib.error.HTTPError, OSError):
                    return None
        return None

    def _ready(self, home: Path, agent: subprocess.Popen[bytes]) -> bool:
        """Ready, with partitions assigned: before, there is nothing to restore."""
        rebalances = self._metric(home, agent, "onex_rebalances_total")
        return bool(rebalances) and self._get(home, agent, "/readyz") is not None

    def _metric(self, home: Path, agent: subprocess.Popen[bytes], name: str) -> float | None:
        text = self._get(home, agent, "/metrics") or ""
        return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)), None)


def _memory(agent: subprocess.Popen[bytes]) -> float:
    return float(psutil.Process(agent.pid).memory_info().rss) / 2**20


def _until(condition: Callable[[], object], within: float) -> None:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"not within {within:g} s")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
