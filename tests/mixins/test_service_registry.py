"""MixinServiceRegistry."""

import pytest

from onex.capability.container import EnumScope
from onex.errors import CompositionError
from onex.mixins.service_registry import MixinServiceRegistry, ModelServiceRegistrySubcontract
from onex.mixins.service_registry.engine import ServiceRegistryEngine
from onex.model.context import Context
from onex.model.message import Message
from onex.node import NodeEffect
from tests.mixins.helpers import Note, container, context
from tests.mixins.virtual import play

SAID: list[str] = []


class Basket:
    """A service for one message, closed after it."""

    def __init__(self) -> None:
        SAID.append("made")

    async def close(self) -> None:
        SAID.append("closed")


class Shelf:
    """A service without a close method."""


@pytest.fixture(autouse=True)
def _silence() -> None:
    SAID.clear()


def entry(service: type, scope: str = "application", factory: str = "") -> dict[str, str]:
    name = f"{service.__module__}.{service.__qualname__}"
    return {"protocol": name, "factory": factory or name, "scope": scope}


def engine(*entries: dict[str, str], **settings: object) -> ServiceRegistryEngine:
    model = ModelServiceRegistrySubcontract.model_validate({"services": list(entries), **settings})
    return ServiceRegistryEngine(model, container())


@pytest.mark.enforces(
    "service_registry.services",
    "service_registry.services.protocol",
    "service_registry.services.factory",
    "service_registry.services.scope",
)
def test_services_of_the_contract() -> None:
    services = engine(entry(Shelf), entry(Basket, "message"))
    assert services.has(Shelf)
    assert not services.has(int)
    with pytest.raises(CompositionError, match="Basket lives for one message"):
        services.get(Basket)
    seen: list[tuple[Basket, Shelf]] = []

    async def handler(message: Message, context: Context) -> str:
        assert services.get(Basket) is services.get(Basket)
        seen.append((services.get(Basket), services.get(Shelf)))
        return "done"

    async def live() -> None:
        for _ in range(2):
            assert await services.around(Note(text="a"), context(), handler) == "done"

    play(live())
    assert SAID == ["made", "closed", "made", "closed"]
    assert seen[0][0] is not seen[1][0]
    assert seen[0][1] is seen[1][1] is services.get(Shelf)


def test_a_handler_that_fails_leaves_nothing_open() -> None:
    services = engine(entry(Basket, "message"))

    async def handler(message: Message, context: Context) -> None:
        services.get(Basket)
        raise KeyError

    with pytest.raises(KeyError):
        play(services.around(Note(text="a"), context(), handler))
    assert SAID == ["made", "closed"]


@pytest.mark.enforces("service_registry.allow_override")
def test_a_service_is_registered_once() -> None:
    services = engine()
    services.register(Shelf, Shelf)
    with pytest.raises(CompositionError, match="Shelf is registered already"):
        services.register(Shelf, Shelf)
    loose = engine(allow_override=True)
    other = Shelf()
    loose.register(Shelf, Shelf)
    loose.register(Shelf, lambda: other)
    assert loose.get(Shelf) is other


def test_the_one_that_made_it_closes_it() -> None:
    made = container()
    services = ServiceRegistryEngine(ModelServiceRegistrySubcontract(), made)
    services.register(Shelf, Shelf, scope=EnumScope.APPLICATION, close=lambda _: SAID.append("closed"))
    services.get(Shelf)
    plain = container()
    entries = ModelServiceRegistrySubcontract.model_validate({"services": [entry(Shelf)]})
    ServiceRegistryEngine(entries, plain).get(Shelf)
    play(made.close())
    play(plain.close())
    assert SAID == ["closed"]


def test_a_service_that_cannot_be_imported_is_refused() -> None:
    for factory in ("nowhere.Shelf", f"{__name__}.Missing"):
        with pytest.raises(CompositionError, match="cannot import"):
            engine(entry(Shelf, factory=factory))


def test_a_node_has_services() -> None:
    class Node(MixinServiceRegistry, NodeEffect):
        pass

    node = Node()
    node.container = container()
    node.services.register(Shelf, Shelf)
    assert isinstance(node.services.get(Shelf), Shelf)
