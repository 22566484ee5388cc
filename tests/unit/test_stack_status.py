"""`onex status` says what to do about what is gone."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner, Result

import onex.local
from onex.agent.message.pause import PauseSwitch
from onex.agent.process.health_server import HealthServer
from onex.agent.telemetry.health import Health
from onex.bus.protocols import BusHealth
from onex.cli.main import app
from onex.cli.stack.stack_file import AgentNote, ProcessNote, Stack, write_stack
from onex.errors import BusUnavailableError
from onex.local.process import started_at
from onex.model.mesh import IntakeOrdered
from onex.settings import Settings

KAFKA, POSTGRES = "127.0.0.1:4711", "postgresql://postgres:@/postgres?host=/x"


class FakeBus:
    ok = True

    def require_broker(self, timeout: float, complaint: float) -> None:
        if not self.ok:
            raise BusUnavailableError("no broker answers")

    def health(self) -> BusHealth:
        return BusHealth(self.ok, "1 broker(s)" if self.ok else "Local: Broker transport failure")

    def close(self) -> None:
        pass


class FakePostgres:
    running = True

    def __init__(self, folder: Path) -> None:
        pass


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(FakeBus, "ok", True)
    monkeypatch.setattr(FakePostgres, "running", True)
    monkeypatch.setattr("onex.cli.stack.stack_status.open_bus", lambda _: FakeBus())
    monkeypatch.setattr(onex.local, "LocalPostgres", FakePostgres)
    (tmp_path / "run").mkdir()
    return tmp_path


def dead() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def wrote(home: Path, node: str, pid: int, port: int = 1) -> None:
    """What an agent wrote about itself. No port 1 answers."""
    info = {"node": node, "version": "1.0.0", "kind": "EFFECT", "instance": "h-0", "pid": pid}
    (home / "run" / f"{node}.json").write_text(
        json.dumps({**info, "health": f"http://127.0.0.1:{port}", "prefix": ""})
    )


def note(node: str, pid: int, started: float = 1.0) -> AgentNote:
    return AgentNote(pid=pid, started=started, node=node, version="1.0.0", number=3)


def stack(home: Path, *agents: AgentNote) -> None:
    kafka = ProcessNote(pid=1, started=1.0)
    made = Stack(kafka_bootstrap_servers=KAFKA, kafka=kafka, database_url=POSTGRES, postgres=True, agents=agents)
    write_stack(Settings(home=home), made)


def status(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["status", *arguments])


def lines(result: Result) -> list[str]:
    return [line.rstrip() for line in result.stdout.splitlines()]


def test_all_is_well(home: Path) -> None:
    stack(home)
    assert status().exit_code == 0
    assert json.loads(status("--json").stdout) == {
        "kafka": {"ok": True, "detail": "1 broker(s)"},
        "postgres": {"ok": True},
        "agents": [],
        "remedies": [],
    }


def test_what_is_gone_is_named_with_what_to_do(home: Path) -> None:
    killed, never_began, by_hand = dead(), dead(), dead()
    wrote(home, "node_killed_effect", killed)
    wrote(home, "node_hand_effect", by_hand)
    stack(home, note("node_killed_effect", killed), note("node_early_effect", never_began))
    found = json.loads(status("--json").stdout)
    assert {agent["node"]: agent["state"] for agent in found["agents"]} == {
        "node_killed_effect": "gone",
        "node_hand_effect": "gone",
        "node_early_effect": "gone",
    }
    log = home / "logs"
    shown = status()
    assert shown.exit_code == 1
    for remedy in (
        f"node_killed_effect (process {killed}) is gone: `onex up` starts it again; "
        f"its log is {log / 'node_killed_effect.3.log'}",
        f"node_early_effect (process {never_began}) is gone: `onex up` starts it again; "
        f"its log is {log / 'node_early_effect.3.log'}",
        f"node_hand_effect (process {by_hand}) is gone, and `onex up` did not start it: "
        "start it again with `onex run node_hand_effect`",
    ):
        assert remedy in lines(shown)
        assert remedy in found["remedies"]


def test_an_agent_that_lives_and_does_not_answer_is_not_gone(home: Path) -> None:
    mine = os.getpid()
    wrote(home, "node_silent_effect", mine)
    stack(home, note("node_silent_effect", mine, started_at(mine)))
    shown = status()
    assert (shown.exit_code, "no answer" in shown.stdout) == (1, True)
    assert f"does not answer: end it (kill -9 {mine}), then run `onex up`" in shown.stdout
    (home / "run" / "node_silent_effect.json").unlink()
    assert [agent["state"] for agent in json.loads(status("--json").stdout)["agents"]] == ["starting"]


def test_who_paused_a_node_is_named(home: Path) -> None:
    health = Health()
    PauseSwitch(health).set(
        IntakeOrdered(node="node_a_effect", env="e", paused=True, who="me", at=datetime(2026, 1, 1, tzinfo=UTC))
    )
    server = HealthServer("127.0.0.1", 0, health, CollectorRegistry())
    wrote(home, "node_a_effect", os.getpid(), server.port)
    stack(home)
    try:
        shown = status()
        (agent,) = json.loads(status("--json").stdout)["agents"]
    finally:
        server.close()
    assert (shown.exit_code, agent["state"]) == (0, "ready")
    assert "ready, paused" in shown.stdout
    reason = "by me at 2026-01-01 00:00:00; `onex resume node_a_effect` ends it"
    assert f"node_a_effect is paused {reason}" in lines(shown)
    assert agent["paused"] == reason


def test_servers_that_are_down_are_named_with_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack(home)
    monkeypatch.setattr(FakeBus, "ok", False)
    monkeypatch.setattr(FakePostgres, "running", False)
    shown = status()
    assert shown.exit_code == 1
    assert "Kafka is down: `onex up` starts it again" in lines(shown)
    assert "PostgreSQL is down: `onex up` starts it again" in lines(shown)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "elsewhere:9092")
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/x")
    shown = status()
    assert "Kafka is down: start it, or correct KAFKA_BOOTSTRAP_SERVERS (elsewhere:9092)" in lines(shown)
    assert "PostgreSQL is down" not in shown.stdout, "it is not the local one that is used"


def test_nothing_runs(home: Path) -> None:
    shown = status()
    assert (shown.exit_code, "`onex up` starts everything" in shown.output) == (1, True)
