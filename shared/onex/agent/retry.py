"""In-memory retry by tenacity, built from the contract's policy."""

import random
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_base, wait_exponential, wait_fixed, wait_incrementing

from onex.model.contract import ModelRetryPolicy
from onex.model.enums import EnumBackoff


def delays(policy: ModelRetryPolicy) -> wait_base:
    """Delay before attempt n+1, without jitter."""
    match policy.backoff:
        case EnumBackoff.FIXED:
            return wait_fixed(policy.base_delay)
        case EnumBackoff.LINEAR:
            return wait_incrementing(policy.base_delay, policy.base_delay, policy.max_delay)
        case EnumBackoff.EXPONENTIAL:
            return wait_exponential(multiplier=policy.base_delay, max=policy.max_delay)


def retrying(
    policy: ModelRetryPolicy,
    is_retryable: Callable[[BaseException], bool],
    sleep: Callable[[float], Awaitable[None]],
    before_sleep: Callable[[RetryCallState], None],
    uniform: Callable[[float, float], float] = random.uniform,
) -> AsyncRetrying:
    """Attempts 1 to ``max_attempts``; the last error is raised as it is."""
    grow = delays(policy)

    def wait(state: RetryCallState) -> float:
        delay = float(grow(state))
        return delay + uniform(0.0, policy.jitter * delay)

    return AsyncRetrying(
        stop=stop_after_attempt(policy.max_attempts),
        wait=wait,
        retry=retry_if_exception(is_retryable),
        sleep=sleep,
        before_sleep=before_sleep,
        reraise=True,
    )
