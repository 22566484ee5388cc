"""For every capability: one successful use by a node, and one that fails.

Each takes the started node. The failing use raises an ``Exception``. After it the node still works and can stop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from onex.bus.protocols import Outgoing
from onex.capability import BatchFacts
from onex.errors import OnexError
from onex.mixins.caching import CacheFacts
from onex.mixins.serialization import ProtocolSerialization
from tests.conftest import NODES
from tests.mixins.helpers import Note, context

Deed = Callable[[Any], Awaitable[object]]
"""Takes a node. Its capabilities are those of the tables below."""
_GATE = NODES / "node_gate_compute" / "v1_0_0"


async def _do() -> str:
    return "done"


async def _fail() -> str:
    raise ConnectionError("gone")


class _Handler:
    async def handle(self, payload: object) -> object:
        return payload


async def _say(what: Callable[[], object]) -> object:
    """Call a function that needs no event loop."""
    return what()


def _counted(node: Any) -> CacheFacts:
    found: CacheFacts = node.cache.facts()
    return found


async def _cached(node: Any) -> None:
    assert await node.cache.load("k", str, _do) == "done"
    assert _counted(node).misses == 1


async def _dispatched(node: Any) -> None:
    node.effects.register("copy", _Handler)
    assert await node.effects.dispatch("copy", "a") == "a"


async def _serialized(node: Any) -> None:
    serializer: ProtocolSerialization = node.serializer
    assert serializer.load(serializer.dump(Note(text="a")), Note) == Note(text="a")


async def _sealed(node: Any) -> None:
    assert node.encryption.decrypt(node.encryption.encrypt(b"a")) == b"a"


async def _kept(node: Any) -> None:
    await node.secrets.put("a", b"1")
    assert await node.secrets.get("a") == b"1"


async def _filed(node: Any) -> None:
    async with node.files.change() as change:
        change.write("a", b"1")
        change.append("log", b"2")
    assert await node.files.read("a") == b"1"


async def _asked(node: Any) -> None:
    async with node.database.transaction() as tx:
        assert await tx.fetchval("SELECT 1") == 1


async def _committed(node: Any) -> None:
    async with node.transactions.begin() as unit:
        await unit.commit()


async def _undone(node: Any) -> None:
    async with node.transactions.begin() as unit:
        await unit.connection.execute("SELECT nothing FROM nowhere")


async def _well(node: Any) -> None:
    node.health.register("bank", _do)
    assert (await node.health.check_now()).checks["bank"].healthy


async def _unwell(node: Any) -> None:
    node.health.register("mail", _fail)
    await node.health.check_now()
    assert not node.health.is_healthy()
    raise OnexError("reported by its state, not by an exception")


async def _published(node: Any) -> None:
    await node.event_bus.publish(Note(text="a"))
    await node.event_bus.flush()


async def _traced(node: Any) -> None:
    with node.tracing.span("ask", bank="north") as span:
        span.note(amount=1)


async def _traced_badly(node: Any) -> None:
    with node.tracing.span("ask"):
        await _fail()


async def _measured(node: Any) -> None:
    with node.profiler.section("render"):
        pass
    node.profiler.observed(BatchFacts(1, 1, [], 0.0))


async def _measured_badly(node: Any) -> None:
    with node.profiler.section("render"):
        await _fail()


async def _timed(node: Any) -> None:
    with node.metrics.timer("bank_seconds"):
        node.metrics.increment("cards")


async def _rated(node: Any) -> None:
    while True:
        if not node.rate.try_acquire():
            raise OnexError("reported by its result, not by an exception")


async def _open_circuit(node: Any) -> None:
    while True:
        with suppress(ConnectionError):
            await node.circuits.of("db").call(_fail)


async def _written(node: Any) -> None:
    await node.kafka.publish([Outgoing("onex.evt.mixins.used.v1", b"a")])


async def _too_large(node: Any) -> None:
    await node.kafka.publish([Outgoing("onex.evt.mixins.used.v1", b"a" * 9_000_000)])


async def _logged(node: Any) -> None:
    node.log.info("used", password="hush")


async def _logged_badly(node: Any) -> None:
    node.log.info()


async def _handled(node: Any) -> None:
    assert await node.service.around(Note(text="a"), context(), lambda message, context: _do()) == "done"


async def _handled_badly(node: Any) -> None:
    await node.service.around(Note(text="a"), context(), lambda message, context: _fail())


async def _with_services(node: Any) -> None:
    node.services.register(_Handler, _Handler)
    assert isinstance(node.services.get(_Handler), _Handler)


async def _refused_call(docker: Any) -> None:
    """Call an engine, which may be there or not, with a limit that no call keeps."""
    async with docker.call("nothing", 0.0):
        await asyncio.sleep(1)


USES: dict[str, tuple[Deed, Deed]] = {
    "alerting": (lambda node: node.alerts.tick(), lambda node: _say(lambda: node.alerts.event())),
    "audit_log": (
        lambda node: node.audit.record("used"),
        lambda node: node.audit.around(Note(text="a"), context(), lambda message, context: _fail()),
    ),
    "authentication": (
        lambda node: _say(lambda: node.authentication.authenticate(node.token)),
        lambda node: _say(lambda: node.authentication.check(Note(text="a"))),
    ),
    "authorization": (
        lambda node: _say(lambda: node.authorization is node.authorization),
        lambda node: _say(lambda: node.authorization.require("refund")),
    ),
    "bulkhead": (lambda node: node.bulkhead.of("db").call(_do), lambda node: node.bulkhead.of("db").call(_fail)),
    "caching": (_cached, lambda node: node.cache.load("other", str, _fail)),
    "checkpoint_management": (
        lambda node: node.checkpoints.all(),
        lambda node: node.checkpoints.make("no agent makes it"),
    ),
    "circuit_breaker": (
        lambda node: node.circuits.of("db").call(_do),
        _open_circuit,
    ),
    "container_operations": (
        lambda node: _say(lambda: node.containers.reported_metrics()),
        lambda node: node.containers.find("../images"),
    ),
    "contract_loader": (
        lambda node: _say(lambda: node.contracts.load(_GATE)),
        lambda node: _say(lambda: node.contracts.load(NODES / "nowhere")),
    ),
    "database": (_asked, lambda node: node.database.pool.execute("SELECT nothing FROM nowhere")),
    "docker_client": (
        lambda node: _say(lambda: node.docker.endpoint),
        lambda node: _refused_call(node.docker),
    ),
    "docker_health_check": (
        lambda node: node.docker_health.look(),
        lambda node: _refused_call(node.docker),
    ),
    "effect_handlers": (_dispatched, lambda node: node.effects.dispatch("turn", "a")),
    "encryption": (_sealed, lambda node: _say(lambda: node.encryption.decrypt(b"no envelope"))),
    "event_bus": (_published, lambda node: node.event_bus.publish(Note(text="a").model_copy(update={"text": 1}))),
    "files": (_filed, lambda node: node.files.write("../evil", b"1")),
    "hmac_validation": (
        lambda node: _say(lambda: node.hmac.sign_request("GET", "/")),
        lambda node: _say(lambda: node.hmac.verify_request("GET", "/", {}, b"")),
    ),
    "health_check": (_well, _unwell),
    "http_client": (
        lambda node: _say(lambda: node.http_client.reported_metrics()),
        lambda node: node.http_client.get("nobody"),
    ),
    "image_management": (
        lambda node: _say(lambda: node.images.reported_metrics()),
        lambda node: node.images.pull("nobody/allowed:1"),
    ),
    "intelligent_caching": (
        lambda node: node.intelligent_cache.load("k", str, _do),
        lambda node: node.intelligent_cache.load("other", str, _fail),
    ),
    "ip_whitelist": (
        lambda node: _say(lambda: node.ip_whitelist.client("10.0.0.1")),
        lambda node: _say(lambda: node.ip_whitelist.require("10.0.0.1")),
    ),
    "kafka_configuration": (_written, _too_large),
    "kafka_health_check": (lambda node: node.kafka_health.probe(), _too_large),
    "log_aggregation": (
        lambda node: _say(lambda: node.log_aggregation.reported_metrics()),
        lambda node: node.log_aggregation.flush(1),
    ),
    "logging": (_logged, _logged_badly),
    "memory_management": (
        lambda node: _say(lambda: node.memory.facts()),
        lambda node: _say(lambda: [node.memory.register("twice", None) for _ in range(2)]),
    ),
    "message_queue": (
        lambda node: node.queue.send(Note(text="a")),
        lambda node: asyncio.wait_for(node.queue.send(None), 1),
    ),
    "metrics": (_timed, lambda node: _say(lambda: node.metrics.increment("Wrong name"))),
    "node_service": (_handled, _handled_badly),
    "notification": (lambda node: node.notifications.notify("a", "b"), lambda node: node.notifications.notify("a")),
    "profiling": (_measured, _measured_badly),
    "rate_limiting": (lambda node: node.rate.acquire(), _rated),
    "retry": (lambda node: node.retry.call(_do), lambda node: node.retry.call(_raise_value_error)),
    "secure_storage": (_kept, lambda node: node.secrets.put("../evil", b"1")),
    "security": (
        lambda node: _say(lambda: node.security.check(Note(text="fine"))),
        lambda node: _say(lambda: node.security.check(Note(text="\x00"))),
    ),
    "security_headers": (
        lambda node: _say(lambda: node.security_headers.headers()),
        lambda node: _say(lambda: node.security_headers.merged(None)),
    ),
    "serialization": (_serialized, lambda node: _say(lambda: node.serializer.load(b"[", Note))),
    "service_protocol": (
        lambda node: _say(lambda: node.interface.missing(object)),
        lambda node: _say(lambda: node.interface.missing(None)),
    ),
    "service_registry": (_with_services, lambda node: _say(lambda: node.services.get(int))),
    "timeout": (lambda node: node.limits.call("db", _do), lambda node: node.limits.call("db", _fail)),
    "tracing": (_traced, _traced_badly),
    "transactions": (_committed, _undone),
    "validation": (
        lambda node: _say(lambda: node.validation.require(Note, {"text": "a"})),
        lambda node: _say(lambda: node.validation.require(Note, {})),
    ),
    "webhook": (
        lambda node: _say(lambda: node.webhooks.reported_metrics()),
        lambda node: node.webhooks.deliver("nobody", "order.paid", None),
    ),
}


async def _raise_value_error() -> str:
    raise ValueError("not one that may pass")


async def use(key: str, node: object) -> None:
    """Run both uses, the successful one first."""
    well, badly = USES[key]
    await well(node)
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is up to the capability's own tests
        await badly(node)
