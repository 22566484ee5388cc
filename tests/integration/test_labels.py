"""Metrics of an agent under load: few series, whatever is in the messages."""

from pathlib import Path

from node_unruly_effect.v1_0_0.models import Act

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

_NODE = "node_unruly_effect"


def test_labels_are_few_and_do_not_come_from_messages(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Mesh(kafka_bus, [NODES / _NODE / "v1_0_0"], tmp_path) as mesh:
        agent = mesh.start(_NODE)
        before = len(mesh.get(agent.pid, "/metrics").splitlines())
        mesh.send([Act(entity=f"e-{n}", mood="raise" if n % 50 == 0 else "") for n in range(500)])
        eventually(lambda: len(mesh.dead_letters(_NODE)) == 10, 30)
        eventually(lambda: f'class="bug",node="{_NODE}"}} 10.0' in mesh.get(agent.pid, "/metrics"), 30)
        # Lag of partitions appears when they are first looked at; nothing else may.
        lags = [
            line for line in mesh.get(agent.pid, "/metrics").splitlines() if line.startswith("onex_consumer_lag{")
        ]
        assert len(mesh.get(agent.pid, "/metrics").splitlines()) <= before + len(lags)
        assert "e-1" not in mesh.get(agent.pid, "/metrics")
