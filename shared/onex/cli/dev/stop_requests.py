"""Ctrl-C and other requests to stop."""

import signal
from types import FrameType, TracebackType
from typing import Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequests:
    """Counts requests to stop, in its block. Signals raise nothing."""

    def __init__(self) -> None:
        self._count = 0
        self._before: dict[signal.Signals, object] = {}

    @property
    def is_asked(self) -> bool:
        """Whether to stop."""
        return self._count > 0

    @property
    def is_urgent(self) -> bool:
        """Whether there was a second request: to stop without waiting."""
        return self._count > 1

    def ask(self) -> None:
        """Count a request."""
        self._count += 1

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:  # a job of nohup ignores it
                self._before[number] = before
                signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # it came from getsignal

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.ask()
