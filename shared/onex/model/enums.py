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
    """The bytes cannot be decoded."""
    SCHEMA = "schema"
    """The schema id is unknown, or the schema of the writer cannot be resolved with ours."""
    REJECTED = "rejected"
    """The content is refused: validation, unknown type, guard."""
    UNFINISHED = "unfinished"
    """The logic of the handler is not written yet."""
    TRANSIENT = "transient"
    """An external system failed, and all attempts are used up."""
    TIMEOUT = "timeout"
    """The handler exceeded its time limit, and all attempts are used up."""
    BUG = "bug"
    """The handler raised something unexpected or returned the wrong type."""
    CRASH = "crash"
    """The process ended repeatedly while it handled the message, and an operator has skipped the message."""


class EnumStage(StrEnum):
    """Where in the pipeline a message failed."""

    DECODE = "decode"
    VALIDATE = "validate"
    HANDLER = "handler"
    ENCODE = "encode"


class EnumLayerStage(StrEnum):
    """Position of a capability that surrounds handlers, from the outside in. The capability decides it, not the order
    of base classes."""

    OBSERVE = "observe"
    """Sees every call and its outcome, including refused calls."""
    GUARD = "guard"
    """Decides whether a call may happen."""
    DATA = "data"
    """Supplies or stores data around a call."""
    RESILIENCE = "resilience"
    """Limits, repeats or prevents the call itself."""


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
    """Delivery guarantee of a contract."""

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
    """The step is retried as ``retry`` declares, then as ``compensate``."""
    COMPENSATE = "compensate"
    """The run fails, and its completed steps are compensated in reverse order."""


class EnumAggregation(StrEnum):
    """How an event changes a field of a reducer's state."""

    COUNT = "count"
    """Adds one."""
    SUM = "sum"
    """Adds the field of the event."""
    MIN = "min"
    """The smallest value so far."""
    MAX = "max"
    """The largest value so far."""
    LAST = "last"
    """The value of the newest event."""


class EnumRows(StrEnum):
    """How many rows a statement returns."""

    NONE = "none"
    """None: the rows, if any, are ignored."""
    ONE = "one"
    """Exactly one. Another number rejects the message."""
    MANY = "many"
    """Any number."""


class EnumFileOperation(StrEnum):
    """What an I/O operation does with a file."""

    READ = "read"
    WRITE = "write"
    """Replaces the file, or creates it."""
    APPEND = "append"
    DELETE = "delete"
    """Deletes the file, if it exists."""


class EnumAfterOutage(StrEnum):
    """What becomes of the due times that passed while the scheduler was away."""

    RUN_ONCE = "run_once"
    """The latest of them is carried out, the others are skipped."""
    RUN_ALL = "run_all"
    """Each of them is carried out, the earliest first; at most the latest 100."""
    SKIP = "skip"
    """None of them is carried out, except one that is not later than ``late_after``."""
