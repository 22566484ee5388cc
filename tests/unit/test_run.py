"""``onex run``: which agents run in this process, and which are supervised."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from onex.agent.process import supervisor
from onex.cli import run as command
from onex.cli.main import app
from tests.conftest import NODES

NODE = str(NODES / "node_tally_reducer" / "v1_0_0")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")

    def supervise(argv: Sequence[str], instances: int, patience: float) -> int:
        found.append((argv[-2:], instances))
        return 0

    def run_agent(folder: Path, settings: object, *, allow_unfinished: bool) -> int:
        found.append(folder)
        return 70

    monkeypatch.setattr(command, "supervise", supervise)
    monkeypatch.setattr(command, "run_agent", run_agent)
    return found


@pytest.mark.parametrize("instances", [1, 2])
def test_any_number_of_instances_is_supervised(started: list[object], instances: int) -> None:
    assert CliRunner().invoke(app, ["run", NODE, "--instances", str(instances)]).exit_code == 0
    assert started == [(["run", NODE], instances)]


def test_without_a_number_the_agent_runs_in_this_process(started: list[object]) -> None:
    assert CliRunner().invoke(app, ["run", NODE]).exit_code == 70
    assert started == [Path(NODE)]


@pytest.mark.parametrize("more", [[], ["--instances", "2"]])
def test_without_a_broker_setting_nothing_is_started(
    started: list[object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: list[str]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "")
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["run", NODE, *more])
    assert (result.exit_code, result.stdout, started) == (4, "", [])
    assert result.stderr == "error no Kafka: run `onex up`, or set KAFKA_BOOTSTRAP_SERVERS\n"


@pytest.mark.parametrize("code", [70, 1, 0])
def test_a_process_that_ends_is_started_again(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    now, starts = [0.0], []

    class Ended:
        pid, returncode = 1, code

        def __init__(self, argv: Sequence[str]) -> None:
            starts.append(now[0])

        def poll(self) -> int:
            return code

    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("onex.agent.process.supervisor.subprocess.Popen", Ended)
    child = supervisor._Child(["agent"])
    for _ in range(40):
        child.supervise()
        now[0] += 0.25
    assert starts == [0.0, 0.75, 2.0, 4.25, 8.5]
