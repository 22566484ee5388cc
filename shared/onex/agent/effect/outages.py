"""The outages for which messages of one instance wait, as reasons why the process is not ready.

Each message that waits is tried again. From its second try in a row on the outage is a reason: a short pause of a
service is none. The reason ends when no message waits for that dependency.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from onex.agent.effect.outcome import Task
from onex.agent.telemetry.health import Health
from onex.capability.health import DEPENDENCY, OVERALL, HealthChecks
from onex.errors import CircuitOpenError, NotNowError, OutageError
from onex.util.error_text import text_of

OUTAGE = "outage"
"""The subject of a complaint, or its beginning: the name of the dependency follows."""


class Outages:
    """Reasons in health while messages wait. Lives on the event loop."""

    def __init__(self, health: Health, checks: HealthChecks) -> None:
        self._health = health
        self._checks = checks
        self._waiting: dict[int, str] = {}
        """By identity of the message's task, the subject; empty before the second try."""
        self._counts: Counter[str] = Counter()
        """By subject, the messages that wait."""

    def note(self, task: Task, error: NotNowError) -> None:
        """Note that a message waits because of this error. A rate limit is no outage."""
        match error:
            case OutageError() | CircuitOpenError():
                dependency = error.dependency
            case _:
                return
        key = id(task)
        if key not in self._waiting:
            self._waiting[key] = ""
            return
        about = f"{OUTAGE} {dependency}" if dependency else OUTAGE
        if (before := self._waiting[key]) != about:
            self._waiting[key] = about
            self._counts[about] += 1
            self._leave(before)
        check = self._checks.all.get(dependency)
        report = self._health.complain if check is None or check.critical else self._health.degrade
        report(about, text_of(error))

    def end(self, task: Task) -> None:
        """Note that a message does not wait any more."""
        self._leave(self._waiting.pop(id(task), ""))

    @contextmanager
    def ended_by(self, task: Task) -> Iterator[None]:
        """Within the context a message is carried. Whatever ends that ends its wait."""
        try:
            yield
        finally:
            self.end(task)

    @property
    def are_known(self) -> bool:
        """Whether a health check of a dependency fails."""
        return self._health.is_failing(DEPENDENCY) or self._health.complains_of(OVERALL)

    def _leave(self, about: str) -> None:
        if about:
            self._counts[about] -= 1
            if not self._counts[about]:
                del self._counts[about]
                self._health.clear(about)
