"""What can happen to a mesh. Each fault leaves the world whole again; getting well is the mesh's own affair."""

import signal
import time
from collections.abc import Callable
from random import Random

from tests.chaos import skew, small_disk
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
        extra = field.extra(name)
        time.sleep(random.uniform(0.5, 2.0))  # the fault itself: joins at random times
        how = random.choice([signal.SIGTERM, signal.SIGKILL])
        field.ends.note(name, extra.poll())
        extra.send_signal(how)
        field.ends.note(name, extra.wait(40), (0, -how))
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


def jump_of_a_clock(field: Field, random: Random) -> str:
    """The clock of a node's agents is ahead by up to 50 minutes for a while (brokers refuse more than an hour).

    So it is stepped forward and back. Never behind: libfaketime changes the time of day, and no wait until a time of
    day. Waits of the client would be over before they begin, as on no real machine, and making a client never ends.
    """
    name = random.choice(sorted(field.agents))
    minutes = random.randrange(5, 50)
    field.until_ready(name)  # an agent that starts meanwhile would take the wrong time for its own
    field.clocks[name].move(minutes * 60)
    assert abs(field.clocks[name].told() - minutes * 60) < 30, "the clock did not jump"
    time.sleep(random.uniform(2, 5))  # the fault itself: wrong for so long
    field.clocks[name].move(0)
    return f"{name.removeprefix('node_')} {minutes:+d} min"


def full_state_disk(field: Field, random: Random) -> str:
    """An agent starts on a full disk, works once there is room, and stops on a full one."""
    name = random.choice(["node_balance_reducer", "node_order_orchestrator"])
    field.fill_disk(name)
    return name


def other_version(field: Field, _: Random) -> str:
    """A schema is upgraded under load, clients use it, and a node is rolled to its next version (or back)."""
    return field.upgrade()


def poison(field: Field, random: Random) -> str:
    """Bytes that are no message."""
    return field.load.poison(random.randrange(1, 5))


def repeat_commands(field: Field, random: Random) -> str:
    """Commands that were sent before, with the same ids."""
    return field.load.repeat(random)


def available() -> dict[str, Fault]:
    """Those that can be done on this machine."""
    without = set()
    if not small_disk.possible():
        without.add(full_state_disk)
    if not skew.possible():
        without.add(jump_of_a_clock)
    return {name: fault for name, fault in FAULTS.items() if fault not in without}


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
        jump_of_a_clock,
        full_state_disk,
        other_version,
        poison,
        repeat_commands,
    )
}
