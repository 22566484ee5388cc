"""The mesh under fault: its agents, the brokers and the database behind proxies, and the load."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from onex.agent.process.watchdog.call_watch import EXIT_STALLED
from onex.bus.kafka import KafkaEventBusAdapter
from onex.contract import resolve_node
from onex.local import LocalPostgres
from tests.chaos.cluster import Cluster
from tests.chaos.ends import Ends, last_words, name_of
from tests.chaos.hostile import HostileSender
from tests.chaos.ledger import Row, rows, unanswered
from tests.chaos.load import Load
from tests.chaos.proxy import TcpProxy
from tests.chaos.skew import Clock
from tests.chaos.small_disk import fill, full_disk, make_room
from tests.conftest import NODES, ORDERS, eventually
from tests.integration.agents import Mesh
from tests.integration.forked import Process

UPGRADED = "node_till_effect"
"""The node that has two versions."""
_SET_BACK = "after the clock was set back"
_STALL_TIMEOUT = "10"
_START_TIMEOUT = "70"
_VERSIONS = ("v1_0_0", "v1_1_0")


class Field:
    """Everything that a fault can reach."""

    def __init__(
        self, cluster: Cluster, bus: KafkaEventBusAdapter, postgres: LocalPostgres, folder: Path, instances: int
    ) -> None:
        self.cluster = cluster
        self.bus = bus
        url = urlparse(postgres.start())
        self.database = TcpProxy(f"{parse_qs(url.query)['host'][0]}/.s.PGSQL.5432")
        self.database.start()
        self._url = f"postgresql://postgres@127.0.0.1:{self.database.port}/postgres"
        folders = [*sorted(ORDERS.glob("*/v1_0_0")), NODES / UPGRADED / _VERSIONS[0]]
        env = {
            "DATABASE_URL": self._url,
            "ONEX_STALL_TIMEOUT": _STALL_TIMEOUT,
            "ONEX_START_TIMEOUT": _START_TIMEOUT,
        }
        self.mesh = Mesh(bus, folders, folder, env, replication=3)
        self.agents: dict[str, list[Process]] = {}
        self.clocks = {node.contract.name: Clock(folder / f"{node.contract.name}.clock") for node in self.mesh.nodes}
        self.load = Load(bus, self.mesh.catalogue)
        self.hostile = HostileSender(cluster.bootstrap_servers)
        self._instances = instances
        self._version = 0
        self._state = folder / "state"
        self._lock = threading.Lock()
        """Locked while a fault or the supervisor changes the agents."""
        self._ended = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True, name="supervisor")
        self.ends = Ends()

    def start(self) -> None:
        """Agents, then load."""
        for node in self.mesh.nodes:
            name = node.contract.name
            self.agents[name] = [self._start(name) for _ in range(self._instances)]
        for name in self.agents:
            self.until_ready(name)
        self._supervisor.start()
        self.load.start()
        self.hostile.start()

    def close(self) -> None:
        """Release what outlives a test."""
        self._ended.set()
        if self._supervisor.ident is not None:
            self._supervisor.join(60.0)
        self.load.stop(5.0)
        with suppress(RuntimeError):  # brokers that are gone
            self.hostile.stop()
        self.mesh.__exit__(None, None, None)
        self.database.stop()

    def extra(self, name: str) -> Process:
        """One more instance, which the caller ends."""
        return self._start(name)

    def restart(self, name: str, how: signal.Signals) -> None:
        """End one instance and start another, as a supervisor would."""
        with self._lock:
            process = self.agents[name].pop(0)
            self.ends.note(name, process.poll())
            self.mesh.stop(process, how)
            self.ends.note(name, process.poll(), (0, -how))
            self.agents[name].append(self._start(name))

    def _supervise(self) -> None:
        """An agent that ends by itself (the watchdog ends one that stalls) is started again."""
        while not self._ended.wait(0.5):
            with self._lock:
                for name, processes in self.agents.items():
                    for place, process in enumerate(processes):
                        if (code := process.poll()) is not None:
                            words = last_words(self.mesh.log(name))
                            # A step back may hold an idle agent inside the library: decision 39.
                            self.ends.note(name, code, (EXIT_STALLED,) if _SET_BACK in words else ())
                            print(f"    {name} ended by itself with {name_of(code)}: {words}")
                            processes[place] = self._start(name)

    def whole(self) -> None:
        """Wait until every broker answers again."""
        eventually(lambda: all(b.listening() for b in self.cluster.brokers) and self.bus.health().ok, 60, "brokers")

    def upgrade(self) -> str:
        """The other version: its schemas first, then clients use them, then the instances follow one by one."""
        self._version = 1 - self._version
        version = _VERSIONS[self._version]
        self.mesh.apply([resolve_node(NODES / UPGRADED / version)])
        self.load.with_notes = bool(self._version)
        for _ in list(self.agents[UPGRADED]):
            self.restart(UPGRADED, signal.SIGTERM)
            eventually(self.mesh.ready(self.agents[UPGRADED][-1]), 60, f"{UPGRADED} {version}")
        return version

    def fill_disk(self, name: str) -> None:
        """An instance that starts on a full disk, gets room, and stops on a disk that is full again."""
        with self._lock:
            self.mesh.stop(self.agents[name].pop(0))
        self._state.mkdir(exist_ok=True)
        starved = self._start(name, within=full_disk(self._state), env={"ONEX_INSTANCE": "small-disk"})

        def told() -> bool:
            return "make room" in str(self.mesh.readiness(starved.pid))

        eventually(told, 60, "an agent that says that its disk is full")
        make_room(starved.pid, self._state)
        eventually(self.mesh.ready(starved), 60, f"{name} ready once there is room")
        fill(starved.pid, self._state)
        assert self.mesh.stop(starved) == 0, "it stops in order"
        with self._lock:
            self.agents[name].append(self._start(name))

    def _start(self, name: str, *, within: Sequence[str] = (), env: dict[str, str] | None = None) -> Process:
        folder = NODES / name / _VERSIONS[self._version] if name == UPGRADED else None
        skewed = {**self.clocks[name].env(), **(env or {})}
        return self.mesh.start(name, ready=False, env=skewed, folder=folder, within=within)

    def until_ready(self, name: str) -> None:
        """Wait until every agent of a node is ready."""
        for process in self.agents[name]:
            eventually(self.mesh.ready(process), 90, f"{name} is ready without hands")

    def stop_load(self) -> None:
        """No more commands, and no more junk."""
        self.load.stop()
        self.hostile.stop()

    def settle(self) -> None:
        """Every command answered, no lag, every agent ready, without hands."""
        # A run ends after five minutes, whatever happened to its steps.
        _calmly(lambda: unanswered(self.mesh, self.load), 330, "an answer to each command")
        for name in self.agents:
            _calmly(partial(self._lag, name), 60, f"no lag of {name}")
        for name in self.agents:
            self.until_ready(name)

    def _lag(self, name: str) -> list[int]:
        return [lag] if (lag := self.mesh.lag(name)) else []

    def ledger(self) -> list[Row]:
        """What must have come out, and what has."""
        lag = sum(self.mesh.lag(name) for name in self.agents)
        ready = sum(self.mesh.readiness(p.pid) == {} for processes in self.agents.values() for p in processes)
        return [
            *rows(self.mesh, self.load, self._url),
            ("lag of all nodes", 0, lag),
            ("agents that ended by themselves", 0, self.ends.total()),
            ("agents that are ready", sum(map(len, self.agents.values())), ready),
        ]


def _calmly(left: Callable[[], Sequence[object]], within: float, what: str) -> None:
    """As ``eventually``, until nothing is left. What it reads is whole topics: the agents need the processor more."""
    deadline = time.monotonic() + within
    while found := left():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}; {len(found)} are left: {found[:10]}"
        time.sleep(1.0)  # between looks at a condition, not instead of one
