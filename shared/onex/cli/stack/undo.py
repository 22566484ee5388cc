"""Undoes the steps of a command that fails or is interrupted."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Undo:
    """Undoes steps, the last one first, when the block ends with an exception before :meth:`keep`.

    Within the block SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt. Within :meth:`step` they wait until its end,
    so that none arrives between a change and its record. They are ignored while steps are undone.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        """``report`` receives a line for each step that could not be undone."""
        self._report = report
        self._steps: list[tuple[str, Callable[[], object]]] = []
        self._before: dict[signal.Signals, object] = {}
        self._depth = 0
        self._pending = False
        self.kept = False
        """Whether the steps so far stay."""

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:  # a background job, or a job of nohup, ignores it
                self._before[number] = before
                signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth += 1  # no signal interrupts from here on
        try:
            if kind is not None:
                self._undo()
        finally:
            for number, before in self._before.items():
                signal.signal(number, before)  # type: ignore[arg-type]  # it came from getsignal

    def on_failure(self, what: str, action: Callable[[], object]) -> None:
        """Add an action that undoes a step. Call it before the step if the step can fail half-way."""
        self._steps.append((what, action))

    def keep(self) -> None:
        """Keep all steps so far, whatever happens next."""
        self._steps.clear()
        self.kept = True

    @contextmanager
    def step(self) -> Iterator[None]:
        """Delay a signal in this block: KeyboardInterrupt is raised at its end, instead of any other error.

        A terminal also sends the signal to the commands that the block runs, and they fail.
        """
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._pending and not self._depth:
                self._pending = False
                raise KeyboardInterrupt

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._depth:
            self._pending = True
            return
        raise KeyboardInterrupt

    def _undo(self) -> None:
        problems: list[str] = []
        for what, action in reversed(self._steps):
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the other steps must be undone, too
                problems.append(f"cannot undo: {what}: {type(error).__name__}: {error}")
        for problem in problems:
            with suppress(OSError):  # the terminal may be gone
                self._report(problem)
