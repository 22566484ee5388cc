"""Capabilities in agents on a real broker."""

from pathlib import Path

from node_gate_compute.v1_0_0.models import Enter, Entered
from node_vault_effect.v1_0_0.models import Fetch, Fetched

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

FOLDERS = [NODES / name / "v1_0_0" for name in ("node_gate_compute", "node_vault_effect")]


def test_layers_and_engines_work_in_agents(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, FOLDERS, tmp_path) as mesh:
        agents = [mesh.start(folder.parent.name) for folder in FOLDERS]
        mesh.send([Enter(name="Ann", age=20), Enter(name="R2D2", age=3), Fetch(name="gold"), Fetch(name="salt")])
        eventually(lambda: mesh.messages(Entered) == [Entered(name="Ann")], what="Ann to be let in")
        eventually(lambda: len(mesh.messages(Fetched)) == 2, what="both to be fetched")
        (letter,) = mesh.dead_letters("node_gate_compute")
        assert (letter["onex-dlq-class"], letter["onex-dlq-message"]) == ("rejected", "Enter: is of age; is no robot")
        assert [mesh.stop(agent) for agent in agents] == [0, 0]
