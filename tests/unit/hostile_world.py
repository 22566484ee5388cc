"""A mesh of all four kinds on the memory bus, and a hostile sender for it: any bytes, any headers, any exception."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from itertools import count
from typing import Any
from unittest.mock import patch

import structlog
from node_alarm_orchestrator.v1_0_0.models import Rang, SetAlarm
from node_alarm_orchestrator.v1_0_0.node import NodeAlarmOrchestrator
from node_tally_reducer.v1_0_0.models import Amount, Tallied, Tally
from node_tally_reducer.v1_0_0.node import NodeTallyReducer
from node_unruly_compute.v1_0_0.models import Ask, Reply
from node_unruly_compute.v1_0_0.node import NodeUnrulyCompute
from node_unruly_effect.v1_0_0.models import Act, Acted
from node_unruly_effect.v1_0_0.node import NodeUnrulyEffect

from onex.agent.process.logs import configure_logs
from onex.bus.memory import MemoryBroker
from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import Partition, ProtocolRecord
from onex.contract import ResolvedNode, resolve_node
from onex.errors import TransientError
from onex.model.enums import EnumNodeKind
from onex.node import Context, Decision, Message, Reduction, SetTimer
from onex.settings import Settings
from onex.testing import MeshDriver
from tests.conftest import NODES
from tests.unit.unreadable_record import UnreadableRecord, asked_once

FENCED = "effect with order_fence"
"""In a world of its own: its keys wait for their dead letters."""
KINDS = ("compute", "reducer", "orchestrator", "effect", FENCED)
_LIMIT = 20_000
"""Of the topics that outputs go to."""
_NODES = ("node_unruly_compute", "node_tally_reducer", "node_alarm_orchestrator", "node_unruly_effect")


@dataclass(frozen=True, slots=True)
class Target:
    """A node, and how a good message to it looks."""

    topic: str
    output_topic: str
    retry: str
    good: Callable[[str], Message]


TARGETS = {
    "compute": Target(
        "onex.cmd.unruly.ask.v1",
        "onex.evt.unruly.reply.v1",
        "onex.retry.unruly.compute.v1",
        lambda entity: Ask(entity=entity),
    ),
    "reducer": Target(
        "onex.evt.tally.amount.v1",
        "onex.snapshot.tally.tallied.v1",
        "onex.retry.tally.reducer.v1",
        lambda entity: Amount(entity=entity, value=1),
    ),
    "orchestrator": Target(
        "onex.cmd.alarm.set-alarm.v1",
        "onex.evt.alarm.rang.v1",
        "onex.retry.alarm.orchestrator.v1",
        lambda entity: SetAlarm(entity=entity, after=3e6),
    ),
    "effect": Target(
        "onex.cmd.unruly.act.v1",
        "onex.evt.unruly.acted.v1",
        "onex.retry.unruly.effect.v1",
        lambda entity: Act(entity=entity),
    ),
}

TARGETS[FENCED] = TARGETS["effect"]
_NUMBERS = count(1)


# -- what a handler may do --------------------------------------------------------------------------


class UnspeakableError(Exception):
    """No text can be made of it."""

    def __str__(self) -> str:
        raise SystemExit("no text")

    __repr__ = __str__


class NoTextError(Exception):
    """Its text is none."""

    def __str__(self) -> str:
        return 17  # type: ignore[return-value]  # what the test is about


class OddError(Exception):
    """Whoever looks at it hears something else."""

    @property
    def code(self) -> str:
        raise ZeroDivisionError

    def __getattribute__(self, name: str) -> object:
        if name == "status":
            raise SystemError("not this one")
        return super().__getattribute__(name)


class Meta(type):
    """Classes that do not say what they are called."""

    def __getattribute__(cls, name: str) -> Any:
        if name in {"__qualname__", "__name__"}:
            raise ZeroDivisionError
        return super().__getattribute__(name)


def _raising(error: Callable[[], BaseException]) -> Callable[[], object]:
    def bomb() -> object:
        raise error()

    return bomb


def _deep() -> object:
    return _deep()


def _nested() -> BaseException:
    group: Exception = ValueError("innermost")
    for _ in range(50):
        group = ExceptionGroup("group", [group, UnspeakableError()])
    return group


def _chained() -> BaseException:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    return first


def _noted() -> BaseException:
    error = ValueError("with notes")
    error.__notes__ = [5, "\ud800"]  # type: ignore[list-item]  # what the test is about
    return error


BOMBS: dict[str, Callable[[], object]] = {
    "plain": _raising(lambda: ValueError("on request")),
    "exit": _raising(lambda: SystemExit(0)),
    "cancel": _raising(asyncio.CancelledError),
    "generator exit": _raising(GeneratorExit),
    "interrupt": _raising(KeyboardInterrupt),
    "base": _raising(lambda: BaseException("base")),
    "stop iteration": _raising(StopIteration),
    "memory": _raising(MemoryError),
    "unspeakable": _raising(UnspeakableError),
    "no text": _raising(NoTextError),
    "odd": _raising(OddError),
    "surrogates": _raising(lambda: ValueError("\ud800\udfff")),
    "long": _raising(lambda: ValueError("x" * 2_000_000)),
    "nested": _raising(_nested),
    "chained": _raising(_chained),
    "noted": _raising(_noted),
    "transient": _raising(lambda: TransientError("\udcff")),
    "name": _raising(type("N" * 3000, (Exception,), {"__module__": 5})),
    "metaclass": _raising(Meta("M", (Exception,), {})),
    "recursion": _deep,
    "number": lambda: 17,
    "object": object,
    "list": lambda: [None, 3],
    "endless": lambda: iter(int, 1),
    "invalid": lambda: Tallied.model_construct(entity=5, total="x"),  # type: ignore[arg-type, call-arg]  # what it is about
    "decision": lambda: Decision(None, commands=5, events="ab"),  # type: ignore[arg-type]  # as above
    "large acted": lambda: Acted(entity="x" * 2 * _LIMIT, number=0, attempt=1),
    "large reply": lambda: Reply(entity="e", text="x" * 2 * _LIMIT),
    "large tallied": lambda: Reduction(Tally(), intents=[Tallied(entity="x" * 2 * _LIMIT, total=1, count=1)]),
    "large rang": lambda: Decision(None, completion=Rang(entity="x" * 2 * _LIMIT, number=0)),
    "timer junk": lambda: Decision(None, timers=[3, None]),  # type: ignore[list-item]  # as above
    "timer name": lambda: Decision(None, timers=[SetTimer("\ud800", 1.0)]),
    "timer text": lambda: Decision(None, timers=[SetTimer("x", "soon")]),  # type: ignore[arg-type]  # as above
    **{
        f"timer {after}": lambda after=after: Decision(None, timers=[SetTimer("x", after)])  # type: ignore[misc]
        for after in (float("inf"), float("nan"), 1e17, -1e17, 1e308, 10**400)
    },
}
LATE = {"memory", "transient"}
"""What is tried again first."""


class Trap:
    """Lets handlers do what is planned for the entity of a message."""

    def __init__(self) -> None:
        self.plan: dict[str, str] = {}

    def sync(self, original: Any, output: Callable[[Any, Any], Any] = lambda _, result: result) -> Any:
        @wraps(original)
        def handle(node: Any, *given: Any) -> Any:
            event = given[-2] if len(given) > 1 else given[0]
            bomb = self.plan.get(getattr(event, "entity", ""))
            return BOMBS[bomb]() if bomb else output(event, original(node, *given))

        return handle

    def effect(self, original: Any) -> Any:
        @wraps(original)
        async def act(node: Any, command: Act, context: Context) -> Any:
            bomb = self.plan.get(command.entity)
            return BOMBS[bomb]() if bomb else await original(node, command, context)

        return act


def _with_an_output(event: object, decision: Decision[Message]) -> Decision[Message]:
    """Every alarm that is set shows in an output immediately."""
    if not isinstance(event, SetAlarm):
        return decision
    return Decision(decision.state, timers=decision.timers, completion=Rang(entity=event.entity, number=0))


def _node(name: str, *, fenced: bool) -> ResolvedNode:
    node = resolve_node(NODES / name / "v1_0_0")
    contract = node.contract
    if contract.node_type is not EnumNodeKind.EFFECT:
        return node
    letters = contract.error_handling.dead_letter.model_copy(update={"order_fence": fenced})
    changes = {
        "delivery": contract.delivery.model_copy(update={"keep_answers": 3600.0}),
        "error_handling": contract.error_handling.model_copy(update={"dead_letter": letters}),
    }
    return replace(node, contract=contract.model_copy(update=changes))


class HostileWorld:
    """All four kinds, with their real log configuration; the effect keeps its answers.

    ``fenced``: and the keys of the effect wait for their dead letters.
    """

    def __init__(self, *, fenced: bool = False) -> None:
        self.mesh = MeshDriver([_node(name, fenced=fenced) for name in _NODES])
        for target in TARGETS.values():
            self.mesh.bus.admin.alter(target.output_topic, {"max.message.bytes": str(_LIMIT)})
        self.broker = self.mesh.broker
        assert isinstance(self.broker, MemoryBroker)
        self.mesh.advance("31s")  # by then agents know the limits

    def entity(self) -> str:
        """A new one, in all worlds: they share ``TRAP``."""
        return f"entity-{next(_NUMBERS)}"

    def append(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        *,
        timestamp: int | None = None,
        readable: bool = True,
        partition: int = 0,
    ) -> None:
        """Put a record into a topic as it comes from a sender that keeps to no rule."""
        log = self.broker.logs[Partition(topic, partition)]
        made = MemoryRecord if readable else UnreadableRecord
        at = self.mesh.clock.now_ms() if timestamp is None else timestamp
        log.records.append(made(topic, partition, len(log.records), key, value, tuple(headers), at))  # type: ignore[arg-type]

    def ends(self) -> dict[Partition, int]:
        """How far all partitions reach."""
        return {partition: len(log.records) for partition, log in self.broker.logs.items()}

    def since(self, ends: dict[Partition, int], category: str) -> list[ProtocolRecord]:
        """Committed records behind such ends, of topics whose names begin so."""
        found: list[ProtocolRecord] = []
        for partition, log in self.broker.logs.items():
            if partition.topic.startswith(category):
                found += log.visible(ends.get(partition, 0), len(log.records))[0]
        return found

    def close(self) -> None:
        """Stop everything."""
        self.mesh.close()


TRAP = Trap()
_PATCHES = (
    (NodeUnrulyCompute, "compute", TRAP.sync(NodeUnrulyCompute.compute)),
    (NodeTallyReducer, "reduce", TRAP.sync(NodeTallyReducer.reduce)),
    (NodeAlarmOrchestrator, "decide", TRAP.sync(NodeAlarmOrchestrator.decide, _with_an_output)),
    (NodeUnrulyEffect, "act", TRAP.effect(NodeUnrulyEffect.act)),
)


@contextmanager
def hostile() -> Iterator[io.StringIO]:
    """Handlers that do what ``TRAP`` plans, and an agent's log configuration and handling of SIGINT.

    The log lines go into the buffer.
    """
    before, handler, stderr = structlog.get_config(), signal.getsignal(signal.SIGINT), sys.stderr
    lines = io.StringIO()
    sys.stderr = lines
    signal.signal(signal.SIGINT, _interrupted)
    with ExitStack() as stack:
        for patched in _PATCHES:
            stack.enter_context(patch.object(*patched))
        stack.enter_context(asked_once())
        try:
            configure_logs(Settings(log_format="json"), node="n", instance="i")
            yield lines
        finally:
            sys.stderr = stderr
            signal.signal(signal.SIGINT, handler)
            structlog.configure(**before)


def _interrupted(_: int, __: object) -> None:
    os._exit(130)
