"""Closed vocabularies of the mesh."""

from enum import StrEnum


class EnumNodeKind(StrEnum):
    """The four ONEX node kinds; what each may do is fixed by its kind."""

    COMPUTE = "COMPUTE"
    EFFECT = "EFFECT"
    REDUCER = "REDUCER"
    ORCHESTRATOR = "ORCHESTRATOR"

    @property
    def is_stateful(self) -> bool:
        """Whether the engine keeps one value per key for nodes of this kind."""
        return self in (EnumNodeKind.REDUCER, EnumNodeKind.ORCHESTRATOR)


class EnumTopicCategory(StrEnum):
    """Second segment of a topic name."""

    CMD = "cmd"
    EVT = "evt"
    INTENT = "intent"
    SNAPSHOT = "snapshot"
    DLQ = "dlq"
    RETRY = "retry"


class EnumFailureClass(StrEnum):
    """Why a message could not be carried through; decided once, where it fails."""

    POISON = "poison"
    """The bytes cannot be read at all."""
    SCHEMA = "schema"
    """The schema id is unknown, or the writer's schema cannot be resolved with ours."""
    REJECTED = "rejected"
    """The content is readable but refused: validation, unknown type, guard."""
    TRANSIENT = "transient"
    """The outside world failed; attempts are used up."""
    TIMEOUT = "timeout"
    """The handler did not come back in time; attempts are used up."""
    BUG = "bug"
    """The handler raised something unexpected or returned the wrong type."""
    CRASH = "crash"
    """The process ended again and again while it handled the message, and an operator has skipped it."""


class EnumStage(StrEnum):
    """Where in the pipeline a message failed."""

    DECODE = "decode"
    VALIDATE = "validate"
    HANDLER = "handler"
    ENCODE = "encode"


class EnumLayerStage(StrEnum):
    """Where a capability that surrounds handlers stands, from the outside in. Fixed by the capability, never by the
    order of base classes."""

    OBSERVE = "observe"
    """Sees every call and its outcome, also of those that are refused."""
    GUARD = "guard"
    """Decides whether a call may happen."""
    DATA = "data"
    """Supplies or keeps data around a call."""
    RESILIENCE = "resilience"
    """Bounds, repeats or withholds the call itself."""


class EnumCapabilityCategory(StrEnum):
    """The shelves of the catalogue."""

    SERVICE = "service"
    OPERATIONS = "operations"
    COMMUNICATION = "communication"
    DATA = "data"
    FLOW_CONTROL = "flow_control"
    SECURITY = "security"
    KAFKA = "kafka"


class EnumGuarantee(StrEnum):
    """Delivery guarantee a contract asks for."""

    EXACTLY_ONCE = "exactly_once"
    AT_LEAST_ONCE = "at_least_once"


class EnumHost(StrEnum):
    """What moves records between Kafka and the engine of a node."""

    NATIVE = "native"
    FAUST = "faust"


class EnumOrdering(StrEnum):
    """Which messages of an effect may run at the same time."""

    KEY = "key"
    PARTITION = "partition"
    NONE = "none"


class EnumBackoff(StrEnum):
    """How the delay between attempts grows."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


class EnumErrorAction(StrEnum):
    """What a workflow does when a step has failed for good."""

    STOP = "stop"
    """The run fails; nothing is undone."""
    CONTINUE = "continue"
    """The step is skipped."""
    RETRY = "retry"
    """Tried again as ``retry`` says, then as ``compensate``."""
    COMPENSATE = "compensate"
    """The run fails; what was done is undone in reverse order."""
