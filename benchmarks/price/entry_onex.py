"""The mesh: the node as ``onex run`` runs it, exactly-once, all standard layers on."""

import sys
import time

from benchmarks.price.setup import node, open_bus
from onex.agent.backing import MemoryBacking
from onex.agent.clock import SystemClock
from onex.agent.health import Health
from onex.agent.metrics import AgentMetrics
from onex.agent.native.pure_host import HangGuard
from onex.agent.program import build_program
from onex.agent.pure import PureAgent
from onex.bus.schema.topic_catalogue import TopicCatalogue


def main(bootstrap: str, group: str, count: int) -> None:
    bus = open_bus(bootstrap)
    program = build_program(node(), TopicCatalogue(bus))
    agent = PureAgent(
        program,
        bus,
        group,
        f"{group}-tx",
        SystemClock(),
        Health(),
        AgentMetrics("node_price_compute"),
        lambda _number, _identity: MemoryBacking(),
    )
    agent.open()
    with HangGuard(agent, 30.0):
        while not agent.carried:
            started, cpu = time.perf_counter(), time.process_time()
            agent.step(0.5)
        while agent.carried < count:
            agent.step(0.1)
        ended, cpu_ended = time.perf_counter(), time.process_time()
    agent.close()
    print(f"{count / (ended - started):.0f} {(cpu_ended - cpu) / count * 1e6:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
