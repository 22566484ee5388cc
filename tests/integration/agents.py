"""Agents as processes, for tests."""

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TypeVar, cast

from confluent_kafka.admin import AdminClient

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Headers, Outgoing, Partition, ProtocolRecord
from onex.bus.topics import all_partitions
from onex.contract import ResolvedNode, resolve_node
from onex.model.message import Message
from onex.provisioning.declared import declare
from onex.provisioning.environment import EnvironmentLog
from onex.provisioning.foreign import create_foreign
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.schema.topic_catalogue import SCHEMAS_TOPIC, TopicCatalogue
from onex.wire import dead_letter as d
from onex.wire import headers as h
from tests.conftest import eventually
from tests.integration.forked import Forks, Output, Process

FORKS = cache(Forks)
"""The one of this test worker; it ends when the worker does."""
_OWNERS: dict[tuple[str, str], str] = {}
"""Environment that this process let own the topics, by broker and prefix."""
M = TypeVar("M", bound=Message)


class Mesh:
    """A few nodes on a real broker: provisioned, with processes that are always stopped."""

    def __init__(
        self,
        bus: KafkaEventBusAdapter,
        folders: Sequence[Path],
        home: Path,
        env: Mapping[str, str] | None = None,
        replication: int = 1,
        topic_prefix: str = "",
    ) -> None:
        self._replication = replication
        self._topic_prefix = topic_prefix
        self.bus = bus
        self.home = home
        self.nodes = [resolve_node(folder, topic_prefix) for folder in folders]
        self.catalogue: ProtocolSchemaCatalogue = TopicCatalogue(bus, topic_prefix)
        self.prefix = f"t{uuid.uuid4().hex[:8]}"
        self.processes: list[Process] = []
        self._read: dict[str, tuple[object, list[ProtocolRecord]]] = {}
        """What was read of each topic, after its identity and ends at that time."""
        self.read_again: list[str] = []
        """Records that a client of the test went back to."""
        self.env = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": bus.config.bootstrap_servers,
            "ONEX_HOME": str(home),
            "ONEX_ENV": self.prefix,
            "ONEX_TOPIC_PREFIX": topic_prefix,
            "ONEX_HEARTBEAT_INTERVAL": "0",
            "PYTHONFAULTHANDLER": "1",
            **(env or {}),
        }
        self._clear()
        self._own()
        self.apply()

    def __enter__(self) -> "Mesh":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            error.add_note(self.stand())
        for process in self._running():
            process.kill()
        for process in self.processes:
            process.wait()

    def _running(self) -> list[Process]:
        return [process for process in self.processes if process.poll() is None]

    def stand(self) -> str:
        """What the processes say of themselves, and the ends of their logs with the stacks of their threads."""
        return "\n".join([*map(self._stand_of, self.processes), self.tails()])

    def _stand_of(self, process: Process) -> str:
        """How a process ended, or what it says of itself; its threads write their stacks into its log."""
        if (code := process.poll()) is not None:
            return f"{process.pid} ended with {code}: {process.args!r}"
        stand = f"{process.pid} {self.info(process.pid).get('node')}: not ready for {self.readiness(process.pid)}"
        process.send_signal(signal.SIGUSR2)
        self.readiness(process.pid)  # gives it time to write
        return stand

    def _clear(self) -> None:
        """Topics of an earlier test go, with all their records."""
        used = {topic for node in self.nodes for topic in (*node.routes, *node.outputs.values())}
        declared = declare(self.nodes, self._replication, prefix=self._topic_prefix)
        names = [n for n, t in declared.topics.items() if n in used or t.declared_by != "the mesh"]
        names.remove(self._topic_prefix + SCHEMAS_TOPIC)
        if present := list(self.bus.admin.topics(names)):
            # In one request: the broker works through its metadata again after each.
            admin = AdminClient(self.bus.config.admin())
            for deleted in admin.delete_topics(present).values():
                deleted.result()
        eventually(lambda: not self.bus.admin.topics(names), what="old topics to go")

    def _own(self) -> None:
        """Take the topics from the test that used the broker before: its environment no longer exists."""
        place = (self.bus.config.bootstrap_servers, self._topic_prefix)
        if _OWNERS.get(place) != self.prefix:
            EnvironmentLog(self.bus, self._topic_prefix).adopt(self.prefix, "a test", "it begins")
            _OWNERS[place] = self.prefix

    def apply(self, nodes: Sequence[ResolvedNode] = ()) -> None:
        """Provision topics and schemas, of all nodes or of these."""
        self._own()
        prefix = self._topic_prefix
        declared = declare(nodes or self.nodes, self._replication, env=self.prefix, prefix=prefix)
        create_foreign(declared, self.bus, self.catalogue)
        apply_plan(make_plan(declared, self.bus, self.catalogue), declared, self.bus, self.catalogue)

    def node(self, name: str) -> ResolvedNode:
        """A node by name."""
        return next(node for node in self.nodes if node.contract.name == name)

    def start(
        self,
        name: str,
        *,
        ready: bool = True,
        env: Mapping[str, str] | None = None,
        faust: bool = False,
        folder: Path | None = None,
        within: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> Process:
        """Start an agent (on the Faust host when asked) and wait until it is ready and holds partitions.

        ``folder`` is another version of the node; ``within`` a command that ends by running what follows it;
        ``options`` are those of ``onex run``.
        """
        self._own()
        module, *arguments = ["tests.integration.faust_agent"] if faust else ["onex.cli.main", "run"]
        arguments += [str(folder or self.node(name).folder), *options]
        file, environment = self.home / f"{name}.log", {**self.env, **(env or {})}
        file.touch()
        process: Process
        if within or "LD_PRELOAD" in environment:
            with file.open("ab") as log:
                command = [*within, sys.executable, "-m", module, *arguments]
                process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        else:
            process = FORKS().start(module, arguments, environment, file)
        self.processes.append(process)
        if ready:
            eventually(lambda: self.readiness(process.pid) == {}, 40, lambda: f"{name} ready: {self.log(name)}")
        return process

    def stop(self, process: Process, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal a process and wait for its end. Return the exit code."""
        process.send_signal(how)
        try:
            return process.wait(40)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # the log then tells where every thread was
            process.wait(10)
            raise AssertionError(f"does not end on {how.name}: {process.args!r}\n{self.tails()}") from None

    def onex(self, *arguments: str, text: str = "", env: Mapping[str, str] | None = None) -> Output:
        """Run a command as an operator would, with ``text`` as its input."""
        self._own()
        return FORKS().run("onex.cli.main", arguments, {**self.env, **(env or {})}, text)

    def log(self, name: str) -> str:
        """What the agents of a node wrote."""
        return (self.home / f"{name}.log").read_text()

    def tails(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"== {file.name}\n{file.read_text()[-4000:]}" for file in sorted(self.home.glob("*.log")))

    def info(self, pid: int) -> dict[str, str]:
        """What an agent says of itself."""
        for file in (self.home / "run").glob("*.json"):
            info: dict[str, str] = json.loads(file.read_text())
            if int(info["pid"]) == pid:
                return info
        return {}

    def readiness(self, pid: int) -> dict[str, str] | None:
        """Reasons why an agent is not ready; None when it does not answer."""
        info = self.info(pid)
        if not info:
            return None
        try:
            try:
                with urllib.request.urlopen(f"{info['health']}/readyz", timeout=5) as answer:
                    body = answer.read()
            except urllib.error.HTTPError as error:
                body = error.read()
        except (OSError, http.client.HTTPException):  # it may end in the middle of its answer
            return None
        if not body:  # it ended before the first byte
            return None
        reasons: dict[str, str] = json.loads(body)["reasons"]
        return reasons

    def ready(self, process: Process) -> Callable[[], bool]:
        """Condition: the agent is ready."""
        return lambda: self.readiness(process.pid) == {}

    def unready(self, process: Process) -> Callable[[], bool]:
        """Condition: the agent answers, and says that it is not ready."""
        return lambda: bool(self.readiness(process.pid))

    def get(self, pid: int, path: str) -> str:
        """A page of an agent's health server."""
        with urllib.request.urlopen(f"{self.info(pid)['health']}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def metric(self, pid: int, name: str) -> float:
        """The first sample of an agent's metrics whose name begins so."""
        lines = self.get(pid, "/metrics").splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def send(self, messages: Sequence[Message], *, ids: Sequence[str] | None = None) -> list[str]:
        """Publish messages to the topics that take them. Return their ids."""
        identities = list(ids or (uuid.uuid4().hex for _ in messages))
        records = []
        for message, identity in zip(messages, identities, strict=True):
            topic = next(t for n in self.nodes for t, r in n.routes.items() if r.model is type(message))
            codec = Codec.of_topic(type(message), topic, self.catalogue)
            headers: Headers = [(h.ID, identity.encode()), (h.CORRELATION, identity.encode())]
            records.append(
                Outgoing(topic, codec.encode(message), message.partition_key() or identity.encode(), headers)
            )
        self.bus.publish_batch(records)
        return identities

    def records(self, topic: str) -> list[ProtocolRecord]:
        """Committed records of a topic, each once: a client may go back to what it has read when leaders change.

        A topic that has not changed since the last call is not read again, unless its partitions have copies: those
        may differ.
        """
        states = self.bus.admin.topics([topic])
        partitions = all_partitions(states.values())
        read = [state.identity for state in states.values()], self.bus.admin.ends(partitions)
        if self._replication == 1 and topic in self._read and self._read[topic][0] == read:
            return list(self._read[topic][1])
        found = self._records(topic, partitions)
        self._read[topic] = read, found
        return list(found)

    def _records(self, topic: str, partitions: Sequence[Partition]) -> list[ProtocolRecord]:
        reader = self.bus.read(dict.fromkeys(partitions, 0))
        found, newest = list[ProtocolRecord](), dict[int, int]()
        for record in reader.until_end():
            if record.offset() > newest.get(record.partition(), -1):
                found.append(record)
                newest[record.partition()] = record.offset()
            else:
                self.read_again.append(f"{topic}[{record.partition()}] offset {record.offset()}")
        reader.close()
        return found

    def messages(self, model: type[M]) -> list[M]:
        """Committed messages of a type."""
        return [message for _, message in self._with_ids(model)]

    def in_time(self, model: type[M]) -> list[M]:
        """Committed commands of a type, without those that were refused because their deadline had passed."""
        late = self.too_late()
        return [message for identity, message in self._with_ids(model) if identity not in late]

    def too_late(self) -> Mapping[str, dict[str, str]]:
        """Dead letters of commands whose deadline had passed, by the id of the command."""
        letters = (letter for node in self.nodes for letter in self.dead_letters(node.contract.name))
        return {letter[d.MESSAGE_ID]: letter for letter in letters if letter[d.EXCEPTION].endswith("DeadlineError")}

    def told(
        self, model: type[M], wanted: Callable[[ProtocolRecord], bool] = lambda _: True
    ) -> list[tuple[ProtocolRecord, M]]:
        """Committed messages of a type with their records; those of a partition are in its order."""
        topic = next(t for n in self.nodes for m, t in n.outputs.items() if m is model)
        codec = Codec.of_topic(model, topic, self.catalogue)
        return [(record, cast(M, codec.decode(record.value()))) for record in self.records(topic) if wanted(record)]

    def _with_ids(self, model: type[M]) -> list[tuple[str, M]]:
        return [
            (dict(record.headers() or []).get(h.ID, b"").decode(errors="replace"), message)
            for record, message in self.told(model)
        ]

    def dead_letters(self, name: str) -> list[dict[str, str]]:
        """Headers of the dead letters of a node."""
        return [headers for headers, _ in self.letters(name)]

    def letters(self, name: str) -> list[tuple[dict[str, str], ProtocolRecord]]:
        """Dead letters of a node, each after its headers."""
        return [
            ({key: (value or b"").decode(errors="replace") for key, value in record.headers() or []}, record)
            for record in self.records(self.node(name).contract.dead_letter_topic)
        ]

    def lag(self, name: str) -> int:
        """Records of this test that a node's group has not committed yet."""
        contract = self.node(name).contract
        inputs = self.partitions(self.node(name).routes)
        positions = self.bus.admin.group_positions(contract.group(self.prefix), inputs)
        # Ends count transaction markers, so what is left is counted by reading it.
        reader = self.bus.read({p: positions[p].offset if p in positions else 0 for p in inputs})
        left = len(list(reader.until_end()))
        reader.close()
        return left

    def partitions(self, topics: Iterable[str]) -> list[Partition]:
        """Every partition of these topics; none of those that do not exist."""
        return all_partitions(self.bus.admin.topics(sorted(topics)).values())
