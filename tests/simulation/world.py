"""The nodes under simulation, and the outside world that they meet: all of it a function of the seed."""

import asyncio
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import blake2b

from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, ChargeCard, MoneyMoved, RefundCard
from node_payment_effect.v1_0_0.node import NodePaymentEffect
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.contract import ResolvedNode, resolve_node
from onex.model.contract import ModelContract, ModelDelivery, ModelErrorHandling, ModelRetryPolicy
from onex.model.enums import EnumNodeKind
from onex.node import Context, TransientError
from tests.conftest import NODES, ORDERS

_POLICY = ModelRetryPolicy(max_attempts=5, base_delay=1.0, max_delay=8.0, jitter=0.0, in_memory=2.0)


@dataclass(slots=True)
class World:
    """What a bank and a stubborn machine remember. Replaced at the start of every schedule."""

    seed: int = 0
    down: bool = False
    charged: dict[str, str] = field(default_factory=dict)
    """Message that moved the money, by idempotency key."""
    paid: set[str] = field(default_factory=set)
    """Orders whose money was taken."""
    void: set[str] = field(default_factory=set)
    """Orders that were refunded before any money was taken."""
    acts: list[tuple[str, int]] = field(default_factory=list)
    """Calls of the handler in order; repetitions included."""

    def chance(self, *about: object) -> float:
        """A number from 0 to 1 that depends on nothing but the seed and what it is about."""
        text = "|".join(map(str, (self.seed, *about)))
        return int.from_bytes(blake2b(text.encode(), digest_size=6).digest()) / 2**48

    async def answer(self, *about: object) -> None:
        """Take time, or fail."""
        chance = self.chance(*about)
        if self.down or chance < 0.15:
            raise TransientError("no answer")
        if chance < 0.4:
            await asyncio.sleep(40 * (chance - 0.15))


WORLD = World()


class SimulatedBank(NodePaymentEffect):
    """Moves money once per idempotency key, and says so to the message that made it move."""

    async def charge(
        self, command: ChargeCard, context: Context
    ) -> CardDeclined | tuple[CardCharged | MoneyMoved, ...]:
        key = context.idempotency_key
        if command.order_id in WORLD.void:
            return CardDeclined(order_id=command.order_id, reason="refunded before")
        if key not in WORLD.charged:
            await WORLD.answer("charge", command.order_id, context.attempt)
            WORLD.charged.setdefault(key, context.message_id)
        answer = await super().charge(command, context)
        if not isinstance(answer, tuple):
            return answer
        WORLD.paid.add(command.order_id)
        return answer if WORLD.charged[key] == context.message_id else answer[:1]

    async def refund(self, command: RefundCard, context: Context) -> MoneyMoved | None:  # type: ignore[override]
        """A refund may overtake its charge, which is on another topic: then nothing will be taken any more."""
        if command.order_id not in WORLD.paid:
            WORLD.void.add(command.order_id)
            return None
        return await super().refund(command, context)


class SimulatedMachine(NodeUnrulyEffect):
    """Some acts fail for good, some for a while, some take long."""

    async def act(self, command: Act, context: Context) -> Acted | list[Acted]:
        WORLD.acts.append((command.entity, command.number))
        await WORLD.answer("act", command.entity, command.number, context.attempt)
        if command.mood == "raise":
            raise KeyError("on request")
        return Acted(entity=command.entity, number=command.number, attempt=context.attempt)


@cache
def nodes() -> tuple[ResolvedNode, ...]:
    """Three effects, a reducer, a compute, two orchestrators; small batches, so that schedules interleave."""
    replaced = {"node_payment_effect": SimulatedBank, "node_unruly_effect": SimulatedMachine}
    others = [NODES / name / "v1_0_0" for name in ("node_unruly_effect", "node_alarm_orchestrator")]
    folders = [*sorted(ORDERS.glob("*/v1_0_0")), *others]
    found = [resolve_node(folder) for folder in folders]
    return tuple(
        replace(
            node,
            contract=_small(node.contract),
            node_class=replaced.get(node.contract.name, node.node_class),
        )
        for node in found
    )


def _small(contract: ModelContract) -> ModelContract:
    is_effect = contract.node_type is EnumNodeKind.EFFECT
    delivery = ModelDelivery(batch_size=5, standby=contract.node_type is EnumNodeKind.REDUCER)
    if is_effect:
        keep = 3600.0 if contract.name == "node_shipping_effect" else None
        delivery = ModelDelivery(timeout=5.0, concurrency=4, batch_size=5, keep_answers=keep)
    changes: dict[str, object] = {"delivery": delivery}
    if is_effect:
        changes["error_handling"] = ModelErrorHandling(retry_policy=_POLICY)
    return contract.model_copy(update=changes)
