"""Run jobs in containers."""

from typing import Literal

from node_job_runner_effect.v1_0_0.models import JobFailed, JobSucceeded, RunJob

from onex.errors import CallTimeoutError, TransientError
from onex.mixins.alerting import MixinAlerting
from onex.mixins.container_operations import ContainerFacts, ContainerSpec, MixinContainerOperations
from onex.mixins.docker_client import MixinDockerClient
from onex.mixins.docker_health_check import MixinDockerHealthCheck
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.metrics import MixinMetrics
from onex.node import Context, NodeConfig, NodeEffect

_ENDED = ("exited", "dead")
_LISTED_MORE = 50
"""Containers beyond those that stay, which one command removes at most."""


class NodeJobRunnerEffect(
    MixinAlerting,
    MixinContainerOperations,
    MixinDockerHealthCheck,
    MixinDockerClient,
    MixinHealthCheck,
    MixinMetrics,
    NodeEffect,
):
    """The container of a command is found again by every attempt, so that its job runs once."""

    class Config(NodeConfig):
        keep_ended: int
        output_lines: int

    config: Config

    async def start(self) -> None:
        self._in_progress: set[str] = set()
        """Containers of the jobs that this process waits for or reports. They stay however old they are."""

    async def run(self, command: RunJob, context: Context) -> JobSucceeded | JobFailed:
        """Run a job to its end. The time limit begins with the attempt that waits for it."""
        spec = ContainerSpec(image=command.image, command=command.arguments, read_only=True)
        job = await self.containers.run(spec)
        self._in_progress.add(job.id)
        try:
            return await self._report(job, command)
        finally:
            self._in_progress.discard(job.id)

    async def _report(self, job: ContainerFacts, command: RunJob) -> JobSucceeded | JobFailed:
        is_late = False
        try:
            await self.containers.wait(job.id, seconds=command.time_limit)
        except CallTimeoutError:
            is_late = True
            await self.containers.stop(job.id)
        ended = await self.containers.find(job.id)
        if ended is None:
            raise TransientError(f"the container of job {command.job_id} was removed before it was reported")
        lines = self.containers.logs(job.id, tail=self.config.output_lines)
        output = tuple([line.text async for line in lines])
        await self._remove_old()
        if ended.exit_code == 0 and not is_late:
            self._count("succeeded")
            return JobSucceeded(job_id=command.job_id, output=output)
        self._count("failed")
        reason = f"stopped after {command.time_limit:g} s" if is_late else _reason(ended)
        return JobFailed(job_id=command.job_id, reason=reason, exit_code=ended.exit_code, output=output)

    async def _remove_old(self) -> None:
        """Remove the oldest containers of this node that have ended."""
        keep = self.config.keep_ended
        for old in (await self.containers.list(limit=keep + _LISTED_MORE))[keep:]:
            if old.state in _ENDED and old.id not in self._in_progress:
                await self.containers.remove(old.id)

    def _count(self, outcome: Literal["succeeded", "failed"]) -> None:
        self.metrics.increment("jobs_ended", outcome=outcome)


def _reason(ended: ContainerFacts) -> str:
    return "out of memory" if ended.is_out_of_memory else f"exit code {ended.exit_code}"
