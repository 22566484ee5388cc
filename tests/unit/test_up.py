"""What `onex up` decides, and that it leaves nothing behind; Kafka, PostgreSQL and agents are idle processes here."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest
import typer
from structlog.testing import capture_logs

import onex.cli.provision
import onex.cli.stack.agents
import onex.local
from onex.cli.installed_nodes import MESH_NODES
from onex.cli.stack import up
from onex.cli.stack.agent_files import AgentInfo, agent_infos, remove_files_of_dead_agents
from onex.cli.stack.agent_plan import AgentPlan, WantedNode, plan_agents
from onex.cli.stack.down import down
from onex.cli.stack.launch_inputs import launch_inputs
from onex.cli.stack.lock import stack_lock
from onex.cli.stack.stack_file import AgentNote, Stack, read_stack, write_stack, write_stack_file
from onex.cli.stack.undo import Undo
from onex.contract import resolve_node
from onex.contract.installed import installed_roots
from onex.errors import BusError, ConfigurationError
from onex.local import LocalKafka
from onex.local.process import alive, runs, started_at
from onex.local.properties import free_port, is_free, one_node, port_of
from onex.provisioning.provision import Plan
from onex.settings import Settings
from tests.conftest import NODES, SERVICES

EFFECT = "node_store_effect"

# -- which agents -------------------------------------------------------------------------------


def wanted(name: str = "a", version: str = "1.0.0", **made: str) -> WantedNode:
    return WantedNode(name, version, Path(name), {"version": version, "code": "c", "Kafka": "k:1", **made})


def agent(pid: int, name: str = "a", version: str = "1.0.0", number: int = 0, **made: str) -> AgentNote:
    node = wanted(name, version, **made)
    return AgentNote(
        pid=pid,
        started=1.0,
        node=name,
        version=version,
        folder=node.folder,
        number=number,
        launch_inputs=node.launch_inputs,
    )


Outcome = tuple[list[int], list[tuple[str, int]], list[tuple[int, str]], list[int]]


def outcome(plan: AgentPlan) -> Outcome:
    return (
        [each.pid for each in plan.kept],
        [(each.node.name, each.number) for each in plan.started],
        [(each.agent.pid, each.reason) for each in plan.retired],
        [each.pid for each in plan.others],
    )


@pytest.mark.parametrize(
    ("nodes", "running", "instances", "expected"),
    [
        ([wanted()], [], 1, ([], [("a", 0)], [], [])),
        ([wanted()], [agent(1)], 1, ([1], [], [], [])),
        ([wanted()], [agent(1)], 3, ([1], [("a", 1), ("a", 2)], [], [])),
        ([wanted()], [agent(1), agent(2, number=1)], 1, ([1], [], [(2, "1 wanted")], [])),
        ([wanted(code="d")], [agent(1)], 1, ([], [("a", 1)], [(1, "code changed")], [])),
        ([wanted(code="d", Kafka="k:2")], [agent(1)], 1, ([], [("a", 1)], [(1, "code, Kafka changed")], [])),
        ([wanted(version="1.1.0")], [agent(1)], 1, ([], [("a", 1)], [(1, "version changed")], [])),
        ([wanted(), wanted(version="2.0.0")], [agent(1)], 1, ([1], [("a", 1)], [], [])),
        ([wanted()], [agent(1), agent(2, code="old", number=1), agent(3, number=2)], 2,
         ([1, 3], [], [(2, "code changed")], [])),
        ([wanted()], [agent(1, number=1)], 2, ([1], [("a", 0)], [], [])),
        ([wanted()], [agent(1), agent(5, "b"), agent(6, "removed")], 1,
         ([1], [], [(6, "removed is gone")], [5])),
        ([wanted()], [AgentNote(pid=1, started=1.0, node="a", version="1.0.0")], 1,
         ([], [("a", 1)], [(1, "version, code, Kafka changed")], [])),
    ],
)  # fmt: skip
def test_agents_are_made_to_be_what_is_wanted(
    nodes: list[WantedNode], running: list[AgentNote], instances: int, expected: Outcome
) -> None:
    plan = plan_agents(nodes, running, instances, exists=lambda folder: folder != Path("removed"))
    assert outcome(plan) == expected


def test_all_agents_can_be_replaced() -> None:
    plan = plan_agents([wanted()], [agent(1)], 1, replace_all=True)
    assert outcome(plan) == ([], [("a", 1)], [(1, "asked for")], [])


# -- the launch inputs of an agent -----------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node that imports code from next to its folder, at its start and later."""
    name = f"node_made_{tmp_path.name.replace('-', '_')}_compute"
    folder = tmp_path / "services" / name / "v1_0_0"
    shutil.copytree(NODES / "node_gate_compute" / "v1_0_0", folder)
    monkeypatch.syspath_prepend(str(tmp_path / "services"))
    (tmp_path / "services" / f"shared_{tmp_path.name}").mkdir()
    (tmp_path / "services" / f"shared_{tmp_path.name}" / "rules.py").write_text(f"import deep_{tmp_path.name}\n")
    (tmp_path / "services" / f"deep_{tmp_path.name}.py").write_text("X = 1\n")
    (tmp_path / "services" / f"later_{tmp_path.name}.py").write_text("X = 1\n")
    (tmp_path / "services" / f"unused_{tmp_path.name}.py").write_text("X = 1\n")
    for file in folder.rglob("*"):
        if file.suffix in (".py", ".yaml"):
            file.write_text(file.read_text().replace("node_gate_compute", name).replace("NodeGate", "NodeMade"))
    code = folder / "node.py"
    added = f"from shared_{tmp_path.name} import rules\n\n\ndef late() -> None:\n    import later_{tmp_path.name}\n"
    code.write_text(f"{code.read_text()}\n{added}")
    return folder


def test_code_is_what_a_node_imports_of_its_own(service: Path, tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "home", kafka_bootstrap_servers="k:1")
    node = resolve_node(service)
    seen = [launch_inputs(node, [], settings)]
    assert launch_inputs(node, [], settings) == seen[0]

    def changed() -> list[str]:
        seen.append(launch_inputs(node, [], settings))
        return [aspect for aspect in seen[-1] if seen[-1][aspect] != seen[-2][aspect]]

    services = service.parent.parent
    for file in (
        service / "node.py",
        service / "contract.yaml",
        service / "models" / "__init__.py",
        services / f"shared_{tmp_path.name}" / "rules.py",
        services / f"later_{tmp_path.name}.py",
        services / f"deep_{tmp_path.name}.py",
    ):
        file.write_text(f"{file.read_text()}\n# changed\n")
        assert changed() == ["code"], file
    (service / "prompt.txt").write_text("text")
    assert changed() == ["code"]
    for file in (services / f"unused_{tmp_path.name}.py", service / "cases.yaml", service / "__pycache__" / "x.pyc"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("# changed\n")
        assert changed() == [], file


def test_addresses_settings_and_variables_of_the_contract_count(
    service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = resolve_node(service)
    before = Settings.load(home=tmp_path, kafka_bootstrap_servers="k:1", database_url="postgresql://u:secret@h/d")

    def changes(**update: object) -> list[str]:
        old, new = (launch_inputs(node, [], each) for each in (before, before.model_copy(update=update)))
        assert "secret" not in json.dumps(old)
        return [aspect for aspect in new if new[aspect] != old[aspect]]

    assert changes(kafka_bootstrap_servers="k:2") == ["Kafka"]
    assert changes(database_url=before.schema_registry_url) == []
    assert changes(log_level="debug") == ["settings"]
    assert changes(services=[tmp_path]) == []
    contract = service / "contract.yaml"
    contract.write_text(f"{contract.read_text()}\n# ${{SOME_KEY:-none}}\n")
    old = launch_inputs(node, [], before)
    monkeypatch.setenv("SOME_KEY", "secret")
    new = launch_inputs(node, [], before)
    assert [aspect for aspect in new if new[aspect] != old[aspect]] == ["settings"]


def test_the_address_of_the_database_counts_for_effects(tmp_path: Path) -> None:
    """An agent that has none continues to run when `onex up` starts a database for another node."""
    settings = Settings.load(home=tmp_path, kafka_bootstrap_servers="k:1", database_url="postgresql://u:secret@h/d")
    without = settings.model_copy(update={"database_url": settings.schema_registry_url})

    def counts(folder: Path) -> bool:
        node = resolve_node(folder / "v1_0_0")
        return launch_inputs(node, [], settings) != launch_inputs(node, [], without)

    assert (counts(SERVICES / EFFECT), counts(NODES / "node_gate_compute")) == (True, False)


# -- nothing is left behind ---------------------------------------------------------------------


@dataclass
class Machine:
    """Processes that the command starts, and where it is disturbed."""

    home: Path
    pids: list[int] = field(default_factory=list)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    at: str = ""
    """The stage at which ``disturb`` is called."""
    disturb: Callable[[], object] = lambda: None
    seen: list[str] = field(default_factory=list)
    unready: set[int] = field(default_factory=set)

    def stage(self, name: str) -> None:
        self.seen.append(name)
        if self.at == name:
            self.disturb()

    def process(self) -> "subprocess.Popen[bytes]":
        made = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        self.pids.append(made.pid)
        self.processes.append(made)
        return made

    def kill_kafka(self) -> None:
        os.kill(self.pids[0], signal.SIGKILL)
        os.waitpid(self.pids[0], 0)

    def living(self) -> list[int]:
        return [pid for pid in self.pids if runs(pid)]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine(tmp_path / "home")
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a test run below nohup ignores it
    monkeypatch.setenv("ONEX_HOME", str(made.home))
    monkeypatch.setenv("ONEX_DRAIN_TIMEOUT", "1")
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    postgres: list[subprocess.Popen[bytes]] = []

    class FakeKafka:
        pid, started = 0, 0.0

        def __init__(self, folder: Path, *, tied: bool, port: int, progress: object) -> None:
            self.bootstrap_servers = f"127.0.0.1:{port or 4711}"

        def prepare(self) -> None:
            made.stage("prepare")

        def launch(self) -> None:
            made.stage("begin to launch")
            process = made.process()
            made.stage("launch")
            self.pid, self.started = process.pid, started_at(process.pid)

        def wait(self) -> None:
            made.stage("wait")

    class FakePostgres:
        def __init__(self, folder: Path) -> None:
            self.running = any(process.poll() is None for process in postgres)

        def start(self) -> str:
            if not self.running:
                postgres.append(made.process())
            made.stage("postgres")
            return "postgresql://socket/x"

        def stop(self) -> None:
            for process in postgres:
                process.kill()
                process.wait()

    class FakeStarter:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def prepare(self) -> None:
            made.stage("import")

        def start(self, arguments: list[str], log: Path) -> "subprocess.Popen[bytes]":
            made.stage("begin to spawn")
            process = made.process()
            (made.home / "run").mkdir(parents=True, exist_ok=True)
            info = {"node": EFFECT, "pid": process.pid, "prefix": "", "health": "http://127.0.0.1:1"}
            (made.home / "run" / f"{process.pid}.json").write_text(json.dumps(info))
            made.stage("spawn")
            return process

    def state_of(info: AgentInfo) -> str:
        made.stage("ready")
        return "waits" if info.pid in made.unready else "ready"

    def provision(_: Settings) -> Plan:
        made.stage("provision")
        return Plan([])

    monkeypatch.setattr(onex.local, "LocalKafka", FakeKafka)
    monkeypatch.setattr(onex.local, "LocalPostgres", FakePostgres)
    monkeypatch.setattr(up, "AgentStarter", FakeStarter)
    monkeypatch.setattr(onex.cli.stack.agents, "state_of", state_of)
    monkeypatch.setattr(onex.cli.provision, "provision", provision)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()
    signal.signal(signal.SIGHUP, hang_up)


def run(services: Path, *, instances: int | None = None, restart: bool = False, port: int | None = None) -> None:
    up.up([services], True, instances, restart, port, registry=False)


def test_a_start_notes_all_that_runs(machine: Machine) -> None:
    run(SERVICES / EFFECT, instances=2)
    stack = read_stack(Settings.load())
    assert stack.kafka is not None
    assert [stack.kafka.pid, *(agent.pid for agent in stack.agents)] == [
        pid for place, pid in enumerate(machine.pids) if place != 1
    ]
    assert (stack.kafka_bootstrap_servers, stack.postgres, stack.instances) == ("127.0.0.1:4711", True, 2)
    assert len(machine.living()) == 4
    run(SERVICES / EFFECT)
    assert read_stack(Settings.load()) == stack, "as many instances as before"
    run(SERVICES / EFFECT, instances=1)
    assert [agent.pid for agent in read_stack(Settings.load()).agents] == [stack.agents[0].pid]
    assert len(machine.living()) == 3


def test_a_database_is_started_for_nodes_that_need_one(machine: Machine) -> None:
    run(NODES / "node_gate_compute")
    stack = read_stack(Settings.load())
    assert (len(machine.living()), stack.postgres, stack.database_url) == (2, False, "")
    run(SERVICES / EFFECT)
    with_database = read_stack(Settings.load())
    assert (with_database.postgres, with_database.database_url) == (True, "postgresql://socket/x")
    assert {agent.pid for agent in stack.agents} < {agent.pid for agent in with_database.agents}
    living = len(machine.living())
    run(NODES / "node_gate_compute")
    assert (read_stack(Settings.load()).postgres, len(machine.living())) == (True, living), "it runs until `down`"


def test_packages_whose_nodes_cannot_be_found_are_reported_and_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> object:
        raise ImportError("no module named gone")

    entries = [
        SimpleNamespace(name="a", load=broken),
        SimpleNamespace(name="b", load=lambda: lambda: tmp_path / "gone"),
        SimpleNamespace(name="c", load=lambda: lambda: 7),
        SimpleNamespace(name="d", load=lambda: lambda: SERVICES),
    ]
    monkeypatch.setattr("onex.contract.installed.entry_points", lambda group: entries)
    with capture_logs() as logs:
        assert installed_roots() == [SERVICES]
    assert [line["entry_point"] for line in logs] == ["onex.nodes: a", "onex.nodes: b", "onex.nodes: c"]
    assert "no module named gone" in logs[0]["error"]


def test_the_registry_runs_with_the_nodes_of_a_project(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = SimpleNamespace(name="onex", load=lambda: lambda: SERVICES)
    monkeypatch.setattr("onex.contract.installed.entry_points", lambda group: [installed])

    def running(services: Path | None = None, *, registry: bool = True) -> list[str]:
        up.up([services] if services else None, True, None, False, None, registry=registry)
        return sorted(agent.node for agent in read_stack(Settings.load()).agents)

    expected = sorted([EFFECT, *MESH_NODES])
    assert running(SERVICES / EFFECT) == expected
    assert len(read_stack(Settings.load()).services) == 4, "other commands see the registry, too"
    assert running() == expected
    assert len(machine.living()) == 6, "two servers, and no agent twice"
    assert running(registry=False) == expected, "agents of nodes that this call does not name continue"
    assert read_stack(Settings.load()).services == (str(SERVICES / EFFECT),)


STAGES = ("prepare", "launch", "import", "postgres", "wait", "spawn", "provision", "ready")


def raising(error: BaseException) -> Callable[[], object]:
    def disturb() -> None:
        raise error

    return disturb


def twice() -> None:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def as_a_terminal_does() -> None:
    """Commands that a step runs get the signal as well, and fail."""
    signal.raise_signal(signal.SIGINT)
    raise ConfigurationError("pg_ctl died with SIGINT")


DISTURBANCES: Mapping[str, tuple[Callable[[], object], type[BaseException]]] = {
    "Ctrl-C": (lambda: signal.raise_signal(signal.SIGINT), KeyboardInterrupt),
    "two Ctrl-C": (twice, KeyboardInterrupt),
    "Ctrl-C in a terminal": (as_a_terminal_does, KeyboardInterrupt),
    "SIGTERM": (lambda: signal.raise_signal(signal.SIGTERM), KeyboardInterrupt),
    "the terminal is closed": (lambda: signal.raise_signal(signal.SIGHUP), KeyboardInterrupt),
    "an error": (raising(BusError("no")), BusError),
    "a bug": (raising(ZeroDivisionError()), ZeroDivisionError),
}


def _where(stage: str, what: str) -> str:
    """A process that cannot be started is none; a signal may come just after it was started."""
    raises = what in ("an error", "a bug", "Ctrl-C in a terminal")
    return f"begin to {stage}" if stage in ("launch", "spawn") and raises else stage


@pytest.mark.parametrize("what", DISTURBANCES)
@pytest.mark.parametrize("stage", STAGES)
def test_a_start_that_does_not_succeed_leaves_nothing(machine: Machine, stage: str, what: str) -> None:
    machine.disturb, expected = DISTURBANCES[what]
    machine.at = stage = _where(stage, what)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(expected):
        run(SERVICES / EFFECT, instances=2)
    assert machine.seen[-1] == stage
    assert machine.living() == []
    assert [file.name for file in machine.home.glob("stack*")] == []
    assert list((machine.home / "run").glob("*")) == []
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


@pytest.mark.parametrize("what", ["Ctrl-C", "an error"])
@pytest.mark.parametrize("stage", ["postgres", "spawn", "provision", "ready"])
def test_what_ran_before_goes_on_when_a_start_does_not_succeed(machine: Machine, stage: str, what: str) -> None:
    run(SERVICES / EFFECT)
    before, file = machine.living(), (machine.home / "stack.json").read_bytes()
    machine.disturb, expected = DISTURBANCES[what]
    machine.at = _where(stage, what)
    with pytest.raises(expected):
        run(SERVICES / EFFECT, instances=2, restart=True)
    assert machine.living() == before
    assert (machine.home / "stack.json").read_bytes() == file
    machine.at = ""
    run(SERVICES / EFFECT, restart=True)
    assert len(machine.living()) == len(before)
    assert machine.living() != before


def test_the_wrong_contract_stops_what_was_started_for_it(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "bad" / "v1_0_0").mkdir(parents=True)
    (tmp_path / "bad" / "v1_0_0" / "contract.yaml").write_text("name: x\n")
    with pytest.raises(Exception, match=r"contract\.yaml"):
        run(tmp_path / "bad")
    assert (machine.living(), list(machine.home.glob("stack*"))) == ([], [])


def test_an_agent_that_ends_while_it_starts_is_named_with_its_log(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.at, machine.disturb = "spawn", lambda: os.kill(machine.pids[-1], signal.SIGKILL)
    monkeypatch.setattr(onex.cli.stack.agents, "state_of", lambda _: "gone")
    with pytest.raises(ConfigurationError, match=rf"{EFFECT} \(-9\); see .*{EFFECT}\.0\.log"):
        run(SERVICES / EFFECT)
    assert machine.living() == []


def test_agents_that_a_new_start_keeps_and_that_are_not_ready_are_reported(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    run(SERVICES / EFFECT)
    machine.unready = {machine.pids[-1]}
    with pytest.raises(typer.Exit) as ended:
        run(SERVICES / EFFECT, instances=2)
    assert ended.value.exit_code == 1
    assert f"{EFFECT} (process {machine.pids[2]}) is not ready: waits" in capsys.readouterr().err
    assert len(machine.living()) == 4, "it may be a partition that an operator must look at: the start stays"


def test_a_kafka_that_died_comes_back_and_its_agents_stay(machine: Machine) -> None:
    run(SERVICES / EFFECT)
    before = read_stack(Settings.load())
    machine.kill_kafka()
    run(SERVICES / EFFECT)
    after = read_stack(Settings.load())
    assert (after.agents, after.kafka_bootstrap_servers) == (before.agents, before.kafka_bootstrap_servers)
    assert after.kafka != before.kafka


def test_agents_follow_a_server_that_moved(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    run(SERVICES / EFFECT)
    (old,) = read_stack(Settings.load()).agents
    with pytest.raises(ConfigurationError, match="Kafka runs at 127.0.0.1:4711"):
        run(SERVICES / EFFECT, port=4712)
    machine.kill_kafka()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:4711")
    with pytest.raises(ConfigurationError, match="unset the variable, or change it"):
        run(SERVICES / EFFECT, port=4712)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    run(SERVICES / EFFECT, port=4712)
    (new,) = read_stack(Settings.load()).agents
    assert (new.pid != old.pid, new.launch_inputs["Kafka"]) == (True, "127.0.0.1:4712")
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/x")
    run(SERVICES / EFFECT)
    (newer,) = read_stack(Settings.load()).agents
    assert newer.pid != new.pid
    assert not alive(*new.identity)


def test_servers_that_are_given_are_not_started(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "elsewhere:9092")
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/x")
    run(SERVICES / EFFECT)
    assert len(machine.living()) == 1
    stack = read_stack(Settings.load())
    assert (stack.kafka, stack.kafka_bootstrap_servers, stack.postgres) == (None, "", False)


def test_a_signal_waits_for_the_end_of_a_step() -> None:
    done: list[str] = []

    def interrupted() -> None:
        with Undo(done.append) as undo:
            undo.on_failure("the first", lambda: done.append("first undone"))
            undo.on_failure("the second", raising(OSError("full")))
            undo.on_failure("the third", lambda: signal.raise_signal(signal.SIGINT))
            with undo.step(), undo.step():
                signal.raise_signal(signal.SIGINT)
                done.append("step")
            done.append("never")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["step", "first undone", "cannot undo: the second: OSError: full"]


def test_signals_that_are_ignored_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Undo(lambda _: None):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


# -- files and ports ----------------------------------------------------------------------------


def test_a_stack_file_that_is_none_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for text in ("{", "[]", '{"agents": [{"pid": "x"}]}', "\x00"):
        (tmp_path / "stack.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"stack\.json: .*then delete the file"):
            read_stack(settings)
    write_stack(settings, Stack(agents=(agent(1),)))
    assert read_stack(settings).agents == (agent(1),)
    write_stack_file(settings, None)
    assert read_stack(settings) == Stack()


def info_of(pid: int) -> dict[str, object]:
    return {"node": "node_a_effect", "pid": pid, "health": "http://127.0.0.1:1"}


def test_files_of_dead_agents_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / "run").mkdir()
    for name, content in (("dead", info_of(ended.pid)), ("alive", info_of(os.getpid())), ("odd", ["x"])):
        (tmp_path / "run" / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "run" / "reused.json").write_text(json.dumps(info_of(os.getpid())))
    os.utime(tmp_path / "run" / "reused.json", (1.0, 1.0))
    remove_files_of_dead_agents(Settings(home=tmp_path))
    assert sorted(file.stem for file in (tmp_path / "run").glob("*")) == ["alive", "odd"]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "the file"),
        (b"{", "the file"),
        (b"[]", "the file"),
        (b"null", "the file"),
        (json.dumps(info_of(7)).encode("utf-16"), "the file"),
        (b'{"node": "\xe9", "pid": 7, "health": "http://127.0.0.1:1"}', "the file"),
        (json.dumps({**info_of(7), "pid": "x"}).encode(), "pid"),
        (json.dumps({**info_of(7), "pid": 0}).encode(), "pid"),
        (b'{"pid": 7, "health": "http://127.0.0.1:1"}', "node"),
    ],
)
def test_a_damaged_file_of_an_agent_is_named(tmp_path: Path, content: bytes, field: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "good.json").write_text(json.dumps(info_of(os.getpid())))
    settings = Settings(home=tmp_path)
    assert [info.pid for info in agent_infos(settings)] == [os.getpid()]
    (tmp_path / "run" / "bad.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"run/bad\.json: {field}: .*; delete the file, and"):
        agent_infos(settings)


def test_two_starts_of_one_stack_exclude_each_other(machine: Machine) -> None:
    settings = Settings.load()
    file = machine.home / "up.lock"
    with stack_lock(settings):
        reason = rf"{file}: another `onex up` or `onex down` \(process {os.getpid()}\) changes this stack; wait"
        with pytest.raises(ConfigurationError, match=reason):
            run(SERVICES / EFFECT)
        with pytest.raises(ConfigurationError, match=reason):
            down(wipe=True)
        assert file.exists()
        assert (machine.seen, machine.pids) == ([], [])
    run(SERVICES / EFFECT)
    assert len(machine.living()) == 3


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    program = (
        "import time; from onex.cli.stack.lock import stack_lock; from onex.settings import Settings\n"
        "with stack_lock(Settings.load()):\n    print('locked', flush=True); time.sleep(60)"
    )
    settings = Settings(home=tmp_path)
    env = {**os.environ, "ONEX_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=env) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(ConfigurationError, match=rf"process {other.pid}"), stack_lock(settings):
            pass
        other.kill()
        other.wait()
    with stack_lock(settings):
        pass


def test_kafka_keeps_its_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    assert port_of(one_node(port, 1, tmp_path)) == port
    assert port_of("junk") == 0
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_bytes(b"")

    class Fake:
        def __init__(self) -> None:
            self.checkpoint = checkpoint

        def broker(self, *_: object) -> list[str]:
            return ["true"]

    monkeypatch.setattr("onex.local.kafka.distribution", lambda _: Fake())

    def launched(wanted: int = 0) -> int:
        kafka = LocalKafka(tmp_path / "kafka", tied=False, port=wanted)
        kafka.launch()
        kafka.kill()
        return kafka.port

    first = launched()
    assert launched() == launched() == first
    with socket.create_server(("127.0.0.1", first)) as server:
        assert not is_free(first)
        with pytest.raises(ConfigurationError, match=rf"port {first} .* process {os.getpid()} .*--kafka-port"):
            launched()
        other = launched(port)
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        accepted.close()
    client.close()
    assert is_free(first), "a connection that has ended does not keep the port"
    assert (other, launched()) == (port, port)


@pytest.mark.parametrize("postgres", [False, True])
def test_down_says_what_it_has_stopped(postgres: bool, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    write_stack(settings, Stack(postgres=postgres))
    down()
    assert capsys.readouterr().out == f"stopped 0 agents{', PostgreSQL' if postgres else ''}\n"
