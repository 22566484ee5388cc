"""``onex run`` starts what was generated."""

from pathlib import Path

import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.contract import parse_contract
from tests.conftest import CONTRACTS
from tests.integration.agents import Mesh


@pytest.mark.parametrize(
    "name",
    [
        "circuit_judge_compute",
        "llm_effect",
        "service_registry_reducer",
        "infrastructure_health_monitor_orchestrator",
    ],
)
def test_a_generated_node_runs(name: str, generated: Path, kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    contract = parse_contract((CONTRACTS / f"{name}.yaml").read_text())
    folder = generated / contract.name / contract.contract_version.folder
    with Mesh(kafka_bus, [folder], tmp_path) as mesh:
        agent = mesh.start(contract.name)
        assert mesh.stop(agent) == 0
