"""What can happen to a mesh. Each fault leaves the world whole again; getting well is the mesh's own affair."""

import signal
import time
from collections.abc import Callable
from random import Random

from tests.chaos.field import Field

Fault = Callable[[Field, Random], str]
"""Does its harm, undoes it, and says what it was."""


def kill_an_agent(field: Field, random: Random) -> str:
    """kill -9, and its supervisor starts another."""
    name = random.choice(sorted(field.agents))
    field.restart(name, signal.SIGKILL)
    return name


def terminate_an_agent(field: Field, random: Random) -> str:
    """SIGTERM, as a rolling restart does it."""
    name = random.choice(sorted(field.agents))
    field.restart(name, signal.SIGTERM)
    return name


def freeze_an_agent(field: Field, random: Random) -> str:
    """SIGSTOP for longer than its session: the group goes on without it, and it wakes as a zombie."""
    name = random.choice(sorted(field.agents))
    process = random.choice(field.agents[name])
    process.send_signal(signal.SIGSTOP)
    time.sleep(random.uniform(7, 9))  # the fault itself: frozen for so long
    process.send_signal(signal.SIGCONT)
    return name


def storm_of_rebalances(field: Field, random: Random) -> str:
    """Instances join and leave in quick succession."""
    name = random.choice(sorted(field.agents))
    for _ in range(3):
        extra = field.mesh.start(name, ready=False)
        time.sleep(random.uniform(0.5, 2.0))  # the fault itself: joins at random times
        extra.send_signal(random.choice([signal.SIGTERM, signal.SIGKILL]))
        extra.wait(40)
    return name


def kill_a_broker(field: Field, random: Random) -> str:
    """kill -9 of a broker, which is the active controller in one of three cases; it comes back."""
    broker = random.choice(field.cluster.brokers)
    broker.kill()
    time.sleep(random.uniform(1, 5))  # the fault itself: gone for so long
    broker.launch()
    field.whole()
    return f"broker {broker.node_id}"


def cut_a_broker_off(field: Field, random: Random) -> str:
    """Clients and other brokers reach a broker no more, and it them only as controller."""
    broker = random.choice(field.cluster.brokers)
    broker.proxy.cut()
    time.sleep(random.uniform(2, 6))  # the fault itself: cut for so long
    broker.proxy.mend()
    field.whole()
    return f"broker {broker.node_id}"


def cut_the_database_off(field: Field, random: Random) -> str:
    """PostgreSQL is out of reach."""
    field.database.cut()
    time.sleep(random.uniform(1, 5))  # the fault itself: cut for so long
    field.database.mend()
    return "PostgreSQL"


def poison(field: Field, random: Random) -> str:
    """Bytes that are no message."""
    return field.poison(random.randrange(1, 5))


def repeat_commands(field: Field, random: Random) -> str:
    """Commands that were sent before, with the same ids."""
    return field.repeat(random)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_an_agent,
        terminate_an_agent,
        freeze_an_agent,
        storm_of_rebalances,
        kill_a_broker,
        cut_a_broker_off,
        cut_the_database_off,
        poison,
        repeat_commands,
    )
}
