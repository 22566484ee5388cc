"""The node that runs jobs in containers, with a small engine. tests/backends has a real one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from node_job_runner_effect.v1_0_0.models import JobFailed, JobSucceeded, RunJob
from node_job_runner_effect.v1_0_0.node import NodeJobRunnerEffect
from prometheus_client import CollectorRegistry

from onex.capability import Composition, HealthChecks, ProtocolCurrentMessage
from onex.contract import resolve_node
from onex.contract.create_node import create_node
from onex.errors import OutageError, RejectedError, TransientError
from onex.mixins.container_operations import ContainerSpec
from onex.testing import Case, load_cases, run_case
from tests.conftest import JOBS
from tests.mixins.docker_daemon import FakeDaemon, docker_daemon, error, frame, hung_up
from tests.mixins.helpers import FakeCurrentMessage, context

FOLDER = JOBS / "node_job_runner_effect" / "v1_0_0"
JOB = RunJob(job_id="j-1", image="jobs/report:1", arguments=("report",))


@dataclass
class Runner:
    """A started node and its engine."""

    daemon: FakeDaemon
    node: NodeJobRunnerEffect
    message: FakeCurrentMessage
    registry: CollectorRegistry

    async def run(self, command: RunJob, message: str = "m-1") -> JobSucceeded | JobFailed:
        """Handle a command, as the message with this id."""
        self.message.message_id = self.message.idempotency_key = message
        return await self.node.run(command, context())

    def jobs_end(self, exit_code: int = 0) -> None:
        """Let the next container end as soon as it is started."""

        async def start(request: web.Request) -> web.StreamResponse:
            found = self.daemon.found(request.path.split("/")[-2])
            assert found is not None
            found.state, found.exit_code, found.starts = "exited", exit_code, found.starts + 1
            return web.Response(status=204)

        self.daemon.script(r"POST /containers/[^/]+/start", start)

    def counted(self, outcome: str) -> float | None:
        labels = {"node": "node_job_runner_effect", "outcome": outcome}
        return self.registry.get_sample_value("onex_jobs_ended_total", labels)


@asynccontextmanager
async def runner(patch: pytest.MonkeyPatch) -> AsyncIterator[Runner]:
    async with docker_daemon() as daemon:
        patch.setenv("DOCKER_HOST", daemon.host)
        node, message, registry = create_node(resolve_node(FOLDER)), FakeCurrentMessage("m-1"), CollectorRegistry()
        assert isinstance(node, NodeJobRunnerEffect)
        node.container.registry.value(ProtocolCurrentMessage, message)
        node.container.registry.value(CollectorRegistry, registry)
        composition = Composition(node)
        await composition.start()
        await node.start()
        try:
            yield Runner(daemon, node, message, registry)
        finally:
            await node.stop()
            await composition.stop()


def play(patch: pytest.MonkeyPatch, scene: Callable[[Runner], Awaitable[None]]) -> None:
    async def live() -> None:
        async with runner(patch) as made:
            await scene(made)

    asyncio.run(live())


@pytest.mark.parametrize("case", load_cases(FOLDER), ids=lambda case: case.name)
def test_cases(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert run_case(FOLDER, case) == ""


def test_a_job_runs_once_for_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        made.daemon.logs = frame(1, b"one\ntwo\n")
        made.jobs_end()
        ended = JobSucceeded(job_id="j-1", output=("one", "two"))
        assert await made.run(JOB) == ended
        assert await made.run(JOB) == ended, "the command comes again after a crash"
        (container,) = made.daemon.containers.values()
        assert (container.starts, container.body["Cmd"]) == (1, ["report"])
        host = container.body["HostConfig"]
        assert (host["NetworkMode"], host["ReadonlyRootfs"], host["PidsLimit"]) == ("none", True, 64)
        made.jobs_end()
        assert await made.run(JOB, "m-2") == ended, "another command with the same id is another job"
        assert len(made.daemon.containers) == 2
        assert made.counted("succeeded") == 3.0
        assert any("tail=50" in request for request in made.daemon.requests)

    play(monkeypatch, scene)


def test_a_job_that_fails_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        made.jobs_end(3)
        assert await made.run(JOB) == JobFailed(job_id="j-1", reason="exit code 3", exit_code=3, output=())
        late = JOB.model_copy(update={"time_limit": 0.01})
        assert await made.run(late, "m-2") == JobFailed(
            job_id="j-1", reason="stopped after 0.01 s", exit_code=143, output=()
        )
        assert [container.state for container in made.daemon.containers.values()] == ["exited", "exited"]
        assert made.counted("failed") == 2.0

    play(monkeypatch, scene)


def test_an_engine_that_goes_away_lets_the_command_wait_and_its_job_is_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(made: Runner) -> None:
        made.daemon.script(r"POST /containers/[^/]+/wait", hung_up)
        with pytest.raises(OutageError):
            await made.run(JOB)
        (container,) = made.daemon.containers.values()
        container.state = "exited"
        assert await made.run(JOB) == JobSucceeded(job_id="j-1", output=())
        assert container.starts == 1

    play(monkeypatch, scene)


def test_the_contract_decides_which_images_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        with pytest.raises(RejectedError, match="other/thing"):
            await made.run(RunJob(job_id="j-1", image="other/thing:1"))
        assert made.daemon.containers == {}

    play(monkeypatch, scene)


def test_only_the_latest_containers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        made.node.config = made.node.config.model_copy(update={"keep_ended": 2})
        await made.node.containers.run(ContainerSpec(image="jobs/report:1"), key="it still runs")
        for number in range(4):
            made.jobs_end()
            await made.run(JOB, f"m-{number}")
        left = [container.state for container in made.daemon.containers.values()]
        assert left == ["running", "exited", "exited"]

    play(monkeypatch, scene)


def test_a_container_stays_until_its_job_is_reported_however_old_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        made.node.config = made.node.config.model_copy(update={"keep_ended": 1})

        async def later_jobs(_: web.Request) -> web.StreamResponse:
            for number in range(3):
                made.jobs_end()
                await made.run(JOB, f"later-{number}")
            return web.Response(body=frame(1, b"late\n"))

        made.daemon.script(r"GET /containers/[^/]+/logs", later_jobs)
        made.jobs_end()
        assert await made.run(JOB, "first") == JobSucceeded(job_id="j-1", output=("late",))
        made.daemon.logs = b""
        assert await made.run(JOB, "first") == JobSucceeded(job_id="j-1", output=())
        assert [container.starts for container in made.daemon.containers.values()] == [1, 1]

    play(monkeypatch, scene)


def test_a_container_that_an_operator_removes_is_no_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        async def removed(_: web.Request) -> web.StreamResponse:
            made.daemon.containers.clear()
            return web.json_response({"StatusCode": 0})

        made.daemon.script(r"POST /containers/[^/]+/wait", removed)
        with pytest.raises(TransientError, match="the container of job j-1 was removed before it was reported"):
            await made.run(JOB)
        made.jobs_end()
        assert await made.run(JOB) == JobSucceeded(job_id="j-1", output=())

    play(monkeypatch, scene)


def test_the_engine_and_its_disk_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        checks = made.node.container.get(HealthChecks).all
        assert (checks["docker"].critical, checks["docker.disk"].critical) == (True, False)
        await checks["docker"].probe()
        await checks["docker.disk"].probe()
        made.daemon.script(r"GET /version", *[error(503, "the engine starts")] * 9)  # the node asks by itself, too
        for _ in range(2):
            with pytest.raises(TransientError, match="the engine starts"):
                await checks["docker"].probe()

    play(monkeypatch, scene)


def test_many_jobs_that_fail_are_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(made: Runner) -> None:
        alerts = made.node.alerts
        await alerts.tick()
        for number in range(6):
            assert alerts.facts() == []
            made.jobs_end(1)
            await made.run(JOB, f"m-{number}")
        await alerts.tick()
        assert [(alert.name, alert.value) for alert in alerts.facts()] == [("JobsFail", 6.0)]

    play(monkeypatch, scene)
