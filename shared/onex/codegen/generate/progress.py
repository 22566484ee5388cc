"""What a pipeline reports while it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from time import perf_counter

from onex.codegen.model import EnumGenerationStep


class EnumStepStatus(StrEnum):
    """State of a step."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepProgress:
    """A step has begun or ended."""

    step: EnumGenerationStep
    status: EnumStepStatus
    seconds: float = 0.0
    """Since the step began."""


OnProgress = Callable[[StepProgress], None]
"""Called in the thread of the pipeline, when a step begins and when it ends."""


class Steps:
    """Times the steps of one generation and reports each of them."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self.seconds: dict[EnumGenerationStep, float] = {}
        """Of the steps that have ended."""
        self.failed: EnumGenerationStep | None = None
        """The step that was marked as failed, or that raised."""

    @contextmanager
    def step(self, step: EnumGenerationStep) -> Iterator[None]:
        """Run a step. It has failed when it raises, or when :meth:`fail` was called in it."""
        self._on_progress(StepProgress(step, EnumStepStatus.STARTED))
        began = perf_counter()
        try:
            yield
        except BaseException:
            self.failed = step
            raise
        finally:
            self.seconds[step] = seconds = perf_counter() - began
            status = EnumStepStatus.FAILED if self.failed is step else EnumStepStatus.DONE
            self._on_progress(StepProgress(step, status, seconds))

    def fail(self, step: EnumGenerationStep) -> None:
        """Mark a step as failed."""
        self.failed = step
