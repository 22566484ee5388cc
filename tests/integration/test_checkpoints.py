"""Checkpoints on real Kafka: made while an agent runs, restored into the changelog that its store on disk follows."""

import json
import shutil
from pathlib import Path

from onex.bus.kafka import KafkaEventBusAdapter
from onex.wire.changelog import COMPACTION_LAG, COMPACTION_LAG_MS
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

NAME = "node_sums_reducer"
_MIXINS = "\nmixins:\n  - {name: MixinCheckpointManagement, config: {keep_count: 1}}\n"


def node_with_checkpoints(root: Path) -> Path:
    """Write the tally node under another name, with the capability. Return its folder."""
    folder = root / NAME / "v1_0_0"
    shutil.copytree(NODES / "node_tally_reducer" / "v1_0_0", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in folder.rglob("*.*"):
        if file.suffix in (".py", ".yaml"):
            text = file.read_text()
            for old, new in (
                ("node_tally_reducer", NAME),
                ("NodeTallyReducer", "NodeSumsReducer"),
                (".tally.", ".sums."),
            ):
                text = text.replace(old, new)
            file.write_text(text)
    contract = folder / "contract.yaml"
    contract.write_text(contract.read_text() + _MIXINS)
    (folder.parent / "__init__.py").touch()
    return folder


def test_an_operator_returns_to_a_checkpoint(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    folder, home = node_with_checkpoints(tmp_path), tmp_path / "home"
    home.mkdir()
    with Mesh(kafka_bus, [folder], home) as mesh:
        node = mesh.nodes[0]
        amount = node.models["Amount"]

        def onex(*words: str, code: int = 0) -> str:
            done = mesh.onex("state", "checkpoint", *words, "--services", str(folder))
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout if code == 0 else done.stderr

        def totals() -> dict[str, float]:
            latest = (message.model_dump() for message in mesh.messages(node.models["Tallied"]))
            return {each["entity"]: each["total"] for each in latest}

        def send(entity: str, value: float) -> None:
            mesh.send([amount.model_validate({"entity": entity, "value": value})])

        agent = mesh.start(NAME)
        send("a", 5)
        send("b", 1)
        eventually(lambda: totals() == {"a": 5, "b": 1}, 40, "the first state")
        made = json.loads(onex("make", NAME, "--name", "before", "--reason", "a test", "--json"))
        assert (made["keys"], made["node"], made["version"], made["at_rest"]) == (2, NAME, "1.0.0", False)
        send("a", 3)
        send("c", 9)
        eventually(lambda: totals() == {"a": 8, "b": 1, "c": 9}, 40, "a later state")
        restore = ("restore", NAME, "--name", "before", "--reason", "back")
        assert "stop all of its instances first" in onex(*restore, "--yes", code=5)
        assert mesh.stop(agent) == 0
        planned = onex(*restore)
        assert "1 keys get the state of the checkpoint: a" in planned
        assert "1 keys are not in the checkpoint and lose their state: c" in planned
        assert "nothing is changed; --yes does it" in planned
        done = json.loads(onex(*restore, "--yes", "--json"))
        assert (done["keys"], done["done"]) == ({"same": 1, "changed": 1, "added": 0, "removed": 1}, True)
        agent = mesh.start(NAME)
        send("a", 1)
        send("c", 2)
        eventually(
            lambda: totals() == {"a": 6, "b": 1, "c": 2}, 40, "the state of the checkpoint, and what came later"
        )
        assert mesh.stop(agent) == 0
        rested = json.loads(onex("make", NAME, "--name", "rested", "--key", "a", "--json"))
        assert (rested["keys"], rested["key"], rested["at_rest"]) == (1, "a", True)
        listed = json.loads(onex("list", NAME, "--json"))
        assert [each["name"] for each in listed] == ["rested"], "keep_count is 1"
        changelog = kafka_bus.admin.topics([node.contract.changelog_topic])[node.contract.changelog_topic]
        assert changelog.config[COMPACTION_LAG] == str(COMPACTION_LAG_MS)
        assert "state_restored" in mesh.onex("dlq", "audit", "--services", str(folder)).stdout
        assert mesh.dead_letters(NAME) == []
