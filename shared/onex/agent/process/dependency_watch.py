"""Watches the systems without which an EFFECT can do no work, such as its database.

While one is away, messages wait. The process is then not ready and has the reason: silence is not idleness. A check
that the contract calls not critical leaves it ready: the process is degraded, with the same reason.
``MixinHealthCheck`` is not needed: it adds the checks of the contract, thresholds and events.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog

from onex.capability.health import (
    DEPENDENCY,
    HealthCheck,
    HealthChecks,
    ProtocolDependency,
    ProtocolReadiness,
    Watch,
)
from onex.node import NodeEffect

log = structlog.get_logger(__name__)
Sleep = Callable[[float], Awaitable[None]]


def checks_of(node: NodeEffect) -> Mapping[str, HealthCheck]:
    """Return the watched checks of a started node, by name: those of its capabilities and of its attributes."""
    known = node.container.get(HealthChecks)
    checks = {name: check for name, check in known.all.items() if check.watch}
    for value in vars(node).values():
        match value:
            case ProtocolDependency():
                check = known.as_set(value.dependency_check())
                checks.setdefault(check.name, check)
    return checks


@contextmanager
def watching(
    checks: Mapping[str, HealthCheck], readiness: ProtocolReadiness, sleep: Sleep = asyncio.sleep
) -> Iterator[None]:
    """Run the checks at their intervals, on the running loop. The complaints about them end with the context."""
    tasks = [
        asyncio.create_task(_watch(check, check.watch, readiness, sleep), name=f"watch {check.name}")
        for check in checks.values()
        if check.watch
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for check in checks.values():
            readiness.clear(_about(check))


async def _watch(check: HealthCheck, watch: Watch, readiness: ProtocolReadiness, sleep: Sleep) -> None:
    failures, about = 0, _about(check)
    while True:
        problem = await check.problem(watch.timeout_seconds)
        failures = failures + 1 if problem else 0
        if not problem:
            if readiness.clear(about):
                log.info("a dependency responds again", dependency=check.name)
        elif failures >= watch.failures:
            report = readiness.complain if check.critical else readiness.degrade
            if report(about, problem):
                log.warning("a dependency does not respond; its messages wait", dependency=check.name, reason=problem)
        await sleep(watch.interval_seconds)


def _about(check: HealthCheck) -> str:
    return f"{DEPENDENCY}{check.name}"
