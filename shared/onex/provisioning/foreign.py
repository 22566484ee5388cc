"""Stand-ins for topics that exist outside of the mesh, on brokers that the mesh has started itself."""

from dataclasses import replace
from typing import Final

from onex.bus.protocols import ProtocolEventBus
from onex.provisioning.declared import ANY_PARTITIONS, Declared

_PARTITIONS: Final = 4
"""Partitions of a stand-in to which the mesh only writes."""


def create_foreign(declared: Declared, bus: ProtocolEventBus) -> list[str]:
    """Create those foreign topics that the cluster lacks, and return their names. Raise BusError.

    Only for the in-memory broker and for a broker that belongs to ``onex up``: on any other cluster a topic of others
    is theirs to create.
    """
    wanted = [topic.state for topic in declared.topics.values() if topic.foreign]
    present = bus.admin.topics([state.name for state in wanted]) if wanted else {}
    missing = [state for state in wanted if state.name not in present]
    bus.admin.create([replace(s, partitions=_PARTITIONS) if s.partitions == ANY_PARTITIONS else s for s in missing])
    return [state.name for state in missing]
