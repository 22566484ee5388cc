"""The protocols of ONEX documents: their methods are pinned, and capabilities have them."""

import asyncio
import inspect

import pytest
from prometheus_client import CollectorRegistry

from onex.capability.names import EnumNameForm, onex_names
from onex.errors import CompositionError
from onex.mixins import protocols
from onex.mixins.caching import AwaitableCache, MixinCaching
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.metrics import MixinMetrics
from onex.mixins.protocols import CachingProtocol, HealthCheckProtocol, MetricsProtocol
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.mixins.helpers import container

PINNED = {
    "HealthCheckProtocol": {
        "is_healthy": "(self) -> bool",
        "async health_check": "(self) -> dict[str, JsonValue]",
        "register_health_check": "(self, check_func: Callable[[], Awaitable[object] | object]) -> None",
    },
    "MetricsProtocol": {
        "increment": "(self, metric_name: str, value: int = 1) -> None",
        "gauge": "(self, metric_name: str, value: float) -> None",
        "timer": "(self, metric_name: str) -> AbstractContextManager[None]",
        "histogram": "(self, metric_name: str, value: float) -> None",
    },
    "CachingProtocol": {
        "async get": "(self, key: str) -> object",
        "async set": "(self, key: str, value: object, ttl: int | None = None) -> None",
        "async delete": "(self, key: str) -> bool",
        "async clear": "(self) -> bool",
    },
}
"""Each protocol and its methods, as ONEX documents have them. Types are those of this library."""


class Service(MixinHealthCheck, MixinMetrics, MixinCaching, NodeEffect):
    """A node with the three capabilities."""


def methods_of(protocol: type) -> dict[str, str]:
    """Return the signatures of the methods of a protocol, as written."""
    found: dict[str, str] = {}
    for name, value in vars(protocol).items():
        if inspect.isfunction(value) and not name.startswith("_"):
            signature = inspect.signature(value)
            text = str(signature).replace("'", "").replace("collections.abc.", "").replace("contextlib.", "")
            kind = "async " if inspect.iscoroutinefunction(value) else ""
            found[kind + name] = text.replace("typing.", "").replace("pydantic.types.", "")
    return found


def test_the_protocols_and_their_methods_are_pinned() -> None:
    written = {name: value for name, value in vars(protocols).items() if name in PINNED}
    defined = {n for n, v in vars(protocols).items() if inspect.isclass(v) and v.__module__ == protocols.__name__}
    assert defined == {*PINNED}
    assert {name: {*methods_of(value)} for name, value in written.items()} == {n: {*m} for n, m in PINNED.items()}
    for name, pinned in PINNED.items():
        for method, signature in pinned.items():
            assert _parameters(methods_of(written[name])[method]) == _parameters(signature)
    rows = {name: row for name, row in onex_names().items() if name.endswith("Protocol") and "." in row.maps_to}
    assert {name: row.maps_to for name, row in rows.items()} == {n: f"onex.mixins.protocols.{n}" for n in PINNED}
    assert {row.form for row in rows.values()} == {EnumNameForm.CLASS}


def _parameters(signature: str) -> str:
    """Return the parameters of a signature without its result, whose text differs between versions of Python."""
    return signature.rpartition(" -> ")[0]


def test_health_has_the_methods_of_its_protocol() -> None:
    node = Service()
    health: HealthCheckProtocol = node.health
    outcomes = {"slow_bank": True, "prices": True}

    async def slow_bank() -> bool:
        return outcomes["slow_bank"]

    def prices() -> bool:
        return outcomes["prices"]

    health.register_health_check(slow_bank)
    health.register_health_check(prices)
    found = asyncio.run(health.health_check())
    assert (found["state"], found["reason"], health.is_healthy()) == ("healthy", "", True)
    outcomes["prices"] = False
    for _ in range(3):
        found = asyncio.run(health.health_check())
    assert (found["state"], found["reason"]) == ("unhealthy", "prices: the probe returned False")
    assert not health.is_healthy()
    checks = found["checks"]
    assert isinstance(checks, dict)
    assert checks["slow_bank"] == {
        "healthy": True,
        "critical": True,
        "kind": "dependency",
        "detail": "",
        "seconds": pytest.approx(0, abs=5),
    }
    with pytest.raises(CompositionError, match="'prices' exists already"):
        health.register_health_check(prices)
    with pytest.raises(CompositionError, match="a check needs a name"):
        health.register_health_check(lambda: True)


def test_metrics_have_the_methods_of_their_protocol() -> None:
    node, registry = Service(), CollectorRegistry()
    node.container = container(registry)
    metrics: MetricsProtocol = node.metrics
    metrics.increment(metric_name="sold", value=2)
    metrics.increment("sold")
    metrics.gauge(metric_name="open_orders", value=7)
    metrics.histogram(metric_name="size", value=3)
    with metrics.timer(metric_name="bank_seconds"):
        pass
    labels = {"node": "node_a_effect"}
    assert registry.get_sample_value("onex_sold_total", labels) == 3
    assert registry.get_sample_value("onex_open_orders", labels) == 7
    assert registry.get_sample_value("onex_size_sum", labels) == 3
    assert registry.get_sample_value("onex_bank_seconds_count", labels) == 1


def test_a_cache_has_the_methods_of_its_protocol() -> None:
    node, clock = Service(), ManualClock()
    node.container = container(clock=clock)
    cache: CachingProtocol = AwaitableCache(node.cache)

    async def use() -> None:
        assert await cache.get("key") is None
        await cache.set("key", "value", ttl=60)
        await cache.set("other", 7)
        assert await cache.get("key") == "value"
        assert node.cache.get("key", str) == "value", "the entries are those of the node's cache"
        clock.move_to(61)
        assert await cache.get("key") is None
        assert await cache.get("other") == 7
        assert [await cache.delete("other"), await cache.delete("other")] == [True, False]
        await cache.set("key", "value")
        assert await cache.clear() is True
        assert await cache.get("key") is None

    asyncio.run(use())
