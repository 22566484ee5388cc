"""All errors of the mesh, in one tree.

OnexError
├── ConfigurationError        settings or environment are wrong
├── ContractError             a contract is wrong; carries every problem found
├── NodeUseError              a node class is used in a way its kind forbids
│   └── CompositionError      capabilities that do not fit together, or not this node
├── BusError                  the bus refused or failed
│   ├── BusUnavailableError   no broker answers; trying again may help
│   │   └── SchemaPendingError an unknown schema is being looked up; decode the record again later
│   ├── MissingTopicError     a topic does not exist; ``onex apply`` creates it
│   ├── MessageTooLargeError  the record exceeds the topic's or client's limit
│   ├── NotAuthorizedError    the broker denies access
│   ├── FencedError           another instance owns the transactional id
│   ├── TransactionTimedOutError  the transaction took too long; clients must be made anew
│   └── TransactionAbortedError  the transaction cannot commit; abort and run the batch again
│       └── UnreadableStateError  the stored state of a key cannot be decoded; its partition waits
├── ProvisioningError         topics or schemas cannot be brought to the declared state
├── MessageError              one message cannot be carried; becomes a dead letter
│   ├── PoisonError           bytes that cannot be read
│   ├── SchemaMismatchError   unknown or unresolvable schema
│   ├── RejectedError         refused content; raise it from a handler to refuse a message
│   │   ├── AccessDeniedError who sent it is not known, or may not do it
│   │   └── DeadlineError     nobody waits for its answer any more
│   ├── WrongOutputError      a handler returned something its contract does not name
│   └── ProcessEndedError     the process ended again and again while it handled the message
├── StateStoreError           keyed state on this machine cannot be read or written: a full disk
├── TransientError            the outside world failed; raise it from an effect to be retried
│   ├── NotNowError           nothing was tried, because it is too early; no attempt is counted
│   │   ├── OutageError       a database or another service is away; the message waits until it is back
│   │   ├── CircuitOpenError  a dependency is not asked, because it failed too often
│   │   └── RateLimitedError  there have been too many calls lately
│   ├── BulkheadFullError     too many calls of a dependency are under way
│   └── CallTimeoutError      a call of a dependency took too long
└── HandlerTimeoutError       a handler took longer than ``delivery.timeout``
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
    """Settings or environment are wrong; the text names the variable and the remedy."""


@dataclass(frozen=True, slots=True)
class ContractProblem:
    """One thing wrong in one contract, with the place and the remedy."""

    file: Path
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}; {self.remedy}"


class ContractError(OnexError):
    """Every problem found in the contracts that were read, at once."""

    def __init__(self, problems: Sequence[ContractProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NodeUseError(OnexError):
    """A node class is defined or used in a way that its kind forbids."""


class CompositionError(NodeUseError):
    """Capabilities that do not fit together, or not this node; the text names the chain and the remedy."""


class BusError(OnexError):
    """The bus refused or failed."""


class BusUnavailableError(BusError):
    """No broker answers, or not in time. Trying again may help."""


class SchemaPendingError(BusUnavailableError):
    """A schema id that was not seen before is being looked up. Decode the record again a moment later."""


class MissingTopicError(BusError):
    """A topic does not exist (or may not be seen); ``onex apply`` creates declared topics."""


class MessageTooLargeError(BusError):
    """A record exceeds what the client or the topic accepts."""


class NotAuthorizedError(BusError):
    """The broker denies access to a topic, group or transactional id."""


class FencedError(BusError):
    """Another instance took over this transactional id; this one writes nothing any more."""


class TransactionTimedOutError(BusError):
    """The transaction was open for longer than its timeout: the broker aborted it; its producer must be replaced."""


class TransactionAbortedError(BusError):
    """The open transaction cannot commit: abort it, rewind and run the batch again."""


class UnreadableStateError(TransactionAbortedError):
    """The stored state of a key cannot be decoded. Its messages wait: none of them is the cause."""


class StateStoreError(OnexError):
    """Keyed state on this machine cannot be read or written. Nothing is lost: the changelog holds it all."""


class ProvisioningError(OnexError):
    """Topics or schemas cannot be brought to the declared state without breaking something."""


class MessageError(OnexError):
    """One message cannot be carried through; it becomes a dead letter."""


class PoisonError(MessageError):
    """Bytes that cannot be read at all."""


class SchemaMismatchError(MessageError):
    """The writer's schema is unknown, or cannot be resolved with the reader's."""


class RejectedError(MessageError):
    """Readable content that is refused. Handlers raise it to refuse a message for good."""


class AccessDeniedError(RejectedError):
    """Who sent a message is not known, or may not do what it asks for."""


class DeadlineError(RejectedError):
    """The deadline of a message has passed: nobody waits for its answer any more."""


class WrongOutputError(MessageError):
    """A handler returned something that its contract does not name."""


class ProcessEndedError(MessageError):
    """The process ended again and again while it handled the message, and an operator has skipped it."""


class TransientError(OnexError):
    """The outside world failed in a way that may pass. Effects raise it to be retried."""


class NotNowError(TransientError):
    """Nothing was tried, because it is too early. Effects keep the message until it is time, and count no attempt."""

    def __init__(self, words: str, retry_after: float, *, for_all: bool) -> None:
        super().__init__(words)
        self.retry_after = retry_after
        """Seconds until trying makes sense."""
        self.for_all = for_all
        """Whether every other message would hear the same; else it is about the key of this one."""


class OutageError(NotNowError):
    """A database or another service is away. Effects raise it: the message waits, and no attempt is counted."""

    def __init__(self, words: str, retry_after: float = 1.0, *, for_all: bool = False) -> None:
        super().__init__(words, retry_after, for_all=for_all)


class CircuitOpenError(NotNowError):
    """A dependency is not asked, because it failed too often."""

    def __init__(self, dependency: str, retry_after: float) -> None:
        words = f"the circuit of {dependency} is open for another {retry_after:.3g} s"
        super().__init__(words, retry_after, for_all=True)
        self.dependency = dependency


class RateLimitedError(NotNowError):
    """There have been too many calls lately; of one key, or of all."""

    def __init__(self, key: str, retry_after: float) -> None:
        whose = f" of {key!r}" if key else ""
        super().__init__(f"too many calls{whose}; the next one in {retry_after:.3g} s", retry_after, for_all=not key)
        self.key = key


class BulkheadFullError(TransientError):
    """Too many calls of a dependency are under way, and those that wait are too many or have waited too long."""


class CallTimeoutError(TransientError):
    """A call of a dependency took longer than its limit; it was cancelled and has cleaned up."""


class HandlerTimeoutError(OnexError):
    """A handler took longer than ``delivery.timeout``."""
