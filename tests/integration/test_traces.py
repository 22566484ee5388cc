"""A workflow is one trace over all its processes, as a collector receives it."""

import asyncio
import json
from collections import Counter
from pathlib import Path

from node_order_orchestrator.v1_0_0.models import OrderCompleted, PlaceOrder
from node_unruly_effect.v1_0_0.models import Act
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from onex.bus.kafka import KafkaEventBusAdapter
from onex.mesh import MeshClient
from onex.settings import Settings
from tests.conftest import NODES, ORDERS, eventually
from tests.integration.agents import Mesh
from tests.integration.collector import Collector, Received

FOLDERS = sorted(ORDERS.glob("*/v1_0_0"))
SETTLED = {"node_order_orchestrator": 4, "node_payment_effect": 1, "node_order_pricing_compute": 1}
"""Messages of one order that each of these nodes takes."""


def test_a_workflow_over_five_processes_is_one_tree(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Collector() as collector:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        with Mesh(kafka_bus, FOLDERS, tmp_path, env) as mesh:
            for folder in FOLDERS:
                mesh.start(folder.parent.name)
            settings = Settings(
                kafka_bootstrap_servers=mesh.bus.config.bootstrap_servers,
                services=[ORDERS],
                env=mesh.prefix,
                home=tmp_path,
                otlp_endpoint=collector.endpoint,
            )

            async def play() -> None:
                async with MeshClient.connect(settings) as client:
                    order = PlaceOrder(order_id="o-1", quantity=2, unit_price=5.0)
                    await client.execute(order, answer=OrderCompleted, timeout=30)

            asyncio.run(play())
            eventually(lambda: _settled(collector) >= Counter(SETTLED), 30, "spans of every process")
            eventually(lambda: any(s.service == "node_balance_reducer" for s in collector.spans), 30, "the balance")
            assert len(_waterfall(mesh, collector.spans[0].trace)) >= 8
            for process in list(mesh.processes):
                assert mesh.stop(process) == 0
    _check_tree(collector.spans)


def _waterfall(mesh: Mesh, trace: str) -> list[dict[str, object]]:
    """What `onex watch --trace` finds by the trace id, from the topics alone."""
    done = mesh.onex("watch", "--trace", trace, "--json", env={"ONEX_SERVICES": f'["{ORDERS}"]'})
    assert done.returncode == 0, done.stderr
    hops: list[dict[str, object]] = json.loads(done.stdout)
    return hops


def _settled(collector: Collector) -> Counter[str]:
    return Counter(s.service for s in collector.spans if s.span.name == "settle")


def _check_tree(spans: list[Received]) -> None:
    by_id = {s.id: s for s in spans}
    assert len(by_id) == len(spans)
    assert len({s.trace for s in spans}) == 1
    roots = [s for s in spans if not s.parent]
    assert [(r.service, r.span.name) for r in roots] == [("onex-client", "execute onex.cmd.orders.place-order.v1")]
    assert {s.service for s in spans} == {"onex-client", *(folder.parent.name for folder in FOLDERS)}
    for s in spans:
        if not s.parent:
            continue
        parent = by_id[s.parent]
        assert s.span.start_time_unix_nano >= parent.span.start_time_unix_nano, (s.span.name, parent.span.name)
        assert s.span.end_time_unix_nano >= s.span.start_time_unix_nano
        operation = s.attributes.get("messaging.operation.type")
        above = parent.attributes.get("messaging.operation.type")
        if s.service != "onex-client":
            assert (operation, above) in {
                ("receive", "send"),
                ("receive", "publish"),  # what aiokafka's instrumentation calls sending
                ("process", "receive"),
                ("send", "process"),
                ("settle", "process"),
            }


def test_retries_and_dead_letters_are_events(kafka_bus: KafkaEventBusAdapter, tmp_path: Path) -> None:
    with Collector() as collector:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        with Mesh(kafka_bus, [NODES / "node_unruly_effect" / "v1_0_0"], tmp_path, env) as mesh:
            agent = mesh.start("node_unruly_effect")
            mesh.send([Act(entity="e", number=1, mood="transient")])
            eventually(lambda: mesh.dead_letters("node_unruly_effect"), 30, "the dead letter")
            assert mesh.stop(agent) == 0
            (line,) = [text for text in mesh.log("node_unruly_effect").splitlines() if '"dead letter"' in text]
    (process,) = [s for s in collector.spans if s.span.name.startswith("process")]
    names = [event.name for event in process.span.events]
    assert names.count("retry") == 2
    assert names[-1] == "dead letter"
    assert process.span.status.code == Status.STATUS_CODE_ERROR
    assert process.trace in line
    assert '"correlation_id"' in line
    assert '"workflow_id": "e"' in line
