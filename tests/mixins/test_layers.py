"""Engines that surround handlers, on every kind of node."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from threading import current_thread
from typing import ClassVar

import pytest
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_gate_compute.v1_0_0.node import NodeGateCompute

from onex.agent.process.capability_loop import running
from onex.capability import BatchFacts, Composition, Mixin, Proceed, ProtocolHost, Subcontract, capability
from onex.capability.layer import fold, fold_checks
from onex.capability.metadata import CapabilityMetadata
from onex.capability.mixin import Definition
from onex.contract import resolve_node
from onex.errors import RejectedError
from onex.mixins.service import with_mixins
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumCapabilityCategory, EnumLayerStage
from onex.model.message import Message
from onex.node import Context, NodeEffect, NodeReducer
from onex.testing import MeshDriver
from tests.conftest import NODES

SAID: list[str] = []
CONTEXT = Context(datetime(2026, 1, 1, tzinfo=UTC), "k", "m", "c", "", "i")


@pytest.fixture(autouse=True)
def _silence() -> None:
    SAID.clear()


class Around:
    def __init__(self, name: str) -> None:
        self.name = name

    async def around(self, message: Message, context: Context, proceed: Proceed) -> object:
        SAID.append(f"{self.name} before")
        try:
            return await proceed(message, context)
        finally:
            SAID.append(f"{self.name} after")


class Check:
    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses

    def check(self, message: Message) -> None:
        SAID.append("check")
        assert isinstance(message, Enter)
        if message.name == self.refuses:
            raise RejectedError("not this one")


class Both(Check, Around):
    def __init__(self) -> None:
        Check.__init__(self)
        self.name = "both"


async def handler(message: Message, context: Context) -> str:
    SAID.append("handler")
    return context.key


def test_layers_of_an_effect_stand_around_its_handler_the_first_one_outermost() -> None:
    folded = fold([Around("outer"), Check("bad"), Around("inner"), object()], handler)
    assert asyncio.run(_call(folded, "good")) == "k"
    assert SAID == ["outer before", "check", "inner before", "handler", "inner after", "outer after"]
    SAID.clear()
    with pytest.raises(RejectedError):
        asyncio.run(_call(folded, "bad"))
    assert SAID == ["outer before", "check", "outer after"]


def test_one_that_does_both_checks_first() -> None:
    asyncio.run(_call(fold([Both()], handler), "good"))
    assert SAID == ["check", "both before", "handler", "both after"]


async def _call(folded: Proceed, name: str) -> object:
    return await folded(Enter(name=name, age=1), CONTEXT)


def test_other_kinds_are_checked_before_the_handler() -> None:
    enter = Enter(name="good", age=1)
    plain = fold_checks([Check("bad"), Around("not here")], lambda message: message.name, keyed=False)
    assert plain(enter) == "good"
    keyed = fold_checks([Check("bad")], lambda state, message, context: (state, context.key), keyed=True)
    assert keyed(None, enter, CONTEXT) == (None, "k")
    with pytest.raises(RejectedError):
        plain(Enter(name="bad", age=1))
    with pytest.raises(RejectedError):
        keyed(None, Enter(name="bad", age=1), CONTEXT)
    assert SAID == ["check"] * 4


def test_without_checks_the_handler_is_called_directly() -> None:
    assert fold([], handler) is handler
    assert fold_checks([Around("x")], handler, keyed=False) is handler


class Nothing(Subcontract):
    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1)


class Tally:
    """Observes batches, with a lifecycle."""

    def __init__(self) -> None:
        self.batches: list[BatchFacts] = []

    def observed(self, batch: BatchFacts) -> None:
        self.batches.append(batch)

    async def open(self) -> None:
        SAID.append(f"open on {current_thread().name}")

    async def close(self) -> None:
        SAID.append(f"close on {current_thread().name}")


class MixinTally(Mixin):
    definition = Definition(
        CapabilityMetadata(
            name="MixinTally",
            key="tally",
            accessor="tally",
            version=ModelSemVer(major=1),
            summary="made for a test",
            category=EnumCapabilityCategory.OPERATIONS,
            stage=EnumLayerStage.OBSERVE,
            managed=True,
        ),
        Nothing,
    )

    @capability
    def tally(self: ProtocolHost) -> Tally:
        """The observer."""
        return Tally()


def test_a_batch_is_observed_once_when_it_is_committed() -> None:
    resolved = resolve_node(NODES / "node_gate_compute" / "v1_0_0")
    driver = MeshDriver([replace(resolved, node_class=with_mixins(resolved.node_class, [MixinTally]))])
    for number in range(5):
        driver.send(Enter(name=f"n-{number}", age=30), run=False)
    driver.run_until_idle()
    (instance,) = driver.instances_of(NodeGateCompute)
    assert isinstance(instance.node, MixinTally)
    tally = instance.node.tally
    assert sum(batch.count for batch in tally.batches) == sum(batch.sent for batch in tally.batches) == 5
    assert len(tally.batches) < 5
    assert all(batch.dead == [] and batch.seconds >= 0 for batch in tally.batches)
    assert len(driver.published(Entered)) == 5
    driver.close()
    assert SAID == ["open on MainThread", "close on MainThread"]


def test_a_node_without_a_loop_has_one_for_its_capabilities() -> None:
    class Node(MixinTally, NodeReducer[Enter]):
        pass

    with running(Composition(Node())):
        assert SAID == ["open on capabilities"]
    assert SAID == ["open on capabilities", "close on capabilities"]


def test_a_failed_start_ends_the_loop() -> None:
    class Node(MixinTally, NodeEffect):
        pass

    composition = Composition(Node())
    asyncio.run(composition.start())
    with pytest.raises(Exception, match="started twice"), running(composition):
        raise AssertionError("not reached")
    with running(Composition(NodeEffect())):
        assert SAID[-1].startswith("open")
