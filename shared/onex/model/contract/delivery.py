"""Promises about delivery and what happens when a message fails."""

from pydantic import Field, model_validator

from onex.model.contract.base import ContractPart
from onex.model.contract.identifiers import DottedName
from onex.model.duration import Duration
from onex.model.enums import EnumBackoff, EnumGuarantee, EnumHost, EnumOrdering


class ModelDelivery(ContractPart):
    """How messages reach the handler and how their outcome is committed."""

    guarantee: EnumGuarantee = EnumGuarantee.EXACTLY_ONCE
    """``exactly_once``: offsets, outputs and state commit in one Kafka transaction."""
    host: EnumHost = EnumHost.NATIVE
    """``faust``: a faust-streaming agent reads the topics. It holds ``guarantee: at_least_once`` and no more."""
    ordering: EnumOrdering = EnumOrdering.KEY
    """Effects only; pure kinds always run in partition order."""
    concurrency: int = Field(default=32, ge=1, le=10_000)
    """Effects only: messages in work at once, over all partitions of an instance."""
    timeout: Duration | None = None
    """Seconds one call of the handler may take. None: 30 for an EFFECT, 5 for pure kinds, whose call is part of a
    transaction and may take half of ``ONEX_TRANSACTION_TIMEOUT_MS`` at most."""
    standby: bool = False
    """REDUCER, ORCHESTRATOR: every instance follows the state of the partitions that the others hold, so that one
    that takes over is ready at once. Costs each instance the disk and the writing of the whole state."""
    keep_answers: Duration | None = Field(default=None, gt=0)
    """EFFECT: for how long an answer is kept. The same idempotency key again gets it, and the handler does not
    run. For effects without a database; those with one have ``onex.postgres.Inbox``."""
    batch_size: int = Field(default=2000, ge=1, le=50_000)
    """Records taken from Kafka at once, and at most that many in one transaction of a pure node."""

    @model_validator(mode="after")
    def _host_can_hold_it(self) -> "ModelDelivery":
        if self.host is EnumHost.FAUST and self.guarantee is not EnumGuarantee.AT_LEAST_ONCE:
            raise ValueError("host: faust cannot hold exactly_once; write guarantee: at_least_once, or host: native")
        return self


class ModelRetryPolicy(ContractPart):
    """Retry of transient failures: the key is parked, other keys go on.

    A message waits in memory for ``in_memory`` seconds at most. Then it moves to the node's retry topic, and
    with ``ordering: key`` later messages of its key queue behind it there.
    """

    max_attempts: int = Field(default=5, ge=1, le=100)
    """The first one included."""
    base_delay: Duration = 0.2
    """Before the second attempt."""
    max_delay: Duration = 30.0
    """No delay grows beyond it, jitter aside."""
    backoff: EnumBackoff = EnumBackoff.EXPONENTIAL
    """How the delay grows."""
    multiplier: float = Field(default=2.0, ge=1.0, le=10.0)
    """Exponential backoff: by how much each delay is longer than the one before."""
    jitter: float = Field(default=0.2, ge=0.0, le=1.0)
    """Share of the delay added at random."""
    in_memory: Duration = 10.0
    """Seconds that a message waits in memory, over all its delays; beyond, it moves to the retry topic."""
    max_elapsed: Duration | None = None
    """Seconds after the first failure from which no attempt begins any more. None: only attempts are counted."""
    retryable_error_codes: tuple[str, ...] = ()
    """Codes (``code``, ``sqlstate``, ``status``, ``status_code`` or ``errno`` of an exception) that count as
    transient."""
    retryable_exceptions: tuple[DottedName, ...] = ()
    """Dotted names of exception classes that count as transient beside the built-in ones."""

    @model_validator(mode="after")
    def _delays_are_ordered(self) -> "ModelRetryPolicy":
        if self.max_delay < self.base_delay:
            raise ValueError("max_delay is below base_delay")
        return self


class ModelDeadLetters(ContractPart):
    """What becomes of messages that cannot be carried."""

    retention: Duration = 30 * 86_400.0
    """How long dead letters are kept."""
    alert_threshold: int = Field(default=100, ge=1)
    """More of them in a day raise an alert, and open ones beyond it are marked by ``onex dlq stats``."""
    park_after: int = Field(default=3, ge=1, le=100)
    """Replays after which a letter is put aside instead of being replayed again."""
    order_fence: bool = False
    """EFFECT in key order: later messages of a key wait until its dead letter is replayed with success or dropped."""


class ModelErrorHandling(ContractPart):
    """Failure policy of a node."""

    retry_policy: ModelRetryPolicy = ModelRetryPolicy()
    """How transient failures are tried again."""
    dead_letter: ModelDeadLetters = ModelDeadLetters()
    """How long dead letters are kept, and when somebody must look."""
