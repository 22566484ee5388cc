"""All errors of the mesh, in one tree.

OnexError
├── ConfigurationError        settings or environment are invalid
├── ContractError             contracts are invalid; it has every problem
├── NodeUseError              a node class is used in a way that its kind forbids
│   └── CompositionError      capabilities do not fit together, or do not fit the node
├── BusError                  the bus refused or failed
│   ├── BusUnavailableError   no broker answers; a later attempt may succeed
│   │   └── SchemaPendingError an unknown schema is being looked up; decode the record again later
│   ├── MissingTopicError     a topic does not exist; ``onex apply`` creates it
│   ├── MessageTooLargeError  a record exceeds the limit of the topic or the client
│   ├── NotAuthorizedError    the broker denies access
│   ├── FencedError           another instance uses the transactional id
│   ├── TransactionTimedOutError  a transaction took too long; its producer must be replaced
│   └── TransactionAbortedError  the transaction cannot commit; abort it and run the batch again
│       └── UnreadableStateError  the stored state of a key cannot be decoded; its messages wait
├── ProvisioningError         topics or schemas cannot be changed to their declaration
├── MessageError              a message cannot be processed; it becomes a dead letter
│   ├── PoisonError           bytes that cannot be decoded
│   ├── SchemaMismatchError   unknown or incompatible schema
│   ├── RejectedError         refused content; raise it from a handler to refuse a message
│   │   ├── AccessDeniedError the sender is unknown, or not allowed to send the message
│   │   └── DeadlineError     no caller waits for the reply any more
│   ├── NotImplementedNodeError  the logic of a handler is not written yet
│   ├── WrongOutputError      a handler returned a result that its contract does not declare
│   └── ProcessEndedError     the process ended repeatedly while it handled the message
├── StateStoreError           keyed state on this machine cannot be read or written, e.g. a full disk
├── TransientError            an external system failed; raise it from an effect, and the message is retried
│   ├── NotNowError           nothing was tried, because it is too early; no attempt is counted
│   │   ├── OutageError       a database or another service is not available; the message waits
│   │   ├── CircuitOpenError  a dependency is not called, because it failed too often
│   │   └── RateLimitedError  too many calls in a period
│   ├── BulkheadFullError     too many concurrent calls of a dependency
│   └── CallTimeoutError      a call of a dependency exceeded its time limit
└── HandlerTimeoutError       a handler call exceeded ``delivery.timeout``
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "AccessDeniedError",
    "BulkheadFullError",
    "BusError",
    "BusUnavailableError",
    "CallTimeoutError",
    "CircuitOpenError",
    "CompositionError",
    "ConfigurationError",
    "ContractError",
    "ContractProblem",
    "DeadlineError",
    "FencedError",
    "HandlerTimeoutError",
    "MessageError",
    "MessageTooLargeError",
    "MissingTopicError",
    "NodeUseError",
    "NotAuthorizedError",
    "NotImplementedNodeError",
    "NotNowError",
    "OnexError",
    "OutageError",
    "PoisonError",
    "ProcessEndedError",
    "ProvisioningError",
    "RateLimitedError",
    "RejectedError",
    "SchemaMismatchError",
    "SchemaPendingError",
    "StateStoreError",
    "TransactionAbortedError",
    "TransactionTimedOutError",
    "TransientError",
    "UnreadableStateError",
    "WrongOutputError",
]


class OnexError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigurationError(OnexError):
    """Settings or environment are invalid. The text names the variable and the remedy."""


@dataclass(frozen=True, slots=True)
class ContractProblem:
    """A problem of a contract, with its place and its remedy."""

    file: Path
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}; {self.remedy}"


class ContractError(OnexError):
    """All problems of the contracts that were read."""

    def __init__(self, problems: Sequence[ContractProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NodeUseError(OnexError):
    """A node class is defined or used in a way that its kind forbids."""


class CompositionError(NodeUseError):
    """Capabilities do not fit together, or do not fit this node. The text names the chain and the remedy."""


class BusError(OnexError):
    """The bus refused or failed."""


class BusUnavailableError(BusError):
    """No broker answers in time. A later attempt may succeed."""


class SchemaPendingError(BusUnavailableError):
    """The schema of a new id is being looked up. Decode the record again later."""


class MissingTopicError(BusError):
    """A topic does not exist, or access is denied. ``onex apply`` creates declared topics."""


class MessageTooLargeError(BusError):
    """A record exceeds the limit of the client or of the topic."""


class NotAuthorizedError(BusError):
    """The broker denies access to a topic, group or transactional id."""


class FencedError(BusError):
    """Another instance uses the transactional id. This instance can write nothing more."""


class TransactionTimedOutError(BusError):
    """The broker aborted a transaction that was open for longer than its timeout. Replace its producer."""


class TransactionAbortedError(BusError):
    """The open transaction cannot commit. Abort it, rewind, and run the batch again."""


class UnreadableStateError(TransactionAbortedError):
    """The stored state of a key cannot be decoded. Its messages wait, because none of them is the cause."""


class StateStoreError(OnexError):
    """Keyed state on this machine cannot be read or written. Nothing is lost: the changelog has the state."""


class ProvisioningError(OnexError):
    """Topics or schemas cannot be changed to their declaration without breaking readers or losing data."""


class MessageError(OnexError):
    """A message cannot be processed. It becomes a dead letter."""


class PoisonError(MessageError):
    """The bytes of a record cannot be decoded."""


class SchemaMismatchError(MessageError):
    """The schema of the writer is unknown, or cannot be resolved with the schema of the reader."""


class RejectedError(MessageError):
    """The content of a message is refused. Handlers raise it to refuse a message for good."""


class AccessDeniedError(RejectedError):
    """The sender of a message is unknown, or is not allowed to send it."""


class DeadlineError(RejectedError):
    """The deadline of a message has passed: no caller waits for its reply."""


class NotImplementedNodeError(MessageError):
    """The logic of a handler is not written yet. Generated handlers raise it where their contract states no logic."""


class WrongOutputError(MessageError):
    """A handler returned a result that its contract does not declare."""


class ProcessEndedError(MessageError):
    """The process ended repeatedly while it handled the message, and an operator has skipped the message."""


class TransientError(OnexError):
    """An external system failed in a way that may pass. Effects raise it, and the message is retried."""


class NotNowError(TransientError):
    """Nothing was tried, because it is too early. The message waits, and no attempt is counted."""

    def __init__(self, words: str, retry_after: float, *, for_all: bool) -> None:
        super().__init__(words)
        self.retry_after = retry_after
        """Seconds until the next attempt."""
        self.for_all = for_all
        """Whether it applies to all messages. False: to messages with the same key."""


class OutageError(NotNowError):
    """A database or another service is not available. Effects raise it: the message waits, without an attempt."""

    def __init__(self, words: str, retry_after: float = 1.0, *, for_all: bool = False, dependency: str = "") -> None:
        super().__init__(words, retry_after, for_all=for_all)
        self.dependency = dependency
        """Name of the health check of what is not available, such as ``database``. Empty without one."""


class CircuitOpenError(NotNowError):
    """A dependency is not called, because its circuit is open after too many failures."""

    def __init__(self, dependency: str, retry_after: float) -> None:
        words = f"the circuit of {dependency} is open for another {retry_after:.3g} s"
        super().__init__(words, retry_after, for_all=True)
        self.dependency = dependency


class RateLimitedError(NotNowError):
    """The rate limit is exceeded, for one key or for all."""

    def __init__(self, key: str, retry_after: float) -> None:
        whose = f" of {key!r}" if key else ""
        super().__init__(f"too many calls{whose}; the next one in {retry_after:.3g} s", retry_after, for_all=not key)
        self.key = key


class BulkheadFullError(TransientError):
    """Too many calls of a dependency are in progress, and the queue is full or its time limit has passed."""


class CallTimeoutError(TransientError):
    """A call of a dependency exceeded its time limit. It was cancelled and has cleaned up."""


class HandlerTimeoutError(OnexError):
    """A handler call exceeded ``delivery.timeout``."""
