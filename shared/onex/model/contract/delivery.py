"""Delivery guarantees, and the treatment of failures."""

from pydantic import Field, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import DottedName
from onex.model.duration import Duration
from onex.model.enums import EnumBackoff, EnumGuarantee, EnumHost, EnumOrdering


class ModelDelivery(ContractPart):
    """How messages reach the handler, and how their outcome is committed."""

    guarantee: EnumGuarantee = EnumGuarantee.EXACTLY_ONCE
    """``exactly_once``: offsets, outputs and state commit in one Kafka transaction."""
    host: EnumHost = EnumHost.NATIVE
    """``faust``: a faust-streaming agent reads the topics. It supports ``guarantee: at_least_once`` only."""
    ordering: EnumOrdering = EnumOrdering.KEY
    """EFFECT only. Other kinds always run in partition order."""
    concurrency: int = Field(default=32, ge=1, le=10_000)
    """EFFECT only: concurrent handler calls over all partitions of an instance."""
    timeout: Duration | None = None
    """Longest time of one handler call. None: 30 s for an EFFECT, 5 s for other kinds. A call of the other kinds is
    part of a transaction, and may take half of ``ONEX_TRANSACTION_TIMEOUT_MS`` at most."""
    standby: bool = False
    """REDUCER, ORCHESTRATOR: every instance copies the state of partitions that are assigned to others, so that it
    can take over without a restore. Each instance writes the whole state to its disk."""
    keep_answers: Duration | None = Field(default=None, gt=0)
    """EFFECT: how long idempotent results are stored. A message with the same idempotency key gets the stored result,
    and the handler does not run. For effects without a database; others use ``onex.postgres.Inbox``."""
    batch_size: int = Field(default=2000, ge=1, le=50_000)
    """Largest number of records in one poll, and in one transaction of a COMPUTE, REDUCER or ORCHESTRATOR."""

    @model_validator(mode="after")
    def _host_can_hold_it(self) -> "ModelDelivery":
        if self.host is EnumHost.FAUST and self.guarantee is not EnumGuarantee.AT_LEAST_ONCE:
            raise ValueError(
                "host: faust does not support exactly_once; write guarantee: at_least_once, or host: native"
            )
        return self


class ModelRetryPolicy(ContractPart):
    """Retry of transient failures. The key of the message is parked; other keys continue.

    A message waits in memory for ``in_memory`` at most. Then it moves to the node's retry topic. With
    ``ordering: key``, later messages of its key wait behind it.
    """

    max_attempts: int = Field(default=5, ge=1, le=100)
    """Number of attempts, including the first."""
    base_delay: Duration = 0.2
    """Delay before the second attempt."""
    max_delay: Duration = 30.0
    """Longest delay, without jitter."""
    backoff: EnumBackoff = EnumBackoff.EXPONENTIAL
    """How the delays grow."""
    multiplier: float = Field(default=2.0, ge=1.0, le=10.0)
    """Exponential backoff: factor between one delay and the next."""
    jitter: float = Field(default=0.2, ge=0.0, le=1.0)
    """Random part that is added to each delay, as a share of it."""
    in_memory: Duration = 10.0
    """Total time that a message waits in memory. After it, the message moves to the retry topic."""
    max_elapsed: Duration | None = None
    """Time after the first failure from which no new attempt begins. None: only attempts are counted."""
    retryable_error_codes: tuple[str, ...] = ()
    """Codes (``code``, ``sqlstate``, ``status``, ``status_code`` or ``errno`` of an exception or of its ``response``)
    that count as transient."""
    retryable_exceptions: tuple[DottedName, ...] = ()
    """Dotted names of exception classes that count as transient, in addition to the built-in ones."""

    @model_validator(mode="after")
    def _delays_are_ordered(self) -> "ModelRetryPolicy":
        if self.max_delay < self.base_delay:
            raise ValueError("max_delay is below base_delay")
        return self


class ModelDeadLetters(ContractPart):
    """Treatment of dead letters."""

    retention: Duration = 30 * 86_400.0
    """Retention of the dead-letter topic."""
    alert_threshold: int = Field(default=100, ge=1)
    """More dead letters in a day raise an alert. ``onex dlq stats`` exits with 1 when more are open."""
    park_after: int = Field(default=3, ge=1, le=100)
    """Replays after which a dead letter is parked instead of replayed."""
    order_fence: bool = False
    """EFFECT in key order: later messages of a key wait until its dead letter is replayed with success or dropped."""


class ModelErrorHandling(ContractPart):
    """Failure policy of a node."""

    retry_policy: ModelRetryPolicy = ModelRetryPolicy()
    """Retries of transient failures."""
    dead_letter: ModelDeadLetters = ModelDeadLetters()
    """Retention, alerts and replays of dead letters."""
