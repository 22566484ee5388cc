"""The capabilities of a node and their order. Pure, deterministic functions over names."""

from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from onex.capability.metadata import CapabilityMetadata
from onex.errors import CompositionError
from onex.model.enums import EnumLayerStage

Find = Callable[[str], CapabilityMetadata]
"""Returns metadata by name. Raises CompositionError for an unknown name."""
_STAGES = list(EnumLayerStage)


def closure(names: Iterable[str], find: Find) -> list[str]:
    """Return the capabilities and all that they require, requirements first."""
    selected: dict[str, CapabilityMetadata] = {}
    pending = list(names)
    while pending:
        name = pending.pop(0)
        if name not in selected:
            selected[name] = find(name)
            pending += selected[name].requires
    return [metadata.name for metadata in start_order(selected)]


def start_order(composed: Mapping[str, CapabilityMetadata]) -> list[CapabilityMetadata]:
    """Return the capabilities in start order: requirements first, then by stage, then by name.

    Raise CompositionError with every problem.
    """
    if problems := [*_gaps(composed), *_conflicts(composed)]:
        raise CompositionError("; ".join(problems))
    sorter = TopologicalSorter({name: sorted(metadata.requires) for name, metadata in sorted(composed.items())})
    try:
        sorter.prepare()
    except CycleError as error:
        chain = " requires ".join(reversed(error.args[1]))
        raise CompositionError(f"circular requirement: {chain}; remove one of them") from None
    order: list[CapabilityMetadata] = []
    while sorter.is_active():
        startable = sorted((composed[name] for name in sorter.get_ready()), key=_rank)
        order += startable
        sorter.done(*(metadata.name for metadata in startable))
    return order


def layer_order(composed: Iterable[CapabilityMetadata]) -> list[CapabilityMetadata]:
    """Return the capabilities that surround handlers, outermost first."""
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
    """Return the chain of requirements that leads to a capability, from one that no other requires."""
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
