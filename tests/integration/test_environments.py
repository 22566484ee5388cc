"""Two environments of two nodes on one broker, and a third one that has no names of its own."""

import asyncio
import json
from pathlib import Path

import pytest
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_unruly_effect.v1_0_0.models import Act, Acted

from onex.bus.kafka import KafkaEventBusAdapter
from onex.errors import ConfigurationError
from onex.mesh import MeshClient
from onex.settings import Settings
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

pytestmark = pytest.mark.kafka
REDUCER, EFFECT = "node_tally_reducer", "node_unruly_effect"
FOLDERS = [NODES / name / "v1_0_0" for name in (REDUCER, EFFECT)]
SERVICES = ["--services", str(NODES / REDUCER), "--services", str(NODES / EFFECT)]


async def ask(mesh: Mesh, prefix: str, env: str = "") -> Acted:
    """As an application of the environment does."""
    settings = Settings(
        kafka_bootstrap_servers=mesh.bus.config.bootstrap_servers,
        env=env or mesh.prefix,
        topic_prefix=prefix,
        home=mesh.home,
        services=[NODES / EFFECT],
    )
    async with MeshClient.connect(settings) as client:
        return await client.execute(Act(entity="asked"), answer=Acted, timeout=30)


def output(mesh: Mesh, *arguments: str) -> str:
    """Output of a command of an operator of the environment."""
    done = mesh.onex(*arguments, *SERVICES, "--json")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_environments_share_a_broker_and_nothing_else(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("plain", "other")]
    for home in homes:
        home.mkdir()
    with (
        Mesh(kafka_bus, FOLDERS, homes[0]) as plain,
        Mesh(kafka_bus, FOLDERS, homes[1], topic_prefix="other.") as other,
    ):
        agents = [(mesh, mesh.start(name, ready=False)) for mesh in (plain, other) for name in (REDUCER, EFFECT)]
        for mesh, process in agents:
            eventually(mesh.ready(process), 60, mesh.tails)
        plain.send([Amount(entity="e", value=1), Act(entity="good")])
        other.send([Amount(entity="e", value=7), Act(entity="bad", mood="raise")])
        eventually(lambda: [len(mesh.messages(Tallied)) for mesh in (plain, other)] == [1, 1], 30)
        eventually(lambda: (len(plain.messages(Acted)), len(other.dead_letters(EFFECT))) == (1, 1), 30)
        assert (other.messages(Acted), plain.dead_letters(EFFECT)) == ([], [])
        assert [mesh.messages(Tallied)[0].total for mesh in (plain, other)] == [1, 7]
        assert asyncio.run(ask(other, "other.")).entity == "asked"
        assert [len(mesh.messages(Acted)) for mesh in (plain, other)] == [1, 1]
        for mesh, prefix, total, dead in ((plain, "", 1, 0), (other, "other.", 7, 1)):
            assert json.loads(output(mesh, "state", "show", REDUCER, "e"))["state"]["total"] == total
            assert len(json.loads(output(mesh, "dlq", "list"))) == dead
            topics = {at["topic"] for at in json.loads(output(mesh, "offsets", "show", EFFECT))}
            assert topics == {f"{prefix}onex.cmd.unruly.act.v1", f"{prefix}onex.retry.unruly.effect.v1"}
            views = {view["node"]: view for view in json.loads(output(mesh, "nodes"))}
            assert (views[EFFECT]["dead_letters"], views[REDUCER]["lag"]) == (dead, 0)
            owner = json.loads(mesh.onex("env", "show", "--json").stdout)
            assert (owner["owner"], owner["prefix"]) == (mesh.prefix, prefix)
        _a_third_one_is_refused(plain)


def _a_third_one_is_refused(mesh: Mesh) -> None:
    stranger = {"ONEX_ENV": "stranger", "ONEX_INSTANCE": "s"}
    refused = mesh.onex("apply", *SERVICES, env=stranger)
    assert refused.returncode == 5
    assert "ONEX_TOPIC_PREFIX='stranger.'" in " ".join((refused.stdout + refused.stderr).split())
    process = mesh.start(EFFECT, ready=False, env=stranger)
    eventually(lambda: "belong to the environment" in (mesh.readiness(process.pid) or {}).get("start", ""), 30)
    assert not [group for group in mesh.bus.admin.groups() if group.startswith("stranger.")]
    sent = mesh.onex("send", "unruly.act", '{"entity": "x"}', *SERVICES, env=stranger)
    assert (sent.returncode, "belong to the environment" in " ".join(sent.stderr.split())) == (4, True)
    with pytest.raises(ConfigurationError, match="belong to the environment"):
        asyncio.run(ask(mesh, "", "stranger"))
    adopting = mesh.onex("env", "adopt", "--reason", "a trial", "--yes", env=stranger)
    assert (adopting.returncode, mesh.prefix in adopting.stderr) == (5, True), "agents of the owner run"
    assert mesh.stop(process) == 0
