"""``python -m benchmarks.capabilities``: what capabilities cost a class, an access, a message and a batch.

In one process, without Kafka: the layers alone. Each figure is the best of many rounds, so that what else the machine
does is left out; runs are repeated to show what is not.
"""

import argparse
import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry

from benchmarks.report import Report, Series
from onex.capability import BatchFacts, Composition, Container, Mixin, NodeIdentity
from onex.capability.host import standard_services
from onex.capability.layer import fold, fold_checks
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.profiling import MixinProfiling
from onex.mixins.service import MixinDependencyResolver, with_mixins
from onex.model.context import Context
from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.node import Node, NodeCompute, NodeEffect

_ROUNDS, _CALLS, _BATCH = 40, 2_000, 1_000
_TWENTY = 20
_QUIET: dict[str, dict[str, object]] = {
    "MixinAuthentication": {"authenticate_messages": False},
    "MixinAuthorization": {"authorize_messages": False},
    "MixinRateLimiting": {"permits_per_second": 1_000_000, "burst": 1_000_000},
}
"""Those that would refuse what this benchmark sends."""


class Order(Message):
    """Six fields, as an order has them."""

    order_id: str = "o-1"
    customer: str = "ann"
    article: str = "apples"
    quantity: int = 2
    unit_price: float = 5.0
    express: bool = False


def main() -> None:
    """Measure, print and write ``build/bench/capabilities.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.runs):
        for entry, unit, value in _figures():
            found.setdefault((entry, unit), []).append(value)
    report = Report("capabilities")
    for (entry, unit), values in found.items():
        report.add(Series(entry, unit, values))
    report.write()


def _figures() -> Iterator[tuple[str, str, float]]:
    gc.collect()
    gc.disable()
    try:
        yield f"a class with {_TWENTY} capabilities", "ms", _class() * 1e3
        yield "access to an engine", "ns", _access() * 1e9
        for mixin in CATALOGUE.all():
            metadata = mixin.definition.metadata
            if metadata.stage is None:
                continue
            if EnumNodeKind.COMPUTE in metadata.kinds:
                yield f"{metadata.name}, batch of {_BATCH:,} of a COMPUTE", "us a message", _batch(mixin) * 1e6
            yield f"{metadata.name}, call of an EFFECT", "us a message", _call(mixin) * 1e6
        yield "all layers together, call of an EFFECT", "us a message", _call(*_with_stage()) * 1e6
    finally:
        gc.enable()


def _best(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Seconds of the quickest round."""
    fastest = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        fastest = min(fastest, time.perf_counter() - began)
    return fastest


def _class() -> float:
    wanted = [mixin for mixin in CATALOGUE.all() if not mixin.definition.metadata.requires][:_TWENTY]
    assert len(wanted) == _TWENTY
    return _best(lambda: with_mixins(NodeEffect, wanted))


def _access() -> float:
    node = _node(NodeEffect, [MixinProfiling])
    _ = node.profiler  # type: ignore[attr-defined]  # it has just been composed

    def many() -> None:
        for _ in range(_CALLS):
            node.profiler  # type: ignore[attr-defined]  # noqa: B018 - that is what is measured

    def nothing() -> None:
        for _ in range(_CALLS):
            node  # noqa: B018

    return (_best(many) - _best(nothing)) / _CALLS


def _with_stage() -> Sequence[type[Mixin]]:
    return [mixin for mixin in CATALOGUE.all() if mixin.definition.metadata.stage is not None]


def _node(base: type[Node], mixins: Sequence[type[Mixin]]) -> Node:
    services = standard_services(NodeIdentity("node_a", "1.0.0", "a-1")).value(CollectorRegistry, CollectorRegistry())
    for mixin in CATALOGUE.all():
        model = mixin.definition.subcontract
        services.value(model, model.model_validate(_QUIET.get(mixin.__name__, {})))
    node = with_mixins(base, MixinDependencyResolver().resolve_dependencies(mixins))()
    node.container = Container(services)
    return node


def _call(*mixins: type[Mixin]) -> float:
    """What layers add to the call of an EFFECT's handler; the sink of the audit log takes no time here."""
    context = Context(None, "k", "m", "c", "", "i")  # type: ignore[arg-type]  # nobody looks at the time
    order = Order()

    async def handler(message: Message, context: Context) -> Message:
        return message

    async def rounds() -> float:
        node = _node(NodeEffect, mixins)
        if "MixinAuditLog" in [mixin.__name__ for mixin in mixins]:
            from onex.capability import ProtocolEventSink

            node.container.registry.value(ProtocolEventSink, _Nowhere())
        folded = fold(Composition(node).layers(), handler)
        times = []
        for call in (folded, handler):
            fastest = float("inf")
            for _ in range(_ROUNDS):
                began = time.perf_counter()
                for _ in range(_CALLS // 10):
                    await call(order, context)
                fastest = min(fastest, time.perf_counter() - began)
            times.append(fastest / (_CALLS // 10))
        return times[0] - times[1]

    return asyncio.run(rounds())


class _Nowhere:
    """A sink without a broker."""

    async def send(self, events: object) -> None:
        """Gone."""

    async def bury(self, event: object, error: BaseException) -> None:
        """Gone."""


def _batch(mixin: type[Mixin]) -> float:
    """What a layer adds to a message of a batch: its check of each, and what it hears of the whole."""
    layers = Composition(_node(NodeCompute, [mixin])).layers()
    checked = fold_checks(layers, _same, keyed=False)
    observers = [layer.observed for layer in layers if hasattr(layer, "observed")]
    order, facts = Order(), BatchFacts(_BATCH, _BATCH, [], 0.01)

    def batch(handle: Callable[[Message], object], hear: Sequence[Callable[[BatchFacts], None]]) -> None:
        for _ in range(_BATCH):
            handle(order)
        for observed in hear:
            observed(facts)

    return (_best(lambda: batch(checked, observers)) - _best(lambda: batch(_same, []))) / _BATCH


def _same(message: Message) -> Message:
    return message


if __name__ == "__main__":
    main()
