"""Handlers of effects that fail or take long when a schedule asks for it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import Enum
from functools import wraps
from inspect import iscoroutinefunction
from types import new_class
from typing import NamedTuple, cast

from onex.contract import ResolvedNode
from onex.errors import TransientError
from onex.model.enums import EnumNodeKind
from onex.node import Node

_BATCH_SIZE = 5
"""Records of a batch, so that faults come between the records of a topic."""


class EnumHandlerFault(Enum):
    """How a call of a handler goes wrong."""

    FAILS_BEFORE = "raises TransientError before its work"
    FAILS_AFTER = "raises TransientError after its work"
    SLOW = "takes longer"


class HandlerFault(NamedTuple):
    """The fault of one call."""

    kind: EnumHandlerFault
    seconds: float = 0.0


class HandlerFaults:
    """The faults that wait for the next calls, by the name of their node."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[HandlerFault]] = defaultdict(deque)

    def add(self, node: str, fault: HandlerFault) -> None:
        """Let the next call of a handler of the node go wrong."""
        self._waiting[node].append(fault)

    def clear(self) -> None:
        """Let all calls work from now on."""
        self._waiting.clear()

    def take(self, node: str) -> HandlerFault | None:
        """Return the fault of the call that begins now."""
        waiting = self._waiting[node]
        return waiting.popleft() if waiting else None


def with_faults(node: ResolvedNode, faults: HandlerFaults) -> ResolvedNode:
    """Return the node with small batches; the handlers of an EFFECT take their faults from ``faults``."""
    delivery = node.contract.delivery
    small = delivery.model_copy(update={"batch_size": min(_BATCH_SIZE, delivery.batch_size)})
    node = replace(node, contract=node.contract.model_copy(update={"delivery": small}))
    if node.contract.node_type is not EnumNodeKind.EFFECT:
        return node
    handlers = {
        name: _faulty(node.contract.name, handler, faults)
        for name in sorted({route.method for route in node.all_routes})
        if iscoroutinefunction(handler := getattr(node.node_class, name))
    }
    base = node.node_class
    namespace = {"__module__": base.__module__, **handlers}
    made = new_class(base.__name__, (base,), exec_body=lambda body: body.update(namespace))
    return replace(node, node_class=cast(type[Node], made))


def _faulty(
    node: str, handler: Callable[..., Awaitable[object]], faults: HandlerFaults
) -> Callable[..., Awaitable[object]]:
    @wraps(handler)
    async def faulty(*args: object, **named: object) -> object:
        fault = faults.take(node)
        if fault is not None and fault.kind is EnumHandlerFault.FAILS_BEFORE:
            raise TransientError("simulated failure before the work")
        if fault is not None and fault.kind is EnumHandlerFault.SLOW:
            await asyncio.sleep(fault.seconds)
        result = await handler(*args, **named)
        if fault is not None and fault.kind is EnumHandlerFault.FAILS_AFTER:
            raise TransientError("simulated failure after the work")
        return result

    return faulty
