"""MixinMetrics."""

import asyncio
import socket
from functools import partial
from threading import Thread

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import CollectorRegistry, generate_latest

from onex.capability import BatchFacts
from onex.codegen.declared_metrics import panels_of
from onex.mixins.metrics import EnumMetricsBackend, MixinMetrics, ModelMetricsSubcontract
from onex.mixins.metrics.agent_counts import read_counts
from onex.mixins.metrics.backends import backend_of
from onex.mixins.metrics.engine import MetricsEngine
from onex.mixins.metrics.objectives import ObjectiveMonitor
from onex.node import NodeCompute
from onex.testing.clock import ManualClock
from tests.conftest import eventually
from tests.mixins.helpers import IDENTITY, Note, Receiver, container
from tests.mixins.virtual import play

BATCH = BatchFacts(10, 9, ["bug"], 0.5)


def engine_of(model: ModelMetricsSubcontract, registry: CollectorRegistry, clock: ManualClock) -> MetricsEngine:
    """Return an engine as MixinMetrics makes it."""
    monitor = ObjectiveMonitor(model.objectives, partial(read_counts, registry, IDENTITY.name), clock)
    return MetricsEngine(model, backend_of(model, IDENTITY, registry), clock, monitor)


class Gauge:
    """An engine for Prometheus, and its scraped metrics."""

    def __init__(self, **settings: object) -> None:
        self.registry = CollectorRegistry()
        self.clock = ManualClock()
        model = ModelMetricsSubcontract.model_validate(settings)
        self.engine = engine_of(model, self.registry, self.clock)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"node": IDENTITY.name, **labels})


def test_counters_gauges_histograms_and_timers() -> None:
    found = Gauge()
    found.engine.increment("cards")
    found.engine.increment("cards", 2)
    found.engine.gauge("open", 7)
    found.engine.gauge("open", 5)
    found.engine.histogram("size", 3)
    with found.engine.timer("bank_seconds"):
        found.clock.move_to(found.clock.monotonic() + 2)
    with pytest.raises(KeyError), found.engine.timer("bank_seconds"):
        raise KeyError
    assert (found.value("onex_cards_total"), found.value("onex_open")) == (3.0, 5.0)
    assert (found.value("onex_size_sum"), found.value("onex_bank_seconds_sum")) == (3.0, 2.0)
    assert found.value("onex_bank_seconds_count") == 2.0
    assert found.engine.reported_metrics() == {"names": 4.0}


@pytest.mark.enforces(
    "metrics.enable_counters", "metrics.enable_gauges", "metrics.enable_histograms", "metrics.enable_timers"
)
@pytest.mark.parametrize("off", ["counters", "gauges", "histograms", "timers"])
def test_each_kind_can_be_switched_off(off: str) -> None:
    found = Gauge(**{f"enable_{off}": False})
    found.engine.increment("counters")
    found.engine.gauge("gauges", 1)
    found.engine.histogram("histograms", 1)
    with found.engine.timer("timers"):
        pass
    text = generate_latest(found.registry).decode()
    for kind in ("counters", "gauges", "histograms", "timers"):
        assert (f"onex_{kind}" in text) == (kind != off)


@pytest.mark.enforces("metrics.metrics_prefix")
def test_names_begin_with_the_prefix() -> None:
    found = Gauge(metrics_prefix="shop")
    found.engine.gauge("open", 1)
    assert found.value("shop_open") == 1.0


@pytest.mark.enforces("metrics.enable_detailed_metrics")
def test_details_are_labels_and_batches() -> None:
    plain, detailed = Gauge(), Gauge(enable_detailed_metrics=True)
    for found in (plain, detailed):
        found.engine.increment("cards", bank="north")
        found.engine.observed(BATCH)
    assert plain.value("onex_cards_total") == 1.0
    assert detailed.value("onex_cards_total", bank="north") == 1.0
    assert plain.value("onex_batch_messages_sum") is None
    assert detailed.value("onex_batch_messages_sum") == 10.0
    assert detailed.value("onex_batch_seconds_sum") == 0.5


@pytest.mark.enforces("metrics.max_label_cardinality")
def test_labels_do_not_grow_without_end() -> None:
    found = Gauge(enable_detailed_metrics=True, max_label_cardinality=2)
    for bank in ("north", "south", "east", "west", "north"):
        found.engine.increment("cards", bank=bank)
    assert found.value("onex_cards_total", bank="north") == 2.0
    assert found.value("onex_cards_total", bank="other") == 2.0
    assert found.value("onex_cards_total", bank="east") is None


def test_long_values_of_labels_are_cut() -> None:
    found = Gauge(enable_detailed_metrics=True)
    found.engine.increment("cards", bank="x" * 500_000)
    assert found.value("onex_cards_total", bank="x" * 128) == 1.0


def test_a_name_is_used_in_one_way() -> None:
    found = Gauge(enable_detailed_metrics=True)
    found.engine.increment("cards")
    with pytest.raises(ValueError, match="onex_cards is a counter with labels node"):
        found.engine.gauge("cards", 1)
    with pytest.raises(ValueError, match="onex_cards is a counter"):
        found.engine.increment("cards", bank="north")
    with pytest.raises(ValueError, match="'Cards' is not a valid metric name"):
        found.engine.increment("Cards")


DECLARED = [{"name": "cards", "type": "counter", "labels": ["bank"]}, {"name": "size", "type": "histogram"}]


@pytest.mark.enforces("metrics.metrics", "metrics.metrics.name", "metrics.metrics.type", "metrics.metrics.labels")
def test_with_declared_metrics_no_other_use_is_possible() -> None:
    found = Gauge(metrics=DECLARED, enable_detailed_metrics=True)
    found.engine.increment("cards", bank="north")
    with found.engine.timer("size"):
        pass
    found.engine.observed(BATCH)
    assert found.value("onex_cards_total", bank="north") == 1.0
    with pytest.raises(ValueError, match="open is not declared; add it to `metrics`"):
        found.engine.gauge("open", 1)
    found = Gauge(metrics=DECLARED)
    with pytest.raises(ValueError, match="cards is declared as a counter, and used as a gauge"):
        found.engine.gauge("cards", 1, bank="north")
    with pytest.raises(ValueError, match="cards is declared with labels bank, and used with shop"):
        found.engine.increment("cards", shop="north")


@pytest.mark.enforces("metrics.metrics.description", "metrics.metrics.unit")
def test_declared_metrics_have_panels() -> None:
    declared = [
        {"name": "cards", "type": "counter", "description": "Cards.", "labels": ["bank", "shop"]},
        {"name": "open", "type": "gauge"},
        {"name": "bank_seconds", "type": "histogram", "unit": "s", "labels": ["bank"]},
    ]
    settings = ModelMetricsSubcontract.model_validate({"metrics": declared, "enable_detailed_metrics": True})
    cards, opened, seconds = panels_of("node_x_effect", settings)
    assert cards == (
        "Cards",
        "short",
        "Cards. In an hour.",
        [('sum by (bank, shop) (increase(onex_cards_total{node="node_x_effect"}[1h]))', "{{bank}} {{shop}}")],
    )
    assert opened[3] == [('sum by () (onex_open{node="node_x_effect"})', "open")]
    assert seconds[1] == "s"
    assert "sum by (bank, le) (rate(onex_bank_seconds_bucket" in seconds[3][0][0]
    plain = ModelMetricsSubcontract.model_validate({"metrics": declared, "metrics_prefix": "shop"})
    assert panels_of("n", plain)[0][3] == [('sum by () (increase(shop_cards_total{node="n"}[1h]))', "cards")]
    assert panels_of("n", settings.model_copy(update={"metrics_backend": EnumMetricsBackend.STATSD})) == []


def test_a_restarted_agent_has_the_same_registry() -> None:
    registry = CollectorRegistry()
    for _ in range(2):
        model = ModelMetricsSubcontract()
        engine = engine_of(model, registry, ManualClock())
        play(engine.open())
        engine.increment("cards")
        play(engine.close())


@pytest.mark.enforces("metrics.metrics_backend", "metrics.metrics_port", "metrics.aggregation_interval_ms")
def test_statsd_gets_sums_now_and_again() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(30)
        port = server.getsockname()[1]
        model = ModelMetricsSubcontract(
            metrics_backend="statsd",
            metrics_port=port,
            aggregation_interval_ms=2000,
            enable_detailed_metrics=True,
        )
        clock = ManualClock()
        engine = engine_of(model, CollectorRegistry(), clock)

        async def live() -> None:
            await engine.open()
            engine.increment("cards", 2, bank="north")
            engine.increment("cards", bank="north")
            engine.gauge("open", 7)
            engine.gauge("open", 5)
            await asyncio.sleep(1.9)
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.recv(65_000)
            server.settimeout(30)
            await asyncio.sleep(0.2)
            assert server.recv(65_000).decode().splitlines() == [
                "onex_cards:3|c|#node:node_a_effect,bank:north",
                "onex_open:5|g|#node:node_a_effect",
            ]
            for number in range(60):
                engine.histogram("size", number)
            await engine.close()
            await engine.close()
            lines = (server.recv(65_000) + server.recv(65_000)).decode().splitlines()
            assert len(lines) == 60, "in two datagrams"
            assert lines[-1] == "onex_size:59|h|#node:node_a_effect"
            with pytest.raises(ValueError, match="onex_size is a histogram"):
                engine.increment("size")

        play(live(), clock)


def test_no_server_needs_to_listen() -> None:
    model = ModelMetricsSubcontract(metrics_backend="statsd", metrics_port=1024)
    engine = engine_of(model, CollectorRegistry(), ManualClock())
    engine.increment("cards")
    play(engine.close())


def test_opentelemetry_gets_them_by_otlp() -> None:
    with Receiver().running() as collector:
        model = ModelMetricsSubcontract(
            metrics_backend="opentelemetry",
            metrics_port=collector.port,
            aggregation_interval_ms=1000,
        )
        engine = engine_of(model, CollectorRegistry(), ManualClock())

        async def live() -> None:
            await engine.open()
            engine.increment("cards", 2)
            engine.increment("cards")
            engine.gauge("open", 5)
            engine.histogram("size", 3)
            for wrong in (engine.increment, engine.gauge):
                with pytest.raises(ValueError, match="onex_size is no"):
                    wrong("size", 1)
            with pytest.raises(ValueError, match="onex_cards is not a histogram"):
                engine.histogram("cards", 1)
            await asyncio.to_thread(eventually, lambda: collector.requests)
            await engine.close()
            await engine.close()

        asyncio.run(live())
        told = ExportMetricsServiceRequest.FromString(collector.requests[0].body)
        (resource,) = told.resource_metrics
        assert {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"] == IDENTITY.name
        metrics = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
        assert metrics["onex_cards"].sum.data_points[0].as_int == 3
        assert collector.requests[0].path == "/v1/metrics"


def test_a_node_counts_where_its_agent_does() -> None:
    class Node(MixinMetrics, NodeCompute[Note, Note]):
        pass

    node, registry = Node(), CollectorRegistry()
    node.container = container(registry)
    node.metrics.increment("cards")
    assert registry.get_sample_value("onex_cards_total", {"node": IDENTITY.name}) == 1.0
    alone = Node()
    thread = Thread(target=lambda: alone.metrics.increment("cards"))
    thread.start()
    thread.join()
