"""Checks of clocks and the database."""

import asyncio
from collections.abc import Iterator

from onex.cli.doctor.check import CheckContext, Finding, Severity
from onex.contract.needs import needs_database
from onex.errors import MessageError
from onex.model.mesh import MESH_TOPICS, NodeHeartbeat
from onex.schema import Codec
from onex.util.error_text import scrubbed


def clocks(context: CheckContext) -> Iterator[Finding]:
    """Compare the clocks of processes with the broker's: a heartbeat has the time of its process."""
    topic = context.settings.topic_prefix + MESH_TOPICS[NodeHeartbeat]
    codec = Codec.of_topic(NodeHeartbeat, topic, context.catalogue)
    latest: dict[str, float] = {}
    for record in context.tail([topic]):
        try:
            message = codec.decode(record.value())
        except MessageError:
            continue  # the check of foreign records reports it
        match message:
            case NodeHeartbeat() if message.env == context.settings.env:
                latest[message.node_id] = message.at.timestamp() - record.timestamp()[1] / 1000
    for node_id, ahead in sorted(latest.items()):
        if abs(ahead) > context.skew:
            how = "ahead of" if ahead > 0 else "behind"
            yield Finding(
                Severity.ERROR,
                "clocks",
                f"the clock of {node_id} is {abs(ahead):.1f} s {how} the broker's",
                "synchronise the clock of that machine (NTP): timers and timeouts depend on it",
            )


def database(context: CheckContext) -> Iterator[Finding]:
    """Connect to the database, if a node needs one or one is configured."""
    needing = sorted(n.contract.name for n in context.nodes if needs_database(n))
    url = context.settings.database_url.get_secret_value()
    if not url:
        if needing:
            yield Finding(
                Severity.ERROR, "database", f"{', '.join(needing)} need one", "set DATABASE_URL, or run `onex up`"
            )
        return
    if problem := asyncio.run(_unreachable(url)):
        yield Finding(
            Severity.ERROR, "database", f"does not answer: {scrubbed(problem)}", "start it, or correct DATABASE_URL"
        )


async def _unreachable(url: str) -> str:
    import asyncpg  # only a mesh with a database needs it

    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        return str(error) or type(error).__name__
    await connection.close()
    return ""
