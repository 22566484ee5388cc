"""The class of a failure. Each failure is classified once, where it happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib import import_module

import structlog
from pydantic import ValidationError

from onex.agent.failure.cause import cause_of
from onex.errors import (
    BusUnavailableError,
    ConfigurationError,
    HandlerTimeoutError,
    MessageTooLargeError,
    NotImplementedNodeError,
    OutageError,
    PoisonError,
    ProcessEndedError,
    RejectedError,
    SchemaMismatchError,
    TransientError,
    UnreadableStateError,
    WrongOutputError,
)
from onex.model.enums import EnumFailureClass, EnumStage
from onex.util.error_codes import error_codes
from onex.util.error_text import text_of

log = structlog.get_logger(__name__)
_TRANSIENT = (TransientError, ConnectionError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one message has no outputs."""

    kind: EnumFailureClass
    stage: EnumStage
    error: BaseException
    attempts: int = 1
    first_failed_ms: int = 0
    last_failed_ms: int = 0

    @property
    def fingerprint(self) -> str:
        """Return twelve hex digits, equal for failures with the same cause: see :mod:`onex.agent.failure.cause`."""
        try:
            cause = cause_of(self.error)
        except BaseException as broken:  # noqa: BLE001 - code of the exception's author runs here
            cause = f"{type(self.error).__qualname__}|{type(broken).__qualname__}"
        text = f"{self.kind}|{self.stage}|{cause}"
        return blake2b(text.encode(errors="backslashreplace"), digest_size=6).hexdigest()


class Classifier:
    """Knows the built-in transient errors, and the exceptions and error codes that a contract names."""

    def __init__(self, retryable: Sequence[str] = (), codes: Sequence[str] = ()) -> None:
        self._transient: tuple[type[BaseException], ...] = (*_TRANSIENT, *(_exception(name) for name in retryable))
        self._codes = frozenset(codes)

    def classify(self, error: BaseException) -> EnumFailureClass:
        """Return the class of an exception that decoding, a handler or encoding has raised.

        An exception whose attributes cannot be read is a bug.
        """
        try:
            return self._classify(error)
        except Exception as broken:  # noqa: BLE001 - code of the exception's author runs here
            log.warning("an exception cannot be classified", type=type(error).__name__, error=text_of(broken))
            return EnumFailureClass.BUG

    def _classify(self, error: BaseException) -> EnumFailureClass:
        match error:
            case PoisonError():
                return EnumFailureClass.POISON
            case SchemaMismatchError():
                return EnumFailureClass.SCHEMA
            case RejectedError() | MessageTooLargeError():
                return EnumFailureClass.REJECTED
            case NotImplementedNodeError():
                return EnumFailureClass.UNFINISHED
            case HandlerTimeoutError():
                return EnumFailureClass.TIMEOUT
            case ProcessEndedError():
                return EnumFailureClass.CRASH
            case WrongOutputError() | ValidationError():
                return EnumFailureClass.BUG
        if (
            outage_of(error)
            or isinstance(error, self._transient)
            or (self._codes and any(str(code) in self._codes for code in error_codes(error)))
        ):
            return EnumFailureClass.TRANSIENT
        return EnumFailureClass.BUG


def outage_of(error: BaseException) -> OutageError | None:
    """Return the failure of a handler as an outage of the bus, the state or PostgreSQL; None for other failures."""
    match error:
        case OutageError():
            return error
        case BusUnavailableError() | UnreadableStateError():
            return OutageError(text_of(error))
    if not type(error).__module__.startswith("asyncpg"):
        return None
    from onex.postgres.passing import passing  # loaded already: the error is asyncpg's

    passing_error = passing(error)
    return passing_error if isinstance(passing_error, OutageError) else None


def stage_of(error: BaseException, reached: EnumStage) -> EnumStage:
    """Return the stage that is reported for a failure: bytes fail in ``decode``, their content in ``validate``."""
    if isinstance(error, ProcessEndedError):
        return EnumStage.HANDLER
    if reached is EnumStage.DECODE and isinstance(error, RejectedError):
        return EnumStage.VALIDATE
    return reached


def _exception(dotted: str) -> type[Exception]:
    module, _, name = dotted.rpartition(".")
    try:
        named = getattr(import_module(module or "builtins"), name)
    except (ImportError, AttributeError):
        named = None
    if not (isinstance(named, type) and issubclass(named, Exception)):
        raise ConfigurationError(f"retryable_exceptions: {dotted!r} is no exception class that can be imported")
    return named
