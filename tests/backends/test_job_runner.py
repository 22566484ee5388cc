"""The node that runs jobs in containers, on a real engine and a real broker."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from node_job_runner_effect.v1_0_0.models import JobFailed, JobSucceeded, RunJob

from onex.bus.kafka import KafkaEventBusAdapter
from tests.backends.test_docker import BOX, Engine, import_box
from tests.conftest import JOBS, eventually
from tests.integration.agents import Mesh

NAME = "node_job_runner_effect"


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A Docker engine with one image."""
    made = Engine()
    try:
        made.start()
        asyncio.run(import_box(made))
        yield made
    finally:
        made.stop()


def containers(engine: Engine) -> list[dict[str, str]]:
    """Return the containers of the node, with their states."""
    query = {"all": "1", "filters": json.dumps({"label": [f"onex.node={NAME}"]})}

    async def ask() -> list[dict[str, str]]:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(f"{engine.folder}/docker.sock")) as session:
            found: list[dict[str, str]] = await (
                await session.get("http://docker/containers/json", params=query)
            ).json()
            return found

    return asyncio.run(ask())


def terminate(engine: Engine, container: str) -> None:
    """Send SIGTERM to the job, as something on its machine would."""

    async def ask() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(f"{engine.folder}/docker.sock")) as session:
            url = f"http://docker/containers/{container}/kill?signal=TERM"
            assert (await session.post(url)).ok

    asyncio.run(ask())


def shell(job_id: str, text: str) -> RunJob:
    return RunJob(job_id=job_id, image=BOX, arguments=("sh", "-c", text))


def test_a_job_outlives_its_agent_and_runs_once(
    engine: Engine, kafka_bus: KafkaEventBusAdapter, tmp_path: Path
) -> None:
    """The agent is killed while the job runs; then the engine is away while a command waits."""
    env = {"DOCKER_HOST": engine.host, "JOB_IMAGES": "box"}
    with Mesh(kafka_bus, [JOBS / NAME / "v1_0_0"], tmp_path, env) as mesh:
        first = mesh.start(NAME)
        mesh.send([shell("long", "trap 'echo ended; exit 0' TERM; echo began; sleep 600 & wait")])
        eventually(lambda: [c["State"] for c in containers(engine)] == ["running"], what="the job to run")
        mesh.stop(first, signal.SIGKILL)
        (job,) = containers(engine)
        assert job["State"] == "running"
        second = mesh.start(NAME)
        eventually(lambda: mesh.metric(second.pid, "onex_in_flight") == 1, 60, "the command to be taken again")
        terminate(engine, job["Id"])
        eventually(lambda: mesh.messages(JobSucceeded), what="the report")
        assert mesh.messages(JobSucceeded) == [JobSucceeded(job_id="long", output=("began", "ended"))]
        assert [container["Id"] for container in containers(engine)] == [job["Id"]]

        mesh.send([shell("three", "echo no; exit 3"), RunJob(job_id="other", image="other:1")])
        eventually(lambda: mesh.messages(JobFailed) and mesh.dead_letters(NAME), what="the failures")
        assert mesh.messages(JobFailed) == [
            JobFailed(job_id="three", reason="exit code 3", exit_code=3, output=("no",))
        ]
        assert len(mesh.dead_letters(NAME)) == 1, "of the image that is not allowed"

        engine.kill()
        eventually(mesh.unready(second), 60, "the node to be unready")
        mesh.send([shell("later", "echo later")])
        engine.start()
        eventually(lambda: len(mesh.messages(JobSucceeded)) == 2, 90, "the command that waited")
        assert mesh.messages(JobSucceeded)[1] == JobSucceeded(job_id="later", output=("later",))
        assert len(mesh.dead_letters(NAME)) == 1
        assert mesh.stop(second) == 0
