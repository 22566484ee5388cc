"""The retry policy of a contract: whether a failed message is tried again, and after how many seconds."""

import random
from collections.abc import Callable

from onex.agent.failure.classify import Classifier
from onex.model.contract import ModelRetryPolicy
from onex.model.enums import EnumBackoff, EnumFailureClass
from onex.util.backoff import exponential, linear
from onex.wire.retry import Attempts

_RETRYABLE = (EnumFailureClass.TRANSIENT, EnumFailureClass.TIMEOUT)


class RetryPlan:
    """The contract's policy, compiled once."""

    def __init__(self, policy: ModelRetryPolicy, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._policy = policy
        self._uniform = uniform
        self._classifier = Classifier(policy.retryable_exceptions, policy.retryable_error_codes)

    def classify(self, error: BaseException) -> EnumFailureClass:
        """Return the failure class of an exception, as :class:`Classifier` does."""
        return self._classifier.classify(error)

    def is_transient(self, error: BaseException) -> bool:
        """Return whether an external system failed in a way that may pass."""
        return self.classify(error) is EnumFailureClass.TRANSIENT

    def next_delay(self, error: BaseException, attempts: Attempts, now_ms: int) -> float | None:
        """Return the seconds until the next attempt; None when there is none left, or another would not help."""
        if self.classify(error) not in _RETRYABLE or attempts.count >= self._policy.max_attempts:
            return None
        delay = delay_after(self._policy, attempts.count)
        delay += self._uniform(0.0, self._policy.jitter * delay)
        limit = self._policy.max_elapsed
        if limit is not None and now_ms + delay * 1000 > attempts.first_failed_ms + limit * 1000:
            return None
        return delay

    def longest_ms(self, count: int) -> float:
        """Return the longest wait after ``count`` attempts, in milliseconds.

        A due time beyond it comes from a clock that was wrong.
        """
        return delay_after(self._policy, max(1, count)) * (1 + self._policy.jitter) * 1000

    def fits_in_memory(self, waited: float, delay: float) -> bool:
        """Return whether a message that has waited ``waited`` seconds in memory may wait ``delay`` seconds more."""
        return waited + delay <= self._policy.in_memory


def delay_after(policy: ModelRetryPolicy, failures: int) -> float:
    """Return the seconds between the failed attempt of this number and the next one, without jitter."""
    match policy.backoff:
        case EnumBackoff.FIXED:
            return policy.base_delay
        case EnumBackoff.LINEAR:
            return linear(failures, policy.base_delay, policy.max_delay)
        case EnumBackoff.EXPONENTIAL:
            return exponential(failures, policy.base_delay, policy.max_delay, policy.multiplier)
