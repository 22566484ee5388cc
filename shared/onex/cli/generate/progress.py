"""Shows the steps of a generation: a spinner on a terminal, lines otherwise."""

from types import TracebackType
from typing import Self

from rich.status import Status

from onex.cli.output import errors
from onex.cli.terminal import styled
from onex.codegen.generate import EnumStepStatus, StepProgress
from onex.util.printable import one_line


class ProgressLines:
    """Prints one line a step on stderr when the step ends."""

    def __init__(self, subject: str, *, silent: bool) -> None:
        self._subject = subject
        self._silent = silent
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if errors.is_terminal and not self._silent:
            self._status = Status("", console=errors)
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def note(self, progress: StepProgress) -> None:
        """Show that a step has begun or ended."""
        if self._silent:
            return
        match progress.status:
            case EnumStepStatus.STARTED:
                if self._status is not None:
                    self._status.update(one_line(f"{self._subject}: {progress.step}"))
            case EnumStepStatus.DONE:
                errors.print(styled("{}: {} [green]done[/] in {} s", *self._shown(progress)))
            case EnumStepStatus.FAILED:
                errors.print(styled("{}: {} [red]failed[/] after {} s", *self._shown(progress)))

    def _shown(self, progress: StepProgress) -> tuple[str, str, str]:
        return self._subject, progress.step, f"{progress.seconds:.2f}"
