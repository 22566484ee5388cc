"""Plans, containers and lifecycles of small capabilities."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from onex.capability import (
    Composition,
    Container,
    Mixin,
    NodeIdentity,
    ProtocolHost,
    Subcontract,
    capability,
    configured,
)
from onex.capability.container import EnumScope, ServiceRegistry
from onex.capability.metadata import CapabilityMetadata, load_metadata
from onex.capability.mixin import Definition
from onex.capability.resolver import closure, layer_order, start_order
from onex.errors import CompositionError
from onex.mixins.circuit_breaker import MixinCircuitBreaker
from onex.mixins.retry import MixinRetry, ModelRetrySubcontract
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumCapabilityCategory, EnumLayerStage, EnumNodeKind
from onex.node import NodeCompute, NodeEffect, NodeReducer
from onex.util.clock import ProtocolClock, SystemClock
from tests.mixins.helpers import container

ONE = ModelSemVer(major=1)
LIFE: list[str] = []


def metadata(
    name: str,
    *,
    accessor: str = "",
    requires: tuple[str, ...] = (),
    conflicts: tuple[str, ...] = (),
    stage: EnumLayerStage | None = None,
    managed: bool = False,
    kinds: tuple[EnumNodeKind, ...] = tuple(EnumNodeKind),
) -> CapabilityMetadata:
    key = name.removeprefix("Mixin").lower()
    return CapabilityMetadata(
        name=name,
        key=key,
        accessor=accessor or key,
        version=ONE,
        summary="made for a test",
        category=EnumCapabilityCategory.SERVICE,
        requires=requires,
        conflicts=conflicts,
        stage=stage,
        managed=managed,
        kinds=kinds,
    )


class Nothing(Subcontract):
    INTERFACE_VERSION: ClassVar[ModelSemVer] = ONE
    fails: bool = False


class Engine:
    def __init__(self, name: str, *, fails: bool = False) -> None:
        self.name, self.fails = name, fails

    async def open(self) -> None:
        if self.fails:
            raise ConnectionError(self.name)
        LIFE.append(f"open {self.name}")

    async def close(self) -> None:
        LIFE.append(f"close {self.name}")


class MixinLower(Mixin):
    definition = Definition(metadata("MixinLower", managed=True), Nothing)

    @capability
    def lower(self: ProtocolHost) -> Engine:
        """A managed engine."""
        return Engine("lower")


class MixinUpper(Mixin):
    definition = Definition(metadata("MixinUpper", requires=("MixinLower",), managed=True), Nothing)

    @capability
    def upper(self: ProtocolHost) -> Engine:
        """An engine that needs the lower one."""
        return Engine("upper", fails=configured(self, Nothing).fails)


class MixinAlone(Mixin):
    definition = Definition(metadata("MixinAlone", conflicts=("MixinLower",), kinds=(EnumNodeKind.EFFECT,)), Nothing)

    @capability
    def alone(self: ProtocolHost) -> list[int]:
        """An engine without a lifecycle."""
        LIFE.append("made")
        return []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LIFE.clear()


class Both(MixinUpper, MixinLower, NodeEffect):
    """A node with two capabilities, in any order."""


def names(found: list[CapabilityMetadata]) -> list[str]:
    return [one.name for one in found]


def test_the_plan_starts_with_what_is_required() -> None:
    assert [one.name for one in Both.capabilities.start] == ["MixinLower", "MixinUpper"]
    turned = type("Turned", (NodeEffect, MixinLower, MixinUpper), {})
    assert turned.capabilities == Both.capabilities  # type: ignore[attr-defined]  # made here
    assert NodeEffect.capabilities.start == ()


@pytest.mark.parametrize(
    ("bases", "body", "words"),
    [
        ((MixinUpper, NodeEffect), {}, "Wrong: MixinUpper requires MixinLower, which is missing: add MixinLower"),
        ((MixinAlone, MixinLower, NodeEffect), {}, "MixinAlone conflicts with MixinLower"),
        ((MixinAlone, NodeCompute), {}, "MixinAlone cannot join a node of kind COMPUTE; it is for EFFECT"),
        ((MixinLower, NodeEffect), {"lower": 1}, "Wrong.lower hides the accessor of MixinLower; rename it"),
    ],
)
def test_mixins_that_do_not_fit_are_refused_when_the_class_is_created(
    bases: tuple[type, ...], body: dict[str, object], words: str
) -> None:
    with pytest.raises(CompositionError) as refused:
        type("Wrong", bases, body)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "has no definition"),
        ({"definition": Definition(metadata("MixinOther"), Nothing)}, "its metadata.yaml describes MixinOther"),
        ({"definition": Definition(metadata("MixinWrong"), Subcontract)}, "Subcontract has no INTERFACE_VERSION"),
        (
            {"definition": Definition(metadata("MixinWrong"), Nothing)},
            "accessor 'wrong' and .* nothing",
        ),
        (
            {"definition": Definition(metadata("MixinWrong"), Nothing), "wrong": 1},
            "must define the accessor 'wrong'",
        ),
        (
            {
                "definition": Definition(metadata("MixinWrong", accessor="lower"), Nothing),
                "lower": vars(MixinLower)["lower"],
                "__init__": lambda self: None,
                "start": lambda self: None,
            },
            "it defines __init__, lower, start: move other members into its engine",
        ),
    ],
)
def test_a_mixin_is_one_accessor(body: dict[str, object], words: str) -> None:
    with pytest.raises(CompositionError, match=words):
        type("MixinWrong", (Mixin,), body)


def test_chains_and_circles_are_named() -> None:
    found = {
        one.name: one
        for one in (
            metadata("MixinA", requires=("MixinB",)),
            metadata("MixinB", requires=("MixinC",)),
            metadata("MixinC", requires=("MixinD",)),
        )
    }
    with pytest.raises(CompositionError, match="MixinA requires MixinB requires MixinC requires MixinD, which"):
        start_order(found)
    found["MixinC"] = metadata("MixinC", requires=("MixinA",))
    with pytest.raises(CompositionError, match=r"circular requirement: (Mixin. requires ){3}Mixin.; remove one"):
        start_order(found)
    found["MixinC"] = metadata("MixinC", requires=("MixinA", "MixinX"))
    with pytest.raises(CompositionError, match="which is missing"):
        start_order(found)


def test_requirements_are_completed_and_layers_ordered_by_stage() -> None:
    known = {
        one.name: one
        for one in (
            metadata("MixinA", requires=("MixinB",), stage=EnumLayerStage.RESILIENCE),
            metadata("MixinB", stage=EnumLayerStage.GUARD),
            metadata("MixinC", stage=EnumLayerStage.OBSERVE),
            metadata("MixinD"),
        )
    }
    assert closure(["MixinD", "MixinA", "MixinA"], known.__getitem__) == ["MixinB", "MixinD", "MixinA"]
    assert names(start_order(known)) == ["MixinC", "MixinB", "MixinD", "MixinA"]
    assert names(layer_order(known.values())) == ["MixinC", "MixinB", "MixinA"]


def test_engines_are_made_once_and_when_they_are_asked_for() -> None:
    class Node(MixinAlone, NodeEffect):
        pass

    node = Node()
    assert LIFE == []
    assert node.alone is node.alone
    assert LIFE == ["made"]
    assert Node.alone.__doc__ == "An engine without a lifecycle."


def test_a_life_from_start_to_stop() -> None:
    composition = Composition(Both())
    asyncio.run(composition.start())
    assert LIFE == ["open lower", "open upper"]
    with pytest.raises(CompositionError, match="started twice"):
        asyncio.run(composition.start())
    asyncio.run(composition.stop())
    asyncio.run(composition.stop())
    assert LIFE == ["open lower", "open upper", "close upper", "close lower"]
    asyncio.run(composition.start())
    assert LIFE[4:] == ["open lower", "open upper"]


def test_a_failed_start_closes_what_it_opened() -> None:
    node = Both()
    node.container.registry.value(Nothing, Nothing(fails=True))
    composition = Composition(node)
    assert composition.managed
    with pytest.raises(ConnectionError, match="upper"):
        asyncio.run(composition.start())
    assert LIFE == ["open lower", "close upper", "close lower"]
    asyncio.run(composition.stop())
    assert LIFE[3:] == []


def test_a_stop_without_a_start_does_nothing() -> None:
    asyncio.run(Composition(Both()).stop())
    assert LIFE == []


def test_configuration_comes_from_the_container() -> None:
    class Node(MixinRetry, NodeEffect):
        pass

    node = Node()
    assert configured(node, ModelRetrySubcontract) == ModelRetrySubcontract()
    node = Node()
    node.container.registry.value(ModelRetrySubcontract, ModelRetrySubcontract(max_retries=9))
    assert configured(node, ModelRetrySubcontract).max_retries == 9
    assert node.container.get(NodeIdentity) == NodeIdentity("Node")
    assert isinstance(node.container.get(ProtocolClock), SystemClock)


def test_a_host_that_is_no_node_has_its_configuration_as_it_is() -> None:
    @dataclass
    class Host:
        container: Container

    assert configured(Host(container(ModelRetrySubcontract(max_retries=9))), ModelRetrySubcontract).max_retries == 9


def test_capabilities_of_bases_are_inherited() -> None:
    class Base(MixinRetry, NodeEffect):
        pass

    class Derived(MixinCircuitBreaker, Base):
        pass

    assert [one.name for one in Derived.capabilities.start] == ["MixinCircuitBreaker", "MixinRetry"]


def test_generic_kinds_compose_as_well() -> None:
    class Node(MixinLower, NodeReducer[object]):  # type: ignore[type-var]  # what it keeps does not matter here
        pass

    assert [one.name for one in Node.capabilities.start] == ["MixinLower"]


def test_services_outlive_the_engines_and_are_closed_after_them() -> None:
    node = Both()
    node.container.registry.register(Session, lambda _: Session(), close=lambda _: LIFE.append("close session"))
    composition = Composition(node)

    async def live() -> None:
        await composition.start()
        node.container.get(Session)
        await composition.stop()
        await composition.stop()

    asyncio.run(live())
    assert LIFE[2:] == ["close upper", "close lower", "close session"]


class Session:
    """A service with a close method."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine


def test_the_container_makes_one_per_scope_and_closes_in_reverse() -> None:
    closed: list[str] = []

    async def close_later(_: Engine) -> None:
        closed.append("application")

    registry = ServiceRegistry()
    registry.register(Engine, lambda _: Engine("one"), close=close_later)
    registry.register(
        Session,
        lambda container: Session(container.get(Engine)),
        scope=EnumScope.MESSAGE,
        close=lambda _: closed.append("message"),
    )

    async def play() -> None:
        async with Container(registry) as container:
            with pytest.raises(CompositionError, match="Session lives for one message"):
                container.get(Session)
            async with container.message() as first, container.message() as second:
                assert first.get(Session) is first.get(Session)
                assert first.get(Session) is not second.get(Session)
                assert first.get(Engine) is second.get(Engine) is container.get(Engine)
            assert closed == ["message", "message"]
        assert closed == ["message", "message", "application"]
        await container.close()

    asyncio.run(play())
    assert len(closed) == 3


def test_every_service_is_closed_whatever_the_others_do() -> None:
    closed: list[str] = []

    def fail(_: Engine) -> None:
        raise ConnectionError("gone")

    registry = ServiceRegistry()
    registry.register(Session, lambda _: Session(), close=lambda _: closed.append("session"))
    registry.register(Engine, lambda _: Engine("one"), close=fail)
    container = Container(registry)
    container.get(Session)
    container.get(Engine)
    with pytest.raises(ConnectionError):
        asyncio.run(container.close())
    assert closed == ["session"]


def test_an_unregistered_service_is_named() -> None:
    container = Container()
    assert container.find(Session) is None
    with pytest.raises(CompositionError, match="no Session is registered"):
        container.get(Session)


def test_services_that_need_each_other_are_a_circle() -> None:
    registry = ServiceRegistry()

    def session(container: Container) -> Session:
        container.get(Engine)
        return Session()

    def engine(container: Container) -> Engine:
        container.get(Session)
        return Engine("never")

    registry.register(Session, session).register(Engine, engine)
    with pytest.raises(CompositionError, match="circular dependency: Session needs Engine needs Session"):
        Container(registry).get(Session)


def test_metadata_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "metadata.yaml").write_text(
        "{name: MixinFoo, key: foo, accessor: foo, version: {major: 1}, summary: long enough, category: data}"
    )
    assert load_metadata(tmp_path).kinds == tuple(EnumNodeKind)
