"""Fan-out sagas under faults: branches and compensations that are refused, lost, late or raise; and their ledger.

The warehouse runs on the memory host. How each piece of work goes is a function of the seed, and so is when agents
crash and orders are cancelled. At the end the shelves and the till are compared with what the completions say.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from node_stock_effect.v1_0_0.node import Fate, NodeStockEffect, Shelves
from node_warehouse_orchestrator.v1_0_0.models import (
    FulfilOrder,
    OrderFulfilled,
    OrderUnfulfilled,
    PickedUp,
    ReleaseStock,
)
from structlog.testing import capture_logs

from onex.bus.protocols import ProtocolRecord
from onex.contract import ResolvedNode, resolve_node
from onex.model.cancel import CancelWorkflow
from onex.testing import MeshDriver
from onex.wire import headers as h
from tests.conftest import NODES

_ORDERS = 6
_CANCELLED = "changed my mind"
_ARTICLES = ("bolt", "nut", "nail")
_FATES: Sequence[tuple[float, Fate]] = ((0.12, "refused"), (0.24, "late"), (0.36, "lost"), (1.0, "good"))
_UNDO_FATES: Sequence[tuple[float, Fate]] = ((0.08, "raises"), (0.2, "late"), (0.35, "lost"), (1.0, "good"))


@cache
def nodes() -> tuple[ResolvedNode, ...]:
    """The warehouse, and the shelves and the till that work for it."""
    return tuple(
        resolve_node(NODES / name / "v1_0_0") for name in ("node_warehouse_orchestrator", "node_stock_effect")
    )


def fate_of(seed: int) -> Callable[[str, str, int], Fate]:
    """How the work of every order goes in the world of a seed."""

    def fate(order: str, work: str, number: int) -> Fate:
        chance = Random(f"{seed}/{order}/{work}/{number}").random()
        fates = _UNDO_FATES if work.startswith(("release", "refund")) else _FATES
        return next(found for limit, found in fates if chance < limit)

    return fate


class Sagas:
    """Some orders of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.shelves = NodeStockEffect.shelves = Shelves(fate_of(seed))
        self.mesh = MeshDriver(nodes())
        self.orders: dict[str, FulfilOrder] = {}
        self.crashed = False
        """Whether the shelves lost a process."""

    def run(self) -> None:
        """Send orders, crash agents, cancel, pick up, wait for everything; then raise AssertionError for a wrong
        balance."""
        mesh, random = self.mesh, self._random
        for number in range(_ORDERS):
            articles = random.choices(_ARTICLES, k=random.randrange(4))
            order = self.orders[f"o-{number}"] = FulfilOrder(order=f"o-{number}", articles=articles)
            mesh.send(order, id=order.order, correlation_id=order.order)
            mesh.advance(random.choice((0.1, 1.0, 11.0)))
            if random.random() < 0.15:
                mesh.send(CancelWorkflow(workflow_id=f"o-{random.randrange(number + 1)}", reason=_CANCELLED))
            if random.random() < 0.3:
                crashed = random.choice(mesh.instances)
                self.crashed |= crashed.resolved.node_class is NodeStockEffect
                mesh.crash(crashed)
                mesh.add_instance(crashed.resolved.node_class)
        mesh.advance("5m")
        for name in self.orders:
            if random.random() < 0.7:
                mesh.send(PickedUp(order=name))
        mesh.advance("3d")
        self._check()

    def _check(self) -> None:
        mesh, shelves = self.mesh, self.shelves
        assert not shelves.faults, shelves.faults[0]
        fulfilled = {end.order for end in mesh.published(OrderFulfilled)}
        unfulfilled = {end.order: end for end in mesh.published(OrderUnfulfilled)}
        ends = Counter(_ends(mesh, OrderFulfilled) + _ends(mesh, OrderUnfulfilled))
        for name, order in self.orders.items():
            held, paid = sorted(shelves.held.get(name, [])), name in shelves.paid
            assert ends[name] == 1, f"{name} has {ends[name]} completions"
            if name in fulfilled:
                assert (held, paid) == (sorted(order.articles), True), f"{name} is fulfilled: {held}, paid: {paid}"
                continue
            left = unfulfilled[name].left
            assert "reserve" in left or not self._released_after_the_end(name), f"{name} had ended with {left}"
            assert not held or "reserve" in left, f"{name}: {held} is reserved, and only {left} is named"
            assert not paid or "charge" in left, f"{name} is paid, and only {left} is named"
            for step, work in (("reserve", held), ("charge", paid)):
                excused = step not in left or work or self._doubtful(order)
                assert excused, f"{name}: {step} is named, and nothing of it is left or was in doubt"
            # A reply is lost for good with its agent, when the command is too late to be carried out again.
            silent = ("lost", "late") if self.crashed else ("lost",)
            stuck = [article for article in held if self._fate(name, f"release {article}") != "raises"]
            unknown = [n for n, _ in enumerate(order.articles) if self._fate(name, "reserve", n) in silent]
            assert len(stuck) <= len(unknown), f"{name}: {stuck} could have been released"
            refunds = self._fate(name, "charge") not in silent and self._fate(name, "refund") != "raises"
            assert not paid or not refunds, f"{name} could have been refunded"

    def _released_after_the_end(self, name: str) -> bool:
        """Whether something was still undone after the completion had said how the run ended."""
        (ended,) = (_time(record) for record, end in self.mesh.messages(OrderUnfulfilled) if end.order == name)
        return any(_time(r) > ended for r, release in self.mesh.messages(ReleaseStock) if release.order == name)

    def _doubtful(self, order: FulfilOrder) -> bool:
        """Whether an answer came late or not at all, so that a step is named although all of it is undone in the end.

        Work of an order is done one after the other: what is late makes the rest late.
        """
        name = order.order
        works = [("charge", 0), ("refund", 0), *(("reserve", n) for n, _ in enumerate(order.articles))]
        works += [(f"release {article}", 0) for article in order.articles]
        is_cancelled = any(
            end.order == name and end.reason == _CANCELLED for end in self.mesh.published(OrderUnfulfilled)
        )
        return is_cancelled or any(self._fate(name, *work) in ("late", "lost", "raises") for work in works)

    def _fate(self, name: str, work: str, number: int = 0) -> Fate:
        return self.shelves.fate(name, work, number)


def _ends(mesh: MeshDriver, model: type[OrderFulfilled] | type[OrderUnfulfilled]) -> list[str]:
    """Orders of completions; one that was written again counts once."""
    ends = {_header(record, h.ID): end.order for record, end in mesh.messages(model)}
    return [*ends.values()]


def _time(record: ProtocolRecord) -> bytes:
    return _header(record, h.TIME)


def _header(record: ProtocolRecord, name: str) -> bytes:
    return dict(record.headers() or [])[name]


def fails(seed: int) -> str:
    """What is wrong in the world of a seed; empty when nothing is."""
    sagas = Sagas(seed)
    try:
        with capture_logs():
            sagas.run()
    except AssertionError as error:
        return str(error) or repr(error)
    except Exception as error:  # noqa: BLE001 - an engine that falls over has failed
        return f"{type(error).__name__}: {error}"
    finally:
        sagas.mesh.close()
        NodeStockEffect.shelves = Shelves()
    return ""


def first_failure(seeds: Sequence[int]) -> tuple[int, str] | None:
    """The first seed that fails, and how."""
    return next(((seed, problem) for seed in seeds if (problem := fails(seed))), None)
