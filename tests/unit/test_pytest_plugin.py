"""The pytest plugin: cases are collected, and fixtures have a mesh and addresses of servers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace

import pytest

from onex.cli.project.names import project_names
from onex.cli.project.scaffold import project_files
from onex.contract import resolve_node
from onex.contract.needs import needs_database
from onex.pytest_plugin import servers
from tests.conftest import SERVICES

pytest_plugins = ["pytester"]
FOLDER = "services/node_shop_greeting_compute/v1_0_0"
CASES = f"{FOLDER}/cases.yaml"
EFFECT = "services/node_loop_effect/v1_0_0"
EFFECT_FILES = {
    f"{EFFECT}/contract.yaml": """\
name: node_loop_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
description: Tells on which loop it runs.
input_model: Ask
output_model: Told
event_bus:
  subscribe_topics: [onex.cmd.loop.ask.v1]
  publish_topics: [onex.evt.loop.told.v1]
""",
    f"{EFFECT}/models/__init__.py": """\
from onex.node import Message

class Ask(Message, key="name"):
    name: str

class Told(Message):
    loop: str
    database: str
""",
    f"{EFFECT}/node.py": """\
import asyncio
import os

from node_loop_effect.v1_0_0.models import Ask, Told
from onex.node import Context, NodeEffect

class NodeLoopEffect(NodeEffect):
    async def execute(self, command: Ask, context: Context) -> Told:
        loop = type(asyncio.get_running_loop()).__name__
        return Told(loop=loop, database=os.environ.get("DATABASE_URL", ""))
""",
    f"{EFFECT}/cases.yaml": "- {name: told, when: {Ask: {name: a}}, then: {publishes: [Told: {loop: VirtualLoop}]}}",
}


@cache
def files() -> dict[str, str]:
    """Files of a new project. One of them takes a second to make."""
    return dict(project_files(project_names("shop")))


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A new project, in which pytest has this plugin and no others."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "ONEX_SERVICES"):
        monkeypatch.delenv(name, raising=False)
    write(pytester, files())
    return pytester


def write(project: pytest.Pytester, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = project.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_inprocess("-p", "onex.pytest_plugin", "-v", *arguments)


def test_cases_are_items_with_the_place_of_the_case(project: pytest.Pytester) -> None:
    items, _ = project.inline_genitems("-p", "onex.pytest_plugin")
    assert [item.nodeid for item in items] == [
        f"{CASES}::a person is greeted",
        f"{CASES}::an empty name is a dead letter",
        "tests/test_greeting.py::test_a_person_is_greeted",
    ]
    assert [item.location[:2] for item in items[:2]] == [(CASES, 0), (CASES, 3)]


def test_a_case_that_fails_shows_place_and_difference_only(project: pytest.Pytester) -> None:
    write(project, {CASES: files()[CASES].replace("Hello, Ada!", "Bye, Ada!")})
    done = run(project, "-k", "person or empty", "services")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines([f"*{CASES}:1: a person is greeted: missing {{'Greeted': {{'text': 'Bye, Ada!'}}}}; *"])
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*run_case.py*")


def test_a_case_of_a_node_that_cannot_be_loaded_shows_the_problem_only(project: pytest.Pytester) -> None:
    contract = f"{FOLDER}/contract.yaml"
    write(project, {contract: files()[contract].replace("output_model: Greeted", "output_model: Greted")})
    done = run(project, CASES)
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines([f"*{contract}:7: *Greted*"])
    done.stdout.no_fnmatch_line("*resolve.py*")


def test_a_mistake_in_the_file_is_an_error_of_collection(project: pytest.Pytester) -> None:
    write(project, {CASES: files()[CASES] + "- {name: odd, wen: {}}\n"})
    done = run(project, "services")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"*{CASES}:7: cases*wen*"])


def test_two_cases_of_one_name_have_their_lines(project: pytest.Pytester) -> None:
    write(project, {CASES: files()[CASES].replace("an empty name is a dead letter", "a person is greeted")})
    items, _ = project.inline_genitems("-p", "onex.pytest_plugin", "services")
    assert [item.name for item in items] == ["a person is greeted (line 1)", "a person is greeted (line 4)"]


def test_other_files_of_the_name_and_a_project_that_says_no_have_no_items(project: pytest.Pytester) -> None:
    write(project, {"tests/cases.yaml": "- {name: mine}", f"{FOLDER}/sub/cases.yaml": "- {name: mine}"})
    run(project).assert_outcomes(passed=3)
    run(project, "-o", "onex_cases=false").assert_outcomes(passed=1)


def test_autouse_fixtures_of_a_project_work_for_cases(project: pytest.Pytester) -> None:
    conftest = """
import pytest
from node_shop_greeting_compute.v1_0_0 import node

@pytest.fixture(autouse=True)
def service(monkeypatch):
    def compute(self, request: node.Greet) -> node.Greeted:
        return node.Greeted(text="from afar")

    monkeypatch.setattr(node.NodeShopGreetingCompute, "compute", compute)
"""
    cases = "[{name: afar, when: {Greet: {name: Ada}}, then: {publishes: [{Greeted: {text: from afar}}]}}]"
    write(project, {"services/conftest.py": conftest, CASES: cases})
    run(project, "services").assert_outcomes(passed=1)


def test_cases_run_in_virtual_time_but_for_nodes_that_do_real_io(project: pytest.Pytester) -> None:
    write(project, EFFECT_FILES)
    run(project, EFFECT).assert_outcomes(passed=1)
    done = run(project, "-o", "onex_real_io=node_loop_effect", EFFECT)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*node_loop_effect*missing *VirtualLoop*"])


def test_cases_of_a_node_with_a_database_have_one(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    started = [0]

    @contextmanager
    def postgres() -> Iterator[SimpleNamespace]:
        started[0] += 1
        yield SimpleNamespace(start=lambda: "postgresql://here/test")

    monkeypatch.setattr(servers, "local_postgres", postgres)
    contract = f"{EFFECT}/contract.yaml"
    needs = EFFECT_FILES[contract] + "dependencies: [{name: asyncpg, type: package, module: asyncpg}]\n"
    case = "{name: %s, when: {Ask: {name: a}}, then: {publishes: [{Told: {database: postgresql://here/test}}]}}"
    write(project, {**EFFECT_FILES, contract: needs, f"{EFFECT}/cases.yaml": f"[{case % 'one'}, {case % 'two'}]"})
    run(project, EFFECT).assert_outcomes(passed=2)
    assert (started, "DATABASE_URL" in os.environ) == ([1], False)


def test_the_mesh_has_all_nodes_or_those_of_the_marker(project: pytest.Pytester) -> None:
    test = """
import pytest

seen = []

def names(mesh):
    seen.append(mesh)
    return {node.contract.name for node in mesh.nodes}

def test_all(mesh):
    assert names(mesh) == {"node_loop_effect", "node_shop_greeting_compute"}

@pytest.mark.mesh("node_loop_effect", topic_prefix="staging.", virtual_time=False)
def test_one(mesh):
    assert names(mesh) == {"node_loop_effect"}
    assert [*mesh.nodes[0].routes] == ["staging.onex.cmd.loop.ask.v1"]
    assert type(mesh._loop).__name__ != "VirtualLoop"

@pytest.mark.mesh("services/node_shop_greeting_compute")
def test_folder(mesh):
    assert names(mesh) == {"node_shop_greeting_compute"}

def test_they_are_closed():
    assert [mesh._loop.is_closed() for mesh in seen] == [True] * 3
"""
    write(project, {**EFFECT_FILES, "tests/test_mesh.py": test})
    run(project, "tests/test_mesh.py").assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        (
            '"node_none_effect"',
            "no node 'node_none_effect' below *services; run pytest in the root of the project, or *",
        ),
        ("virtal_time=False", "marker mesh: no option virtal_time; use virtual_time or topic_prefix"),
    ],
)
def test_a_marker_with_an_unknown_name_is_refused(project: pytest.Pytester, marker: str, words: str) -> None:
    test = f"import pytest\n\n@pytest.mark.mesh({marker})\ndef test_it(mesh): ..."
    write(project, {"tests/test_mesh.py": test})
    done = run(project, "tests/test_mesh.py")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"*{words}*"])


ADDRESSES = """
import os

def test_addresses(kafka, postgres, mesh):
    assert (kafka, postgres) == ("{0}", "{1}")
    assert (os.environ["KAFKA_BOOTSTRAP_SERVERS"], os.environ["DATABASE_URL"]) == ("{0}", "{1}")
"""


def test_servers_of_the_environment_are_used(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    monkeypatch.setenv("DATABASE_URL", "postgresql://there/ci")
    monkeypatch.setattr(servers, "local_kafka", None)
    monkeypatch.setattr(servers, "local_postgres", None)
    write(project, {"tests/test_servers.py": ADDRESSES.format("broker:9092", "postgresql://there/ci")})
    run(project, "tests/test_servers.py").assert_outcomes(passed=1)


def test_servers_are_started_and_announced_while_tests_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []

    @contextmanager
    def kafka(_folder: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(bootstrap_servers="127.0.0.1:1")
        stopped.append("kafka")

    @contextmanager
    def postgres() -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(start=lambda: "postgresql://here/test")
        stopped.append("postgres")

    monkeypatch.setattr(servers, "local_kafka", kafka)
    monkeypatch.setattr(servers, "local_postgres", postgres)
    write(project, {"tests/test_servers.py": ADDRESSES.format("127.0.0.1:1", "postgresql://here/test")})
    run(project, "tests/test_servers.py").assert_outcomes(passed=1)
    assert sorted(stopped) == ["kafka", "postgres"]
    assert not {"KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL"} & os.environ.keys()


def test_a_variable_gets_its_value_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "before")
    with servers.announced("DATABASE_URL", "during"):
        assert os.environ["DATABASE_URL"] == "during"
    assert os.environ["DATABASE_URL"] == "before"


@pytest.mark.parametrize(
    ("node", "needs"), [("node_distributed_lock_effect", True), ("node_registry_reducer", False)]
)
def test_a_node_with_the_database_capability_needs_one(node: str, needs: bool) -> None:
    assert needs_database(resolve_node(SERVICES / node / "v1_0_0")) == needs
