"""The four node kinds. COMPUTE, REDUCER and ORCHESTRATOR are pure; EFFECT reaches outside systems."""

from typing import ClassVar, Generic, TypeVar

from onex.model.enums import EnumNodeKind
from onex.model.message import Message
from onex.node.base import Node
from onex.node.outbox import ProtocolOutbox

Request = TypeVar("Request", bound=Message)
Result = TypeVar("Result", bound=Message)
State = TypeVar("State", bound=Message)
Command = TypeVar("Command", bound=Message)
Completion = TypeVar("Completion", bound=Message)


class NodeCompute(Node, Generic[Request, Result]):
    """A pure function of one message.

    Write ``def compute(self, request: Request) -> Result``. It may return one message, a list or
    tuple of messages, or None. It does no I/O and has no state.
    """

    kind: ClassVar[EnumNodeKind] = EnumNodeKind.COMPUTE


class NodeEffect(Node):
    """Access to outside systems. Handlers are ``async def name(self, command, context) -> event(s)``.

    They run on one asyncio loop, in key order, up to ``delivery.concurrency`` concurrently. Raise
    TransientError for a retry and RejectedError to refuse the message for good.
    """

    kind: ClassVar[EnumNodeKind] = EnumNodeKind.EFFECT
    outbox: ProtocolOutbox | None = None
    """Set it in ``start``: the agent publishes the events that handlers write to it, each exactly once."""

    async def start(self) -> None:
        """Open the connections of the handlers. The agent retries after a TransientError until this succeeds."""

    async def stop(self) -> None:
        """Close what ``start`` opened; safe when ``start`` failed or never ran."""


class NodeReducer(Node, Generic[State]):
    """One value per key: ``def reduce(self, state: State | None, event, context) -> Reduction[State]``.

    Pure. With ``state_machine`` in the contract, ``reduce`` runs only for declared transitions and
    the engine sets the field that holds the FSM state.
    """

    kind: ClassVar[EnumNodeKind] = EnumNodeKind.REDUCER


class NodeOrchestrator(Node, Generic[Command, Completion]):
    """Sends commands to other nodes and decides from their replies. It does no work itself.

    Either a declared workflow (``workflow_coordination`` and one method per step, see
    :class:`onex.node.Run`) or code: ``def decide(self, state, event, context) -> Decision[State]``, for which the
    contract may have a ``state_machine``.
    """

    kind: ClassVar[EnumNodeKind] = EnumNodeKind.ORCHESTRATOR
