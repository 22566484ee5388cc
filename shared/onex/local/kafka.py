"""One Apache Kafka broker (KRaft, combined mode) as a child process."""

import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

import psutil

from onex.errors import ConfigurationError
from onex.local.distribution import Distribution, distribution
from onex.local.jars import Progress
from onex.local.process import spawn, started_at, stop
from onex.local.properties import SESSION, free_port, is_free, one_node, port_of
from onex.local.ready import await_broker, listening
from onex.local.warm_up import warm_up


class LocalKafka:
    """Starts, stops, kills and restarts a broker with its data in ``folder``. Its port is the same at every start.

    ``tied``: the broker ends with the thread that started it, however that ends (PR_SET_PDEATHSIG). ``java``: options
    of Java. ``session``: seconds for which a start after a kill waits, see :func:`onex.local.properties.one_node`.
    ``port``: 0 takes the port that the broker of this folder had before, or a free one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tied: bool = True,
        heap: str = "512m",
        java: Sequence[str] = (),
        session: float = SESSION,
        port: int = 0,
        progress: Progress = print,
    ) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / "broker.log"
        self.port = port
        self.pid = 0
        self.node_id = 1
        self.cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.started = 0.0
        self._controller = 0
        self._tied = tied
        self._heap = heap
        self._java = java
        self._session = session
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._distribution: Distribution | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> str:
        """Start the broker and wait until it is ready; return the bootstrap servers. Raises ConfigurationError."""
        self.launch()
        self.wait()
        return self.bootstrap_servers

    def prepare(self) -> None:
        """Download Kafka, which may take minutes, once. Raises ConfigurationError when that fails."""
        self._distribution = self._distribution or distribution(self._progress)

    def launch(self) -> None:
        """Start without waiting. Raises ConfigurationError when Kafka is not available, or its port is in use."""
        self.prepare()
        kafka = self._distribution
        assert kafka is not None
        properties = self.folder / "server.properties"
        self.port = self.port or self._port_before(properties) or free_port()
        if not is_free(self.port):
            raise ConfigurationError(
                f"port {self.port} of the local Kafka is taken{_by(self.port)}: "
                "stop what listens there, or choose another port with --kafka-port"
            )
        self._controller = self._controller or free_port()
        self._format(kafka.checkpoint)
        properties.write_text(self.properties())
        options = (*self._java, f"-Djava.io.tmpdir={self._temporary()}")
        self._process = spawn(kafka.broker(properties, self._heap, options), self.log, tied=self._tied)
        self.pid, self.started = self._process.pid, started_at(self._process.pid)

    def wait(self) -> None:
        """Wait until a launched broker and its coordinators are ready. Raises ConfigurationError."""
        assert self._process is not None
        try:
            warm_up(await_broker(self._process, self.port, self.log))
        except ConfigurationError:
            self.kill()
            raise

    def properties(self) -> str:
        """Return the text of ``server.properties``."""
        return one_node(self.port, self._controller, self.folder / "data", self._session)

    def stop(self) -> None:
        """Send SIGTERM and wait. Do nothing when the broker does not run."""
        if self._process is not None:
            stop(self.pid, self.started, patience=15)
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """Send SIGKILL. Acknowledged records survive; a restart takes as long as ``session``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def listening(self) -> bool:
        """Return whether the broker's port accepts connections."""
        return listening(self.port)

    def _temporary(self) -> Path:
        """Return an empty folder for libraries that Java unpacks: a broker that is killed leaves them there."""
        folder = self.folder / "tmp"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _port_before(self, properties: Path) -> int:
        """Return the port of the last start, which other programs know; 0 when there is none."""
        return port_of(properties.read_text(errors="replace")) if properties.exists() else 0

    def _format(self, checkpoint: Path) -> None:
        """Write the two small files that a format would write."""
        data = self.folder / "data"
        if (data / "meta.properties").exists():
            return
        data.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkpoint, data / "bootstrap.checkpoint")
        marks = f"version=1\ncluster.id={self.cluster_id}\nnode.id={self.node_id}\n"
        (data / "meta.properties").write_text(marks)


def _by(port: int) -> str:
    """Return a text about the process that listens on a port, empty when this user may not see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,)
            if listens and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:  # on some systems it takes more rights to look
        return ""
    return ""
