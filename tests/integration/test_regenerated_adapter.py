"""Proof: an adapter that was written by hand without capabilities, and its regeneration, behave in the same way.

``tests/data/database_adapter`` has the hand-written version 1.0.0. Version 1.1.0 is regenerated from a contract with
capabilities and I/O operations, and from the two handlers that no contract states. Both run the same table of
commands on a database, with failures of the database among them.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shutil import copytree, ignore_patterns

import asyncpg
import pytest

from onex.capability.host import AgentEnvironment
from onex.codegen.regenerate import ModelRegenerationMetrics, compared, markdown, regenerated
from onex.codegen.regenerate.features import EnumFeature
from onex.codegen.regenerate.folder import read_folder
from onex.codegen.regenerate.measure import in_services
from onex.local import LocalPostgres
from onex.mixins.database import engine as database_engine
from onex.testing import MeshDriver
from tests.conftest import ROOT
from tests.integration.sqlite_pool import SqlitePool

DATA = ROOT / "tests" / "data" / "database_adapter"
NAME = "node_database_adapter_effect"
Command = tuple[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A services folder with both versions."""
    root = tmp_path_factory.mktemp("adapter")
    copytree(DATA / NAME / "v1_0_0", root / NAME / "v1_0_0", ignore=ignore_patterns("__pycache__"))
    folder = root / NAME / "v1_1_0"
    folder.mkdir()
    (folder / "node.py").write_text((DATA / "hand_written.py.txt").read_text())
    for name, text in regenerated((DATA / "contract.yaml").read_text(), folder).files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))
    for module in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[module]


LONG = "a note that is longer than what the adapter shows of it"
STATEMENTS = "it's over'; DELETE FROM adapter_executions; --"
TABLE: Sequence[tuple[Command, str, Mapping[str, object]]] = [
    (
        ("RecordExecution", {"workflow": "w", "status": "started", "note": LONG}),
        "ExecutionRecorded",
        {"status": "started"},
    ),
    (("ReadExecution", {}), "ExecutionRead", {"workflow": "w", "status": "started", "note": LONG[:40]}),
    (("ChangeStatus", {"status": "running"}), "StatusChanged", {"status": "running"}),
    (("ReadExecution", {}), "ExecutionRead", {"workflow": "w", "status": "running", "note": LONG[:40]}),
    (
        ("RecordExecution", {"workflow": "other", "status": "failed", "note": STATEMENTS}),
        "ExecutionRecorded",
        {"status": "failed"},
    ),
    (("ReadExecution", {}), "ExecutionRead", {"workflow": "w", "status": "failed", "note": STATEMENTS[:40]}),
    (("InspectAdapter", {}), "AdapterInspected", {"healthy": True}),
    (("ChangeStatus", {"status": "unheard"}), "rejected", {}),
    (("RecordExecution", {"workflow": "w", "status": "", "note": ""}), "rejected", {}),
    (("RecordExecution", {"workflow": "w", "status": "failed", "note": "x" * 2_001}), "rejected", {}),
    (("RecordExecution", {"workflow": "w", "status": "failed", "note": "a\x07b"}), "rejected", {}),
    (("RecordExecution", {"workflow": "w", "status": "failed", "note": "Drop  table x"}), "rejected", {}),
    (("RemoveExecution", {}), "ExecutionRemoved", {"removed": ["e-1"]}),
    (("RemoveExecution", {}), "ExecutionRemoved", {"removed": []}),
    (("ReadExecution", {}), "rejected", {}),
    (("ChangeStatus", {"status": "running"}), "rejected", {}),
]


class Adapter:
    """One version on the in-memory host."""

    def __init__(self, folder: Path, pool: SqlitePool | None, url: str = "x") -> None:
        self._driver = MeshDriver(
            [folder], virtual_time=pool is not None, environment=AgentEnvironment(database_url=url)
        )
        self.node = self._driver.nodes[0]

    def send(self, command: Command, wait: float = 0.0) -> dict[str, object] | str:
        """Return the output as JSON with its type, or the class of the dead letter, or an empty text for neither."""
        name, fields = command
        sent = self._driver.send(self.node.models[name].model_validate({"execution_id": "e-1", **fields}))
        self._driver.run_until_idle()
        if wait:
            self._driver.advance(wait)
        for model in self.node.outputs:
            for message in self._driver.published(model, sent):
                return {"type": model.__name__, **message.model_dump(mode="json")}
        try:
            return self._driver.dead_letter_of(sent)["onex-dlq-class"]
        except AssertionError:
            return ""

    def close(self) -> None:
        self._driver.close()


def versions(services: Path, monkeypatch: pytest.MonkeyPatch, pools: Sequence[SqlitePool]) -> tuple[Adapter, Adapter]:
    """Return both versions, each with a database of its own."""

    async def connect() -> SqlitePool:
        return pools[0]

    async def open_pool(*_: object, **__: object) -> SqlitePool:
        return pools[1]

    monkeypatch.syspath_prepend(str(services))
    monkeypatch.setattr(f"{NAME}.v1_0_0.pool.connect", connect)
    monkeypatch.setattr(database_engine, "open_pool", open_pool)
    folders = [services / NAME / version for version in ("v1_0_0", "v1_1_0")]
    first, second = (Adapter(folder, pool) for folder, pool in zip(folders, pools, strict=True))
    return first, second


@pytest.fixture
def pools() -> tuple[SqlitePool, SqlitePool]:
    return SqlitePool(), SqlitePool()


@pytest.fixture
def both(
    services: Path, monkeypatch: pytest.MonkeyPatch, pools: tuple[SqlitePool, SqlitePool]
) -> Iterator[tuple[Adapter, Adapter]]:
    """Both versions."""
    found = versions(services, monkeypatch, pools)
    yield found
    for adapter in found:
        adapter.close()


def expected(kind: str, fields: Mapping[str, object]) -> dict[str, object] | str:
    return kind if kind == "rejected" else {"type": kind, "execution_id": "e-1", **fields}


def test_both_versions_have_the_same_outputs_and_dead_letters(both: tuple[Adapter, Adapter]) -> None:
    for command, kind, fields in TABLE:
        results = [adapter.send(command) for adapter in both]
        assert results == [expected(kind, fields)] * 2, command


@pytest.mark.parametrize(
    "failures",
    [
        [asyncpg.SerializationError("concurrent")] * 2,
        [ConnectionRefusedError("away")],
        [ConnectionResetError("away")] * 4,
        [ConnectionResetError("away")] * 7,
    ],
    ids=["rolled back", "away once", "away", "away until the circuit opens"],
)
@pytest.mark.parametrize("row", [TABLE[0], TABLE[1]], ids=["a generated handler", "a kept handler"])
def test_both_versions_get_over_failures_of_the_database(
    both: tuple[Adapter, Adapter],
    pools: tuple[SqlitePool, SqlitePool],
    failures: list[Exception],
    row: tuple[Command, str, Mapping[str, object]],
) -> None:
    command, kind, fields = row
    for adapter, pool in zip(both, pools, strict=True):
        assert adapter.send(TABLE[0][0]) == expected(*TABLE[0][1:])
        pool.failures += failures
        assert adapter.send(command, wait=600.0) == expected(kind, fields)
        assert pool.failures == []


def test_the_regenerated_version_is_what_contract_and_author_wrote(services: Path) -> None:
    folder = services / NAME / "v1_1_0"
    node = (folder / "node.py").read_text()
    for name in ("MixinDatabase", "MixinCircuitBreaker", "MixinHealthCheck", "MixinSecurity"):
        assert name in node.partition("NodeEffect):")[0]
    for handler in ("record", "change", "remove"):
        assert f"async def {handler}(self, command: " in node
    assert "self._read(command)" in node
    assert "NotImplementedNodeError" not in node
    again = regenerated((DATA / "contract.yaml").read_text(), folder)
    assert again.files[f"{NAME}/v1_1_0/node.py"] == node
    assert set(again.kept_bodies) >= {f"NodeDatabaseAdapterEffect.{name}" for name in ("read", "inspect")}


def metrics(services: Path) -> ModelRegenerationMetrics:
    before, after = (in_services(read_folder(services / NAME / version)) for version in ("v1_0_0", "v1_1_0"))
    return compared(before, after)


def test_the_report_shows_what_capabilities_replace(services: Path) -> None:
    found = metrics(services)
    replaced = {
        EnumFeature.CIRCUIT_BREAKER,
        EnumFeature.RETRY,
        EnumFeature.DEAD_LETTERS,
        EnumFeature.HEALTH,
        EnumFeature.METRICS,
        EnumFeature.LOGGING,
        EnumFeature.VALIDATION,
    }
    for feature in replaced:
        assert found.before.lines[feature] >= 10, feature
        assert found.after.lines.get(feature, 0) <= 5, feature
    assert found.reduction_percent > 40
    assert found.before.mixins == ()
    assert len(found.after.mixins) >= 7
    assert found.after.unfinished == ()
    assert "| circuit breaker |" in markdown([found])


@pytest.mark.postgres
def test_both_versions_behave_alike_on_postgresql(
    services: Path, monkeypatch: pytest.MonkeyPatch, postgres: LocalPostgres
) -> None:
    url = postgres.start()
    monkeypatch.setenv("DATABASE_URL", url)
    for version in ("v1_0_0", "v1_1_0"):
        adapter = Adapter(services / NAME / version, None, url)
        try:
            for command, kind, fields in TABLE:
                assert adapter.send(command) == expected(kind, fields), command
        finally:
            adapter.close()
