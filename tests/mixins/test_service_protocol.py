"""MixinServiceProtocol."""

import asyncio
from typing import Protocol

import pytest

from onex.capability import Composition
from onex.errors import CompositionError
from onex.mixins.service_protocol import MixinServiceProtocol, ModelServiceProtocolSubcontract
from onex.mixins.service_protocol.engine import ServiceProtocolEngine
from onex.node import NodeEffect
from tests.mixins.helpers import container


class Priced(Protocol):
    currency: str

    def price(self, order: str, *, rounded: bool = True) -> float: ...


class PricedOnTime(Priced, Protocol):
    async def later(self) -> float: ...


class Shop:
    currency = "EUR"

    def price(self, order: str, *, rounded: bool = True) -> float:
        return 1.0

    async def later(self) -> float:
        return 1.0


class Careless:
    currency = "EUR"

    def price(self, number: int) -> float:
        return 1.0

    def later(self) -> float:
        return 1.0


class Free:
    currency = "EUR"
    later = 1.0

    def price(self, *args: object, **named: object) -> float:
        return 1.0


def engine(served: object, *provides: type, **settings: object) -> ServiceProtocolEngine:
    names = [f"{protocol.__module__}.{protocol.__qualname__}" for protocol in provides]
    model = ModelServiceProtocolSubcontract.model_validate({"provides": names, **settings})
    return ServiceProtocolEngine(model, served, container().registry)


def test_protocols_of_a_node() -> None:
    shop = engine(Shop())
    assert shop.implements(PricedOnTime)
    assert engine(object()).missing(Priced) == ["no currency", "no price"]
    assert engine(Careless()).missing(PricedOnTime) == [
        "later is not async",
        "price does not take 'order'",
        "price does not take 'rounded'",
    ]
    assert engine(Free()).missing(PricedOnTime) == ["later cannot be called"]
    assert engine(Free()).implements(Priced)


@pytest.mark.enforces("service_protocol.check_parameters")
def test_it_may_be_enough_that_methods_are_there() -> None:
    assert engine(Careless(), check_parameters=False).implements(PricedOnTime)


@pytest.mark.enforces("service_protocol.provides")
def test_declared_protocols_are_checked_at_start() -> None:
    broken = engine(Careless(), Priced)
    with pytest.raises(CompositionError, match="Careless does not implement Priced: price does not take 'order'"):
        asyncio.run(broken.open())
    for wrong, said in (
        ("nowhere.Priced", "cannot import 'nowhere.Priced'"),
        ("nothing", "cannot import 'nothing'"),
        (f"{__name__}.Missing", "cannot import"),
        (f"{__name__}.Shop", "is not a protocol"),
    ):
        made = ServiceProtocolEngine(ModelServiceProtocolSubcontract(provides=(wrong,)), Shop(), container().registry)
        with pytest.raises(CompositionError, match=said):
            _ = made.provided


def test_a_node_can_be_had_by_its_protocols() -> None:
    class Node(MixinServiceProtocol, Shop, NodeEffect):
        pass

    async def live() -> None:
        node = Node()
        node.container = container(ModelServiceProtocolSubcontract(provides=(f"{__name__}.Priced",)))
        composition = Composition(node)
        await composition.start()
        assert node.interface.provided == [Priced]
        assert node.container.get(Priced) is node
        await composition.stop()

    asyncio.run(live())
