"""``onex env`` and what ``onex doctor`` says of topics that belong to another environment."""

import json

import pytest
from typer.testing import CliRunner

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.cli.doctor.check import CheckContext
from onex.cli.doctor.topic_checks import topics_and_schemas
from onex.cli.main import app
from onex.contract import resolve_node
from onex.provisioning.declared import declare
from onex.provisioning.environment import EnvironmentLog
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from tests.conftest import NODES

NODE = NODES / "node_tally_reducer" / "v1_0_0"
ADOPT = ["env", "adopt", "--reason", "dev was a trial", "--as", "ada"]


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> MemoryEventBus:
    """Commands of the environment ``live`` use it."""
    made = MemoryEventBus(MemoryBroker(lambda: 0))
    monkeypatch.setattr("onex.cli.env.open_bus", lambda _settings: made)
    monkeypatch.setenv("ONEX_ENV", "live")
    return made


def apply(bus: MemoryEventBus, env: str) -> None:
    declared, catalogue = declare([resolve_node(NODE)], 1, env=env), TopicCatalogue(bus)
    apply_plan(make_plan(declared, bus, catalogue), declared, bus, catalogue)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments])
    return done.exit_code, done.output


def owner(bus: MemoryEventBus) -> str:
    found = EnvironmentLog(bus).owner()
    return found.env if found else ""


def test_the_owner_is_shown(bus: MemoryEventBus) -> None:
    code, out = run("env", "show")
    assert (code, "none; `onex apply` claims the topics" in out) == (1, True)
    apply(bus, "dev")
    code, out = run("env", "show")
    assert (code, "dev, since 20" in out) == (1, True)
    EnvironmentLog(bus).adopt("live", "ada", "why")
    code, out = run("env", "show", "--json")
    assert code == 0
    assert {**json.loads(out), "since": ""} == {
        "env": "live",
        "prefix": "",
        "owner": "live",
        "since": "",
        "who": "ada",
        "why": "why",
    }


def test_topics_are_handed_over_after_a_dry_run(bus: MemoryEventBus) -> None:
    apply(bus, "dev")
    code, out = run(*ADOPT)
    assert (code, "dev -> live" in out, "nothing is written" in out) == (0, True, True)
    assert owner(bus) == "dev"
    code, out = run(*ADOPT, "--yes")
    assert (code, "done" in out) == (0, True)
    found = EnvironmentLog(bus).owner()
    assert found is not None
    assert (found.env, found.who, found.why) == ("live", "ada", "dev was a trial")


def test_handing_over_needs_a_reason(bus: MemoryEventBus) -> None:
    apply(bus, "dev")
    assert run("env", "adopt", "--reason", " ", "--yes")[0] == 5
    assert run("env", "adopt", "--yes")[0] == 2
    assert owner(bus) == "dev"


@pytest.mark.parametrize("claimed", [True, False])
def test_topics_are_not_handed_over_while_agents_of_their_owner_run(bus: MemoryEventBus, claimed: bool) -> None:
    """Also where an earlier version made the topics, and groups alone say whose they are."""
    node = resolve_node(NODE)
    apply(bus, "dev" if claimed else "")
    member = bus.subscribe(node.contract.group("dev"), list(node.routes))
    code, out = run(*ADOPT, "--yes")
    assert (code, "stop them first" in out) == (5, True)
    assert owner(bus) == ("dev" if claimed else "")
    member.close()
    assert run(*ADOPT, "--yes")[0] == 0
    assert owner(bus) == "live"


def test_doctor_says_whose_topics_these_are(bus: MemoryEventBus) -> None:
    settings = Settings(env="live")
    patient = CheckContext(bus, TopicCatalogue(bus), [resolve_node(NODE)], settings, 0, 0.0, 0.0)
    apply(bus, "")
    claim = next(iter(topics_and_schemas(patient)))
    assert (claim.what, claim.remedy) == (
        "no environment owns the topics; onex.environment.v1 has no claim",
        "`onex apply` brings it in line",
    )
    EnvironmentLog(bus).adopt("dev", "ada", "first")
    refused = next(iter(topics_and_schemas(patient)))
    assert "belong to the environment 'dev'" in refused.what
    assert refused.remedy == "`onex env show` names the owner"
