"""``onex run`` starts what was generated."""

from pathlib import Path

import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.codegen import case_files, package_files
from onex.contract import parse_contract
from tests.conftest import CONTRACTS
from tests.integration.agents import Mesh


@pytest.mark.parametrize(
    "name",
    [
        "event_bus_circuit_breaker_compute",
        "llm_effect",
        "service_registry_reducer",
        "infrastructure_health_monitor_orchestrator",
    ],
)
def test_a_generated_node_runs(name: str, kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    text = (CONTRACTS / f"{name}.yaml").read_text()
    for file, content in {**package_files(text), **case_files(text)}.items():
        path = tmp_path / "generated" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    contract = parse_contract(text)
    folder = tmp_path / "generated" / contract.name / contract.contract_version.folder
    with Mesh(kafka_bus, [folder], tmp_path) as mesh:
        agent = mesh.start(contract.name)
        assert mesh.stop(agent) == 0
