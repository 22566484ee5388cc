"""Messages of the job runner."""

from typing import Annotated

from pydantic import Field

from onex.node import Message

JobId = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", max_length=100)]
Argument = Annotated[str, Field(max_length=4_096)]


class RunJob(Message, key="job_id"):
    """Run a program in a container of its own, without network and with limits."""

    job_id: JobId
    image: str = Field(min_length=1, max_length=256)
    """One of the images that the contract of the node allows, present on the engine."""
    arguments: tuple[Argument, ...] = Field(default=(), max_length=64)
    """Empty uses those of the image."""
    time_limit: float = Field(default=60.0, ge=0.01, le=300)
    """Seconds after which the job is stopped."""


class JobSucceeded(Message, key="job_id"):
    """The job ended with exit code 0."""

    job_id: JobId
    output: tuple[str, ...]
    """The last lines that it wrote."""


class JobFailed(Message, key="job_id"):
    """The job ended in another way."""

    job_id: JobId
    reason: str
    exit_code: int
    output: tuple[str, ...]
    """The last lines that it wrote."""
