"""Every branch of the warehouse refused, lost, late and raising: how the run ends, and what is left on the shelves.

The effect carries the work out; ``tests/nodes/node_stock_effect`` says what each fate means. A signal is refused by a
cancellation, and raises as junk.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import wraps
from itertools import product
from typing import NamedTuple

import pytest
from node_stock_effect.v1_0_0.node import Fate, NodeStockEffect, Shelves
from node_warehouse_orchestrator.v1_0_0.models import (
    FulfilOrder,
    OrderFulfilled,
    OrderUnfulfilled,
    PickedUp,
    RefundOrder,
    ReleaseStock,
)
from node_warehouse_orchestrator.v1_0_0.node import NodeWarehouseOrchestrator
from pydantic import BaseModel, ValidationError

from onex.model.cancel import CancelWorkflow
from onex.testing import MeshDriver
from tests.simulation.sagas import nodes

BOLT, NUT = "bolt", "nut"
FATES: tuple[Fate, ...] = ("refused", "lost", "late", "raises")
Work = tuple[str, int]
"""Name and number, as the effect asks for its fate."""


class End(NamedTuple):
    """How a run ends, and what is reserved and paid in the end."""

    reason: str = ""
    """Empty: the order is fulfilled."""
    left: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    paid: bool = False
    dead: int = 0
    """Dead letters."""


DONE = End(held=(BOLT, NUT), paid=True)
TIME = "workflow timed out"
UNCLAIMED = "pick_up timed out"
ENDS: dict[Work, tuple[End, End, End, End]] = {
    # refused, lost, late, raises
    ("score", 0): (End(TIME, dead=1), End(TIME), DONE, End(TIME, dead=1)),
    ("reserve", 0): (
        End("no bolt"),
        End("reserve timed out", ("reserve",), (BOLT,)),
        End("reserve timed out", ("reserve",), dead=1),  # the nut waited for the bolt until its own deadline
        End("reserve timed out", ("reserve",), dead=1),
    ),
    ("reserve", 1): (
        End("no nut"),
        End("reserve timed out", ("reserve",), (NUT,)),
        End("reserve timed out", ("reserve",)),
        End("reserve timed out", ("reserve",), dead=1),
    ),
    ("charge", 0): (
        End("limit"),
        End("charge timed out", ("charge",), paid=True),
        End("charge timed out", ("charge",)),
        End("charge timed out", ("charge",), dead=1),
    ),
    ("rescore", 0): (End(TIME, dead=1), End(TIME), DONE, End(TIME, dead=1)),
    ("pick_up", 0): (End("not any more"), End(UNCLAIMED), End(UNCLAIMED), DONE._replace(dead=1)),
    ("release bolt", 0): (
        End(UNCLAIMED, ("reserve",), (BOLT,), dead=3),
        End(UNCLAIMED),
        End(UNCLAIMED),
        End(UNCLAIMED, ("reserve",), (BOLT,), dead=3),
    ),
    ("release nut", 0): (
        End(UNCLAIMED, ("reserve",), (NUT,), dead=3),
        End(UNCLAIMED),
        End(UNCLAIMED),
        End(UNCLAIMED, ("reserve",), (NUT,), dead=3),
    ),
    ("refund", 0): (
        End(UNCLAIMED, ("charge",), paid=True, dead=3),
        End(UNCLAIMED),
        End(UNCLAIMED, ("reserve",)),  # the releases wait for three late refunds
        End(UNCLAIMED, ("charge",), paid=True, dead=3),
    ),
}
"""``late``: a step may be named although its late result was undone after the end. Work of an order is done one after
the other, so that what is late makes the rest late."""


Fates = tuple[tuple[Work, Fate], ...]
"""How work of an order goes, where it is not good."""


class Warehouse:
    """Orders, and how each piece of their work goes. They do not wait for each other."""

    def __init__(self, orders: Mapping[str, Fates]) -> None:
        self._fates = {name: dict(fates) for name, fates in orders.items()}
        self._shelves = NodeStockEffect.shelves = Shelves(
            lambda order, work, number: self._fates[order].get((work, number), "good")
        )
        warehouse, stock = nodes()
        delivery = stock.contract.delivery.model_copy(update={"concurrency": len(orders)})
        stock = replace(stock, contract=stock.contract.model_copy(update={"delivery": delivery}))
        self.mesh = MeshDriver([warehouse, stock])

    def run(self) -> Mapping[str, End]:
        """Send the orders, wait for their ends and for all that is undone after them."""
        mesh, shelves = self.mesh, self._shelves
        for name in self._fates:
            mesh.send(FulfilOrder(order=name, articles=[BOLT, NUT]), run=False)
        mesh.advance("1h")
        late = [name for name in self._fates if not self._pick_up(name)]
        mesh.advance("2d")
        for name in late:
            mesh.send(PickedUp(order=name))
        mesh.advance("3d")
        assert not shelves.faults
        ends: dict[str, tuple[str, tuple[str, ...]]] = {end.order: ("", ()) for end in mesh.published(OrderFulfilled)}
        ends |= {end.order: (end.reason, tuple(end.left)) for end in mesh.published(OrderUnfulfilled)}
        completions = len(mesh.published(OrderFulfilled)) + len(mesh.published(OrderUnfulfilled))
        assert completions == len(ends) == len(self._fates), "each order has one completion"
        dead = Counter((letter.key() or b"").decode() for letter in mesh.dead_letters())
        return {
            name: End(*end, tuple(sorted(shelves.held.get(name, ()))), name in shelves.paid, dead[name])
            for name, end in ends.items()
        }

    def _pick_up(self, name: str) -> bool:
        """What happens to the signal of an order within its time; False when it comes later."""
        fates, mesh = self._fates[name], self.mesh
        if any(work.startswith(("release", "refund")) for work, _ in fates):
            return True  # never, so that all of it is undone
        match fates.get(("pick_up", 0), "good"):
            case "late":
                return False
            case "lost":
                return True
            case "refused":
                mesh.send(CancelWorkflow(workflow_id=name, reason="not any more"))
            case "raises":
                mesh.publish(mesh.topic_of(PickedUp), b"{", name.encode(), [])
        mesh.send(PickedUp(order=name))
        return True


@pytest.fixture(autouse=True)
def _no_fates() -> Iterator[None]:
    yield
    NodeStockEffect.shelves = Shelves()


def order_of(fates: Fates) -> str:
    """Name of the order with these fates."""
    return ", ".join(f"{work} {number} {fate}" for (work, number), fate in fates) or "good"


def pairs(*works: Work) -> list[Fates]:
    """Two works with each pair of fates."""
    both = product(("good", *FATES), repeat=2)
    return [tuple((w, f) for w, f in zip(works, fates, strict=True) if f != "good") for fates in both]


ONE: list[Fates] = [(), *(((work, fate),) for work in ENDS for fate in FATES)]
RESERVATIONS = pairs(("reserve", 0), ("reserve", 1))
RELEASES = pairs(("release bolt", 0), ("release nut", 0))


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Mapping[str, End], MeshDriver]]:
    """All orders with all fates together."""
    one = Warehouse({order_of(fates): fates for fates in (*ONE, *RESERVATIONS, *RELEASES)})
    yield one.run(), one.mesh
    one.mesh.close()


World = tuple[Mapping[str, End], MeshDriver]


def test_each_work_has_each_fate() -> None:
    assert {work for work, _ in (fate for fates in ONE for fate in fates)} == set(ENDS)
    workflow = nodes()[0].contract.workflow_coordination
    assert workflow is not None
    undone = {"reserve": {"release bolt", "release nut"}, "charge": {"refund"}}
    works = {step.id for step in workflow.steps}.union(
        *(undone[step.id] for step in workflow.steps if step.compensate)
    )
    assert {work for work, _ in ENDS} == works, "a step of the contract has no fates here"


@pytest.mark.parametrize("fates", ONE, ids=order_of)
def test_a_branch_and_its_fate(world: World, fates: Fates) -> None:
    ((work, fate),) = fates or ((("pick_up", 0), "good"),)
    assert world[0][order_of(fates)] == (ENDS[work][FATES.index(fate)] if fates else DONE)


@pytest.mark.parametrize("fates", RESERVATIONS, ids=order_of)
def test_two_reservations_and_their_fates(world: World, fates: Fates) -> None:
    ends, mesh = world
    end = ends[order_of(fates)]
    assert (end == DONE) is (not fates)
    if end.reason:
        assert not end.paid
        assert order_of(fates) not in {refund.order for refund in mesh.published(RefundOrder)}, "nothing was charged"
        lost = {(BOLT, NUT)[number] for (_, number), fate in fates if fate == "lost"}
        assert set(end.held) <= lost, "what was answered, however late, is released"
        assert not end.held or end.left == ("reserve",), "what is left is named"


@pytest.mark.parametrize("fates", RELEASES, ids=order_of)
def test_two_releases_and_their_fates(world: World, fates: Fates) -> None:
    ends, mesh = world
    end = ends[order_of(fates)]
    found = {work.removeprefix("release "): fate for (work, _), fate in fates}
    stuck = tuple(article for article, fate in found.items() if fate in ("refused", "raises"))
    if not fates:
        return
    assert (end.held, end.paid) == (stuck, False)
    assert not stuck or end.left == ("reserve",)
    if "late" in found.values():
        return  # the other one waits behind it
    name = order_of(fates)
    sent = Counter(release.article for release in mesh.published(ReleaseStock) if release.order == name)
    for article in (BOLT, NUT):
        wanted = {"good": 1, "lost": 2}.get(found.get(article, "good"), 3)
        assert sent[article] == wanted, "each is tried again by itself"


class Receipt(BaseModel):
    number: int


def _wrong_receipt() -> BaseException:
    try:
        Receipt.model_validate({"number": "4111 1111"})
    except ValidationError as error:
        return error
    raise AssertionError


class WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


RAISED: Mapping[str, tuple[BaseException, str]] = {
    "no result": (KeyError("x"), "KeyError: 'x'"),
    "an exit": (SystemExit(1), "SystemExit: 1"),
    "a cancellation": (asyncio.CancelledError(), "CancelledError: "),
    "content of a message": (_wrong_receipt(), "ValidationError: Receipt: number: Input should be a valid integer"),
    "a secret": (ValueError("at http://me:hunter2@bank"), "ValueError: at http://[redacted]@bank"),
    "no text": (WordlessError(), "WordlessError: (its text cannot be made: ValueError)"),
}


@pytest.mark.parametrize("step", ["reserve", "charge"])
@pytest.mark.parametrize("case", RAISED)
def test_a_compensation_that_raises_is_named_and_the_other_step_is_undone(
    monkeypatch: pytest.MonkeyPatch, step: str, case: str
) -> None:
    raised, words = RAISED[case]

    @wraps(getattr(NodeWarehouseOrchestrator, f"compensate_{step}"))
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(NodeWarehouseOrchestrator, f"compensate_{step}", fail)
    one = Warehouse({"o": ((("pick_up", 0), "lost"),)})
    held = (BOLT, NUT) if step == "reserve" else ()
    assert one.run()["o"] == End(UNCLAIMED, (step,), held, step == "charge")
    (failed,) = one.mesh.published(OrderUnfulfilled)
    (problem,) = failed.problems
    assert problem.startswith(f"{step}: {words}")
    assert "4111" not in problem
    one.mesh.close()
