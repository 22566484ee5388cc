"""The shelves and the till: what is done for a piece of work once is answered again, not done again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeVar

from node_stock_effect.v1_0_0.models import (
    ChargeDeclined,
    ChargeOrder,
    FraudScored,
    OrderCharged,
    OrderRefunded,
    RefundOrder,
    ReleaseStock,
    ReserveStock,
    ScoreFraud,
    StockRefused,
    StockReleased,
    StockReserved,
)

from onex.node import Context, NodeEffect, RejectedError

Fate = Literal["good", "refused", "late", "lost", "raises"]
"""``late``: done in time, answered after the deadline. ``lost``: done, and the first attempts are not answered.
``raises``: not done, and a dead letter. ``refused``: not done, and an event says so; a dead letter without one."""
T = TypeVar("T")


def _always_good(*_: object) -> Fate:
    return "good"


@dataclass(slots=True)
class Shelves:
    """What is reserved and paid, and how each piece of work goes."""

    fate: Callable[[str, str, int], Fate] = _always_good
    """Of an order's work with that name and number."""
    held: dict[str, list[str]] = field(default_factory=dict)
    """Reserved articles by order."""
    paid: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    """Idempotency keys of what was carried out."""
    faults: list[str] = field(default_factory=list)
    """What no workflow may ask for."""


class NodeStockEffect(NodeEffect):
    """Works on ``shelves``; those that test it replace them."""

    shelves: ClassVar[Shelves] = Shelves()

    async def score(self, command: ScoreFraud, context: Context) -> FraudScored | None:
        fate = self.shelves.fate(command.order, "rescore" if command.final else "score", 0)
        self._raise_if(fate)
        return await self._answered(fate, context, FraudScored(score=2 if command.final else 1))

    async def reserve(self, command: ReserveStock, context: Context) -> StockReserved | StockRefused | None:
        fate = self.shelves.fate(command.order, "reserve", command.line)
        if fate == "refused":
            return StockRefused(reason=f"no {command.article}")
        self._raise_if(fate)
        held = self.shelves.held.setdefault(command.order, [])
        self._once(context, lambda: held.append(command.article))
        return await self._answered(fate, context, StockReserved(article=command.article))

    async def release(self, command: ReleaseStock, context: Context) -> StockReleased | None:
        fate = self.shelves.fate(command.order, f"release {command.article}", 0)
        self._raise_if(fate)
        held = self.shelves.held.get(command.order, [])

        def remove() -> None:
            if command.article in held:
                held.remove(command.article)
            else:
                self.shelves.faults.append(f"{command.order}: {command.article} is released, and is not reserved")

        self._once(context, remove)
        return await self._answered(fate, context, StockReleased(article=command.article))

    async def charge(self, command: ChargeOrder, context: Context) -> OrderCharged | ChargeDeclined | None:
        fate = self.shelves.fate(command.order, "charge", 0)
        if fate == "refused":
            return ChargeDeclined(reason="limit")
        self._raise_if(fate)
        self._once(context, lambda: self.shelves.paid.add(command.order))
        return await self._answered(fate, context, OrderCharged(receipt=f"r-{command.order}"))

    async def refund(self, command: RefundOrder, context: Context) -> OrderRefunded | None:
        fate = self.shelves.fate(command.order, "refund", 0)
        self._raise_if(fate)

        def pay_back() -> None:
            if command.order in self.shelves.paid:
                self.shelves.paid.remove(command.order)
            else:
                self.shelves.faults.append(f"{command.order}: is refunded, and is not paid")

        self._once(context, pay_back)
        return await self._answered(fate, context, OrderRefunded(receipt=command.receipt))

    def _once(self, context: Context, work: Callable[[], None]) -> None:
        if 0 < context.deadline_ms <= context.now.timestamp() * 1000:
            self.shelves.faults.append(f"{context.key}: asked for after the deadline")
        if context.idempotency_key not in self.shelves.done:
            self.shelves.done.add(context.idempotency_key)
            work()

    def _raise_if(self, fate: Fate) -> None:
        match fate:
            case "raises":
                raise ValueError("on request")
            case "refused":
                raise RejectedError("on request")

    async def _answered(self, fate: Fate, context: Context, answer: T) -> T | None:
        """The answer: now, after the deadline, or not at all to the first attempt."""
        key = f"answered {context.idempotency_key}"
        if fate == "lost" and key not in self.shelves.done:
            self.shelves.done.add(key)
            return None
        if fate == "late":
            await asyncio.sleep(12.0)
        return answer
