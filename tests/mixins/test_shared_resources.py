"""Resources that several containers of one process share."""

import asyncio
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from onex.capability import Composition, Container, Mixin, ProtocolHost, SharedResources, Subcontract, capability
from onex.capability.container import ServiceRegistry
from onex.capability.host import NodeIdentity, standard_services
from onex.capability.metadata import CapabilityMetadata
from onex.capability.mixin import Definition
from onex.capability.shared import ProcessResources
from onex.errors import CompositionError, TransientError
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumCapabilityCategory
from onex.node import NodeEffect


@dataclass
class Makes:
    """Opens and closes numbered clients, and remembers each step."""

    steps: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    opened: int = 0

    async def open(self) -> int:
        self.opened += 1
        number = self.opened
        self.steps.append(f"open {number}")
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop()
        return number

    async def close(self, number: int) -> None:
        await asyncio.sleep(0)
        self.steps.append(f"close {number}")


def test_all_who_ask_share_one_and_the_last_one_closes_it() -> None:
    async def scene() -> None:
        process, makes = ProcessResources(), Makes()
        first, second = SharedResources(process), SharedResources(process)
        shares = (first, second, second)
        assert await asyncio.gather(*(each.get("client", makes.open, makes.close) for each in shares)) == [1, 1, 1]
        assert await first.get(("client", "other"), makes.open, makes.close) == 2
        await first.release("client")
        await first.release("client")
        await second.release("client")
        assert makes.steps == ["open 1", "open 2"]
        await second.release("client")
        assert makes.steps[2:] == ["close 1"]
        assert await second.get("client", makes.open, makes.close) == 3
        assert await first.get("client", makes.open, makes.close) == 3
        await first.close()
        await first.close()
        assert makes.steps[3:] == ["open 3", "close 2"]
        await second.close()
        assert makes.steps[5:] == ["close 3"]

    asyncio.run(scene())


def test_a_failed_opening_is_tried_again_by_the_next_who_waits() -> None:
    async def scene() -> None:
        makes = Makes(failures=[TransientError("away")])
        shared = SharedResources(ProcessResources())
        asked = [shared.get("client", makes.open, makes.close) for _ in range(2)]
        first, second = await asyncio.gather(*asked, return_exceptions=True)
        assert (str(first), second) == ("away", 2)
        makes.failures.append(TransientError("away"))
        with pytest.raises(TransientError):
            await shared.get("other", makes.open, makes.close)
        await shared.close()
        assert makes.steps == ["open 1", "open 2", "open 3", "close 2"]

    asyncio.run(scene())


def test_a_cancelled_opening_leaves_the_resource_to_the_others() -> None:
    async def scene() -> None:
        makes, shared = Makes(), SharedResources(ProcessResources())
        first = asyncio.create_task(shared.get("client", makes.open, makes.close))
        second = asyncio.create_task(shared.get("client", makes.open, makes.close))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 2
        await shared.close()
        assert makes.steps == ["open 1", "open 2", "close 2"]

    asyncio.run(scene())


def test_each_loop_has_its_own() -> None:
    process, makes = ProcessResources(), Makes()

    async def scene() -> int:
        return await SharedResources(process).get("client", makes.open, makes.close)

    assert (asyncio.run(scene()), asyncio.run(scene())) == (1, 2)


def test_the_container_closes_it_last_even_when_another_one_fails() -> None:
    async def scene() -> None:
        makes = Makes()
        container = Container(standard_services(NodeIdentity("node")))

        def fails(_: Makes) -> None:
            makes.steps.append("close service")
            raise RuntimeError("broken")

        container.registry.register(Makes, lambda _: makes, close=fails)
        container.get(Makes)
        await container.get(SharedResources).get(object(), makes.open, makes.close)
        assert container.message().get(SharedResources) is container.get(SharedResources)
        with pytest.raises(RuntimeError, match="broken"):
            await container.close()
        assert makes.steps == ["open 1", "close service", "close 1"]

    asyncio.run(scene())


class Nothing(Subcontract):
    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1)


class HalfOpen:
    """Takes a shared resource, and fails before its start is complete. Its close releases nothing."""

    def __init__(self, node: ProtocolHost) -> None:
        self._container = node.container

    async def open(self) -> None:
        makes = self._container.get(Makes)
        await self._container.get(SharedResources).get(object(), makes.open, makes.close)
        raise TransientError("half open")

    async def close(self) -> None:
        self._container.get(Makes).steps.append("close engine")


class MixinHalfOpen(Mixin):
    definition = Definition(
        CapabilityMetadata(
            name="MixinHalfOpen",
            key="half_open",
            accessor="half_open",
            version=ModelSemVer(major=1),
            summary="made for a test",
            category=EnumCapabilityCategory.SERVICE,
            managed=True,
        ),
        Nothing,
    )

    @capability
    def half_open(self: ProtocolHost) -> HalfOpen:
        """An engine whose start fails half-way."""
        return HalfOpen(self)


class Node(MixinHalfOpen, NodeEffect):
    """A node with it."""


def test_a_start_that_fails_half_way_leaves_nothing_open() -> None:
    async def scene() -> None:
        makes, node = Makes(), Node()
        node.container.registry.value(Makes, makes)
        with pytest.raises(TransientError, match="half open"):
            await Composition(node).start()
        assert makes.steps == ["open 1", "close engine", "close 1"]

    asyncio.run(scene())


def test_a_container_without_shared_resources_starts_as_well() -> None:
    node = Node()
    node.container = Container(ServiceRegistry())
    with pytest.raises(CompositionError, match="no Makes is registered"):
        asyncio.run(Composition(node).start())
