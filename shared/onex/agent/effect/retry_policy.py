"""What to do after a failed attempt: again after a delay, on the retry topic, or no more."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState
from tenacity.wait import wait_base, wait_exponential, wait_fixed, wait_incrementing

from onex.agent.failure.classify import Classifier
from onex.model.contract import ModelRetryPolicy
from onex.model.enums import EnumBackoff, EnumFailureClass

_RETRYABLE = (EnumFailureClass.TRANSIENT, EnumFailureClass.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Attempts:
    """History of one message: how often it was tried, and since when it fails."""

    count: int = 0
    first_failed_ms: int = 0
    due_ms: int = 0
    """Not before this time; 0 for at once."""
    is_dead: bool = False
    """It became a dead letter, and its key waits for that in its place."""


class RetryPlan:
    """The contract's policy, compiled once. Delays come from tenacity."""

    def __init__(self, policy: ModelRetryPolicy, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._policy = policy
        self._grow = delays(policy)
        self._uniform = uniform
        self._classifier = Classifier(policy.retryable_exceptions, policy.retryable_error_codes)
        self._frame = AsyncRetrying()

    def classify(self, error: BaseException) -> EnumFailureClass:
        """See :class:`Classifier`."""
        return self._classifier.classify(error)

    def next_delay(self, error: BaseException, attempts: Attempts, now_ms: int) -> float | None:
        """Seconds until the next attempt; None when there is none left, or another would not help."""
        if self.classify(error) not in _RETRYABLE or attempts.count >= self._policy.max_attempts:
            return None
        delay = self._delay_after(attempts.count)
        delay += self._uniform(0.0, self._policy.jitter * delay)
        limit = self._policy.max_elapsed
        if limit is not None and now_ms + delay * 1000 > attempts.first_failed_ms + limit * 1000:
            return None
        return delay

    def _delay_after(self, count: int) -> float:
        state = RetryCallState(self._frame, None, (), {})
        state.attempt_number = count
        return float(self._grow(state))

    def longest_ms(self, count: int) -> float:
        """No wait after so many attempts is longer: a due time beyond it comes from a clock that was wrong."""
        return self._delay_after(max(1, count)) * (1 + self._policy.jitter) * 1000

    def fits_in_memory(self, waited: float, delay: float) -> bool:
        """Whether a message that has waited so long here may wait on here."""
        return waited + delay <= self._policy.in_memory


def delays(policy: ModelRetryPolicy) -> wait_base:
    """Delay before attempt n+1, without jitter."""
    match policy.backoff:
        case EnumBackoff.FIXED:
            return wait_fixed(policy.base_delay)
        case EnumBackoff.LINEAR:
            return wait_incrementing(policy.base_delay, policy.base_delay, policy.max_delay)
        case EnumBackoff.EXPONENTIAL:
            return wait_exponential(policy.base_delay, policy.max_delay, policy.multiplier)
