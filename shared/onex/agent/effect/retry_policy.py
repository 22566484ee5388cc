"""What to do after a failed attempt: again after a delay, on the retry topic, or no more."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from onex.agent.failure.classify import Classifier
from onex.model.contract import ModelRetryPolicy
from onex.model.enums import EnumBackoff, EnumFailureClass
from onex.util.backoff import exponential, linear

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
    """The contract's policy, compiled once."""

    def __init__(self, policy: ModelRetryPolicy, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._policy = policy
        self._uniform = uniform
        self._classifier = Classifier(policy.retryable_exceptions, policy.retryable_error_codes)

    def classify(self, error: BaseException) -> EnumFailureClass:
        """See :class:`Classifier`."""
        return self._classifier.classify(error)

    def next_delay(self, error: BaseException, attempts: Attempts, now_ms: int) -> float | None:
        """Seconds until the next attempt; None when there is none left, or another would not help."""
        if self.classify(error) not in _RETRYABLE or attempts.count >= self._policy.max_attempts:
            return None
        delay = delay_after(self._policy, attempts.count)
        delay += self._uniform(0.0, self._policy.jitter * delay)
        limit = self._policy.max_elapsed
        if limit is not None and now_ms + delay * 1000 > attempts.first_failed_ms + limit * 1000:
            return None
        return delay

    def longest_ms(self, count: int) -> float:
        """No wait after so many attempts is longer: a due time beyond it comes from a clock that was wrong."""
        return delay_after(self._policy, max(1, count)) * (1 + self._policy.jitter) * 1000

    def fits_in_memory(self, waited: float, delay: float) -> bool:
        """Whether a message that has waited so long here may wait on here."""
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
