"""Every capability is in a generated node, which type checkers understand and which does its work."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.capability import Mixin
from onex.contract import resolve_node
from onex.mixins.catalogue import CATALOGUE
from onex.model.enums import EnumNodeKind
from onex.model.mesh import EnumHealth
from onex.testing import MeshDriver, load_cases, run_case
from tests.conftest import ROOT
from tests.mixins.configurations import CONFIGURATIONS
from tests.mixins.generated_nodes import contract_with, generated
from tests.strict_types import errors_of_types

ALL = list(CATALOGUE.all())
PURE = [kind for kind in EnumNodeKind if kind is not EnumNodeKind.EFFECT]


def of_kind(kind: EnumNodeKind) -> list[str]:
    """Return all capabilities that a node of this kind may have."""
    return [mixin.__name__ for mixin in ALL if kind in mixin.definition.metadata.kinds]


def cases_that_fail(folder: Path) -> list[str]:
    """Return the generated cases that a node fails: the example of its contract is one of them."""
    cases = load_cases(folder)
    assert "it returns" in [case.name for case in cases]
    return [problem for case in cases if (problem := run_case(folder, case, virtual_time=False))]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A package for each capability alone, and one with all that it allows for each pure kind; by name."""
    root = tmp_path_factory.mktemp("capabilities")
    made = {
        mixin.__name__: generated(contract_with(EnumNodeKind.EFFECT, [mixin.__name__]), root)
        for mixin in ALL
        if EnumNodeKind.EFFECT in mixin.definition.metadata.kinds
    }
    return made | {kind.value: generated(contract_with(kind, of_kind(kind)), root) for kind in PURE}


@pytest.fixture
def servers(
    database_url: str, kafka_bus: KafkaEventBusAdapter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The settings of an agent with a database and a broker."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bus.config.bootstrap_servers)
    monkeypatch.setenv("ONEX_HOME", str(tmp_path))


def test_each_is_there(folders: Mapping[str, Path]) -> None:
    assert {*CATALOGUE.names, *PURE} == {*folders}


@pytest.mark.parametrize("mixin", ALL, ids=lambda mixin: mixin.definition.metadata.key)
def test_a_node_with_it_passes_its_golden_case(
    mixin: type[Mixin], folders: Mapping[str, Path], servers: None
) -> None:
    folder = folders[mixin.__name__]
    resolved = resolve_node(folder)
    module = import_module(f"{resolved.contract.name}.v1_0_0.node")
    # The capability is a base of the class itself, not composed when the contract is resolved.
    assert resolved.node_class is vars(module)[resolved.node_class.__name__]
    assert issubclass(resolved.node_class, mixin)
    assert cases_that_fail(folder) == []


@pytest.mark.parametrize("kind", PURE)
def test_a_pure_node_with_all_of_its_kind_passes_its_golden_case(
    kind: EnumNodeKind, folders: Mapping[str, Path], servers: None
) -> None:
    composed = {metadata.name for metadata in resolve_node(folders[kind]).node_class.capabilities.start}
    assert composed == {*of_kind(kind)}
    assert cases_that_fail(folders[kind]) == []


def test_components_of_a_generated_node_are_checked(servers: None, tmp_path: Path) -> None:
    mixins = ["MixinDatabase", "MixinKafkaHealthCheck", "MixinCircuitBreaker"]
    text = contract_with(EnumNodeKind.EFFECT, mixins)
    components = [{"name": name, "critical": name != "press"} for name in ("database", "kafka", "press")]
    text = text.replace(json.dumps(CONFIGURATIONS["MixinHealthCheck"]), json.dumps({"components": components}))
    driver = MeshDriver([generated(text, tmp_path)], virtual_time=False)
    node = driver.instances[0].node
    health, circuit = getattr(node, "health"), getattr(node, "bank_api_circuit")  # noqa: B009 - of a generated class
    facts = driver._loop.run_until_complete(health.check_now())
    assert {name: (check.healthy, check.critical) for name, check in facts.checks.items()} == {
        "database": (True, True),
        "kafka": (True, True),
        "press": (False, False),
    }
    assert "check_press: the contract does not state how to check press" in facts.reason
    assert facts.state is EnumHealth.DEGRADED
    assert circuit is getattr(node, "circuits").of("bank-api")  # noqa: B009 - as above
    driver.close()


def test_type_checkers_know_every_accessor(folders: Mapping[str, Path], tmp_path: Path) -> None:
    root = next(iter(folders.values())).parent.parent
    lines = []
    for number, (name, folder) in enumerate(folders.items()):
        node_class = resolve_node(folder).node_class
        lines.append(f"from {folder.parent.name}.v1_0_0.node import {node_class.__name__} as N{number}")
        accessors = [name] if name in CATALOGUE.names else of_kind(EnumNodeKind(name))
        for mixin in map(CATALOGUE.metadata, accessors):
            lines.append(
                f"def use_{number}_{mixin.key}(node: N{number}) -> object:\n    return node.{mixin.accessor}"
            )
    uses = tmp_path / "uses.py"
    uses.write_text("\n".join([*lines, ""]))
    assert errors_of_types(root, uses, untyped=("asyncpg", "aiokafka")) == ""


def test_what_is_generated_is_formatted_and_has_no_lint(folders: Mapping[str, Path]) -> None:
    root = next(iter(folders.values())).parent.parent
    roots = f"src = ['{root}', '{ROOT / 'shared'}']"  # nodes and the library are sorted together, as in services/
    settings = str(ROOT / "pyproject.toml")
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "ruff",
                *command,
                "--no-cache",
                "--config",
                settings,
                "--config",
                roots,
                str(root),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mixin", ["MixinAuthentication", "MixinAuthorization"])
def test_cases_of_a_node_that_refuses_every_message_say_so(mixin: str, tmp_path: Path) -> None:
    text = contract_with(EnumNodeKind.EFFECT, [mixin]).replace(", mapping: {Told: {id: Ask.id}}", "")
    guarded = text.replace('"authenticate_messages": false', "").replace('"authorize_messages": false', "")
    for contract, failure in ((guarded, "rejected"), (text, "unfinished")):
        folder = generated(contract.partition("examples:")[0] + contract[contract.index("definitions:") :], tmp_path)
        assert failure in (folder / "cases.yaml").read_text()
        for case in load_cases(folder):
            assert run_case(folder, case) == "", case.name


def test_tests_of_a_node_with_servers_or_variables_are_skipped_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = contract_with(EnumNodeKind.EFFECT, ["MixinDatabase"]).replace(
        '"config": {}', '"config": {"url": "${X_URL}"}'
    )
    source = (generated(text, tmp_path) / "test_node.py").read_text()
    for variables, are_skipped in (
        ({}, True),
        ({"ONEX_TEST_SERVERS": "1"}, True),
        ({"X_URL": "x"}, True),
        ({"ONEX_TEST_SERVERS": "1", "X_URL": "x"}, False),
    ):
        monkeypatch.setattr(os, "environ", variables)
        module: dict[str, object] = {"__file__": str(tmp_path / "test_node.py")}
        exec(source.partition("\n\n\n")[0], module)  # the module up to its tests
        assert getattr(module["needs_environment"], "args", ()) == (are_skipped,)
