"""A Faust application with an agent of its own, and with a node of the mesh.

``onex apply --services examples/faust``, then ``python examples/faust/doors.py worker``.
"""

import os
from pathlib import Path

import faust

from onex.faust import attach

app = faust.App("doors", broker=f"kafka://{os.environ.get('KAFKA_BOOTSTRAP_SERVERS', 'localhost:9092')}")
doors = app.topic("doors", key_serializer="raw", value_serializer="raw")
bells = app.topic("bells", key_serializer="raw", value_serializer="raw")

attach(app, Path(__file__).with_name("node_greeting_compute") / "v1_0_0")


@app.agent(doors)
async def ring(opened: faust.StreamT[bytes]) -> None:
    """Ring a bell for every door that opens."""
    async for door in opened:
        await bells.send(value=door)


if __name__ == "__main__":
    app.main()
