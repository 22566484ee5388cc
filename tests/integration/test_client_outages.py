"""What a call of the client returns when no broker answers: at connect, and in the middle."""

import asyncio
from pathlib import Path

import pytest
from node_order_orchestrator.v1_0_0.models import ChargeCard, OrderCompleted

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.local import LocalKafka
from onex.mesh import BusUnavailableError, MeshClient
from onex.pytest_plugin.servers import SHORT_LIVED
from onex.settings import Settings
from tests.integration.agents import Mesh
from tests.integration.orders import FOLDERS, connected, order, until
from tests.integration.supervised import SUPERVISED


@pytest.mark.long
def test_a_broker_restart_in_the_middle(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path / "kafka", java=SHORT_LIVED, session=2.0)
    try:
        bus = KafkaEventBusAdapter(KafkaConfig(kafka.start()))
        # A client may not fetch a partition again, until the watchdog replaces the clients: see docs/decisions/0021.
        # It does so after twice the timeout, which must be less than the 30 s that the workflow waits for a charge.
        with Mesh(bus, FOLDERS, tmp_path, env={"ONEX_STALL_TIMEOUT": "5"}) as mesh:
            # A commit on its way to a broker that dies may end the process: see docs/decisions/0014.
            for folder in FOLDERS:
                mesh.start(folder.parent.name, ready=False, within=SUPERVISED)

            async def play() -> None:
                async with connected(mesh) as client:
                    assert await client.execute(order("b-0"), timeout=60)
                    calls = [asyncio.create_task(client.execute(order(f"b-{n}"), timeout=100)) for n in range(1, 100)]
                    await until(lambda: any(call.done() for call in calls))
                    await asyncio.to_thread(kafka.kill)
                    with pytest.raises(BusUnavailableError, match="execute it again with this id"):
                        await client.execute(order("b-x"), command_id="b-x", timeout=2)
                    kafka.start()  # on this thread: the broker ends with the thread that started it
                    results = await asyncio.gather(*calls)
                    assert {r.order_id for r in results if isinstance(r, OrderCompleted)} == {
                        f"b-{n}" for n in range(1, 100)
                    }
                    assert await client.execute(order("b-x"), command_id="b-x", timeout=60)

            asyncio.run(play())
            charges = [charge.order_id for charge in mesh.messages(ChargeCard)]
            assert charges.count("b-x") == 1
            unpacked = (kafka.folder / "tmp").glob("liblz4*")  # by Java, which leaves it when it is killed
            assert any(unpacked)
            bus.close()
    finally:
        kafka.kill()


def test_no_broker_at_connect(tmp_path: Path) -> None:
    async def play() -> None:
        settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", services=[tmp_path], home=tmp_path)
        with pytest.raises(BusUnavailableError):
            async with MeshClient.connect(settings):
                pass

    asyncio.run(play())
