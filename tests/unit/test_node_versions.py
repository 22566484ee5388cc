"""Versions of a node next to each other: which one runs, and what commands show of runs of an earlier one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_trip_orchestrator.v1_0_0.models import ApproveTrip, BookTrip
from typer.testing import CliRunner, Result

from onex.cli import workflow_runs
from onex.cli.main import app
from onex.cli.node_lookup import find_node, resolve_all
from onex.cli.stack.agent_plan import Retirement
from onex.cli.stack.stack_file import AgentNote
from onex.cli.stack.unfinished_runs import refuse_unfinished_runs
from onex.contract import resolve_node
from onex.contract.versions import find_version, newest_contracts
from onex.errors import ConfigurationError, RejectedError
from onex.model.cancel import CancelWorkflow
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import MeshDriver
from tests.conftest import NODES

TRIP = NODES / "node_trip_orchestrator"
TILL = NODES / "node_till_effect"


def versions(root: Path, *folders: str) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "contract.yaml").write_text("name: x\n")
    return root


def newest(*roots: Path) -> list[str]:
    return sorted(str(file.parent.relative_to(roots[0])) for file in newest_contracts(roots))


def test_the_newest_version_of_each_major_runs(tmp_path: Path) -> None:
    root = versions(tmp_path, "a/v1_9_0", "a/v1_10_0", "a/v1_10_2", "a/v2_0_0", "b/v1_0_0", "deep/er/c/v1_0_0")
    assert newest(root) == ["a/v1_10_2", "a/v2_0_0", "b/v1_0_0", "deep/er/c/v1_0_0"]
    assert newest(root, root / "a", root / "a" / "v1_9_0") == newest(root), "what two roots hold counts once"
    assert [file.parent.name for file in newest_contracts([root / "a" / "v1_9_0"])] == ["v1_9_0"], (
        "as it is asked for"
    )
    versions(tmp_path, "a/latest")
    assert "a/latest" in newest(root), "the check of contracts says what is wrong with the name"


def test_a_node_is_found_by_its_newest_version(tmp_path: Path) -> None:
    root = versions(tmp_path, "a/v1_9_0", "a/v1_10_0", "b/v1_0_0", "a/latest")
    settings = Settings.load(services=[root], home=tmp_path)
    assert find_node("a", settings).name == find_node(str(root / "a"), settings).name == "v1_10_0"
    assert find_node(str(root / "a" / "v1_9_0"), settings).name == "v1_9_0"
    assert find_node(str(root / "a" / "v1_9_0" / "contract.yaml"), settings).name == "v1_9_0"
    with pytest.raises(ConfigurationError, match="contains 2 nodes: a, b; pass the folder of one"):
        find_node(str(root), settings)
    with pytest.raises(ConfigurationError, match="no node 'c'"):
        find_node("c", settings)


def test_versions_beside_a_folder_are_found_by_their_number(tmp_path: Path) -> None:
    root = versions(tmp_path, "a/v1_0_0", "a/v1_10_0", "secret")
    assert find_version(root / "a" / "v1_10_0", "1.0.0") == root / "a" / "v1_0_0"
    for missing in ("1.0.1", "", "1.0", "../secret", "1.0.0.0", "01.0.0"):
        assert find_version(root / "a" / "v1_10_0", missing) is None


def test_messages_of_an_earlier_version_are_not_declared(tmp_path: Path) -> None:
    resolved = resolve_all(Settings.load(services=[TRIP, TILL], home=tmp_path))
    assert [str(node.contract.contract_version) for node in resolved] == ["1.1.0", "1.1.0"]
    assert declare(resolved, 1).schemas, "both versions of a message on one topic would contradict each other"


@pytest.fixture
def rolled() -> Iterator[MeshDriver]:
    """Run ``old`` began with 1.0.0, ``new`` with 1.1.0."""
    mesh = MeshDriver([TRIP / "v1_0_0"])
    mesh.send(BookTrip(trip="old", nights=0))
    mesh.send(ApproveTrip(trip="old"))
    node = resolve_node(TRIP / "v1_1_0")
    mesh.nodes = [node]
    declared = declare([node], 1)
    apply_plan(make_plan(declared, mesh.bus, mesh.catalogue), declared, mesh.bus, mesh.catalogue)
    mesh.crash(mesh.instances[0])
    mesh.instances.append(mesh._instance(node))
    mesh.run_until_idle()
    mesh.send(node.models["BookTrip"].model_validate({"trip": "new", "nights": 0, "car": False}))
    mesh.send(node.models["ApproveTrip"].model_validate({"trip": "new"}))
    assert mesh.published(node.models["BookCar"]), "the old run waits for its car"
    yield mesh
    mesh.close()


@pytest.fixture
def services(tmp_path: Path, rolled: MeshDriver, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONEX_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(workflow_runs, "open_own_bus", lambda _: rolled.bus)
    monkeypatch.setattr(workflow_runs, "open_catalogue", lambda *_: TopicCatalogue(rolled.bus))
    return TRIP


def onex(services: Path, *arguments: str) -> Result:
    found = CliRunner().invoke(app, ["workflows", *arguments, "--services", str(services)])
    assert found.exit_code == 0, (found.output, found.exception)
    return found


def test_runs_of_an_earlier_version_are_listed_once_and_shown_with_their_steps(services: Path) -> None:
    listed = json.loads(onex(services, "list", "--json").stdout)
    assert [(run["workflow"], run["version"], run["phase"]) for run in listed] == [
        ("new", "1.1.0", "running"),
        ("old", "1.0.0", "running"),
    ]
    assert "1.0.0" in onex(services, "list").stdout
    old, new = (json.loads(onex(services, "show", key, "--json").stdout) for key in ("old", "new"))
    assert old["waits_for"]["pay"] == "for car", "in 1.0.0 nothing comes between"
    assert (new["waits_for"]["pay"], "insure" in old["steps"]) == ("for insure", False)
    assert "for CarBooked or CarRefused" in onex(services, "show", "old").stdout


def test_a_run_whose_version_is_gone_is_shown_with_what_to_do(
    services: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onex.cli.workflow_version.find_version", lambda *_: None)
    shown = onex(services, "show", "old")
    assert "car" in shown.stdout
    assert "version 1.0.0 is not in" in shown.output
    assert "restore that folder next to v1_1_0 until its runs are over" in shown.output
    assert json.loads(onex(services, "show", "old", "--json").stdout)["waits_for"] == {}


def test_an_unknown_run_is_no_error_of_the_broker(services: Path) -> None:
    found = CliRunner().invoke(app, ["workflows", "show", "none", "--services", str(services)])
    assert (found.exit_code, "no workflow 'none'" in found.output) == (1, True)


def test_a_run_that_lacks_a_step_of_its_contract_is_shown(services: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.cli.workflow_version.find_version", lambda folder, _: folder)
    assert json.loads(onex(services, "show", "old", "--json").stdout)["waits_for"]["pay"] == "for insure"


def test_agents_are_not_replaced_by_a_version_that_leaves_runs_behind(
    rolled: MeshDriver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("onex.cli.stack.unfinished_runs.open_bus", lambda _: rolled.bus)
    monkeypatch.setattr("onex.cli.stack.unfinished_runs.open_catalogue", lambda *_: TopicCatalogue(rolled.bus))
    monkeypatch.setattr(rolled.bus, "close", lambda: None)
    node, settings = resolve_node(TRIP / "v1_1_0"), Settings(home=tmp_path)

    def old(version: str) -> list[Retirement]:
        agent = AgentNote(pid=1, started=1.0, node=node.contract.name, version=version)
        return [Retirement(agent, "version")]

    refuse_unfinished_runs([node], old("1.0.0"), settings)
    monkeypatch.setattr("onex.cli.stack.unfinished_runs.find_version", lambda *_: None)
    refuse_unfinished_runs([node], old("1.1.0"), settings)
    refuse_unfinished_runs([node], old("2.0.0"), settings)
    with pytest.raises(
        RejectedError, match="1 runs began with 1.0.0, which is not in .*; restore that folder next to v1_1_0"
    ):
        refuse_unfinished_runs([node], old("1.0.0"), settings)
    rolled.send(CancelWorkflow(workflow_id="old", reason="over"), key="old")
    rolled.advance("1h")  # its compensations get no answer, and are given up
    refuse_unfinished_runs([node], old("1.0.0"), settings)
