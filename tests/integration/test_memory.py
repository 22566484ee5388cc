"""An agent whose memory is used takes no messages, and loses none, on a real broker and with real memory."""

from collections.abc import Callable
from pathlib import Path

import pytest
from node_hoard_compute.v1_0_0.models import ComputeHoard, ComputeHoarded
from node_hoard_effect.v1_0_0.models import EffectHoard, EffectHoarded

from onex.bus.kafka import KafkaEventBusAdapter
from tests.conftest import NODES, eventually
from tests.integration.agents import Mesh

_HOARD = 270
"""Mebibytes, of a budget of 320. An agent has 70 to 130 of its own."""


@pytest.mark.parametrize(
    ("kind", "command", "result"),
    [("effect", EffectHoard, EffectHoarded), ("compute", ComputeHoard, ComputeHoarded)],
)
def test_an_agent_pauses_before_it_is_out_of_memory(
    kind: str,
    command: Callable[..., EffectHoard | ComputeHoard],
    result: type[EffectHoarded] | type[ComputeHoarded],
    kafka_bus: KafkaEventBusAdapter,
    tmp_path: Path,
) -> None:
    name = f"node_hoard_{kind}"
    with Mesh(kafka_bus, [NODES / name / "v1_0_0"], tmp_path) as mesh:
        agent = mesh.start(name)
        mesh.send([command(name="hoard", mebibytes=_HOARD)])
        reason = eventually(lambda: (mesh.readiness(agent.pid) or {}).get("memory"), what="the pause")
        assert "of 320 MiB are in use; messages are taken again below 80%" in reason
        assert len(mesh.messages(result)) == 1

        def figure(of: str) -> float:
            return mesh.metric(
                agent.pid, f'onex_capability{{capability="memory_management",figure="{of}",node="{name}"}}'
            )

        # A poll that has begun may still take what arrives during its tenth of a second.
        eventually(lambda: figure("paused_seconds") > 0.3, what="the last poll to end")
        mesh.send([command(name=f"n{number}") for number in range(50)])
        eventually(lambda: figure("paused_seconds") > 1.3, what="more than a second of the pause")
        assert len(mesh.messages(result)) == 1
        assert mesh.lag(name) == 50
        (tmp_path / "release").touch()
        eventually(lambda: len(mesh.messages(result)) == 51, what="the messages that waited")
        assert mesh.readiness(agent.pid) == {}
        names = [message.name for message in mesh.messages(result) if message.partition_key()]
        assert sorted(names) == sorted(["hoard", *(f"n{number}" for number in range(50))])
        assert mesh.dead_letters(name) == []
        assert figure("pauses") == 1
        assert mesh.stop(agent) == 0
