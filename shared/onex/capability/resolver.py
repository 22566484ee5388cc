"""Which capabilities fit together, and in which order. Pure functions over names; deterministic."""

from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from onex.capability.metadata import CapabilityMetadata
from onex.errors import CompositionError
from onex.model.enums import EnumLayerStage

Find = Callable[[str], CapabilityMetadata]
"""Metadata by name; raises CompositionError for a name that nobody knows."""
_STAGES = list(EnumLayerStage)


def closure(names: Iterable[str], find: Find) -> list[str]:
    """These and all that they require, requirements first."""
    found: dict[str, CapabilityMetadata] = {}
    pending = list(names)
    while pending:
        name = pending.pop(0)
        if name not in found:
            found[name] = find(name)
            pending += found[name].requires
    return [metadata.name for metadata in start_order(found)]


def start_order(composed: Mapping[str, CapabilityMetadata]) -> list[CapabilityMetadata]:
    """What is required comes first; else stage, then name decide. Raises CompositionError with every problem."""
    if problems := [*_gaps(composed), *_conflicts(composed)]:
        raise CompositionError("; ".join(problems))
    sorter = TopologicalSorter({name: sorted(metadata.requires) for name, metadata in sorted(composed.items())})
    try:
        sorter.prepare()
    except CycleError as error:
        chain = " requires ".join(reversed(error.args[1]))
        raise CompositionError(f"a circle: {chain}; take one requirement out of it") from None
    order: list[CapabilityMetadata] = []
    while sorter.is_active():
        ready = sorted((composed[name] for name in sorter.get_ready()), key=_rank)
        order += ready
        sorter.done(*(metadata.name for metadata in ready))
    return order


def layer_order(composed: Iterable[CapabilityMetadata]) -> list[CapabilityMetadata]:
    """Those that surround handlers, from the outside in."""
    return sorted((metadata for metadata in composed if metadata.stage is not None), key=_rank)


def _rank(metadata: CapabilityMetadata) -> tuple[int, str]:
    return len(_STAGES) if metadata.stage is None else _STAGES.index(metadata.stage), metadata.name


def _gaps(composed: Mapping[str, CapabilityMetadata]) -> Iterable[str]:
    for name, metadata in sorted(composed.items()):
        for required in metadata.requires:
            if required not in composed:
                chain = " requires ".join([*_requirers(name, composed), required])
                yield f"{chain}, which is missing: add {required}"


def _requirers(name: str, composed: Mapping[str, CapabilityMetadata]) -> list[str]:
    """How one gets to a capability from one that nothing requires."""
    chain = [name]
    while above := [other for other, metadata in sorted(composed.items()) if chain[0] in metadata.requires]:
        if above[0] in chain:
            break
        chain.insert(0, above[0])
    return chain


def _conflicts(composed: Mapping[str, CapabilityMetadata]) -> Iterable[str]:
    for name, metadata in sorted(composed.items()):
        for other in metadata.conflicts:
            if other in composed:
                yield f"{name} conflicts with {other}: keep one of the two"
