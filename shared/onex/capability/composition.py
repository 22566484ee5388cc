"""Plan the capabilities of a node class, and open and close their engines."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, cast

import structlog

from onex.capability.container import Container
from onex.capability.measured import ProtocolMeasured
from onex.capability.metadata import CapabilityMetadata
from onex.capability.mixin import Definition, Mixin
from onex.capability.resolver import layer_order, start_order
from onex.capability.shared import SharedResources
from onex.capability.view import engine_of
from onex.errors import CompositionError
from onex.model.enums import EnumNodeKind

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CapabilityPlan:
    """The capabilities of a node class, after all checks."""

    start: tuple[CapabilityMetadata, ...] = ()
    """In start order: a required capability comes before the one that requires it."""
    layers: tuple[CapabilityMetadata, ...] = ()
    """Capabilities that surround handlers, outermost first."""
    views: tuple[Definition, ...] = ()
    """Views, by name. The capabilities with their engines are in ``start``."""

    @property
    def names(self) -> frozenset[str]:
        """Class names of all capabilities and views."""
        return frozenset(metadata.name for metadata in self.described)

    @property
    def described(self) -> tuple[CapabilityMetadata, ...]:
        """Metadata of the capabilities in start order, then that of the views."""
        return (*self.start, *(view.metadata for view in self.views))


def without_effect(plan: CapabilityPlan, kind: EnumNodeKind) -> tuple[CapabilityMetadata, ...]:
    """Return the capabilities that a node of this kind may have although they change nothing there."""
    pure = kind is not EnumNodeKind.EFFECT
    return tuple(metadata for metadata in plan.described if pure and metadata.without_effect)


class ProtocolManaged(Protocol):
    """An engine with a lifecycle."""

    async def open(self) -> None:
        """Prepare for the first message. Raise the reason when that fails; the agent retries a TransientError."""
        ...

    async def close(self) -> None:
        """Release all resources. Safe when ``open`` failed or never ran, and safe to call twice."""
        ...


class ProtocolComposed(Protocol):
    """The part of a node that the composition uses."""

    @property
    def capabilities(self) -> CapabilityPlan: ...
    @property
    def container(self) -> Container: ...


def plan_of(node_class: type, kind: EnumNodeKind | None) -> CapabilityPlan:
    """Return the plan of a class. The order of its bases does not matter. Raise CompositionError for any conflict.

    ``kind`` is None for a class that has no kind yet.
    """
    mixins = [base for base in node_class.__mro__ if Mixin in base.__bases__]
    definitions = definitions_of(node_class)
    composed = {definition.metadata.name: definition.metadata for definition in definitions}
    views = sorted((each for each in definitions if each.view is not None), key=lambda each: each.metadata.name)
    for definition in views:
        engine = engine_of(definition).metadata
        if kind is None or kind in engine.kinds or kind not in definition.metadata.kinds:
            composed.setdefault(engine.name, engine)
    if not composed:
        return CapabilityPlan()
    try:
        order = start_order(composed)
        _check_kind(composed.values(), kind)
        _check_accessors(node_class, mixins)
    except CompositionError as error:
        raise CompositionError(f"{node_class.__name__}: {error}") from None
    engines = [metadata for metadata in order if not metadata.view_of]
    return CapabilityPlan(tuple(engines), tuple(layer_order(engines)), tuple(views))


def definitions_of(node_class: type) -> list[Definition]:
    """Return the definitions of the mixins and views that are bases of a class."""
    return [base.definition for base in node_class.__mro__ if issubclass(base, Mixin) and Mixin in base.__bases__]


def _check_kind(composed: Iterable[CapabilityMetadata], kind: EnumNodeKind | None) -> None:
    for metadata in composed:
        if kind is not None and kind not in metadata.kinds:
            allowed = ", ".join(metadata.kinds)
            raise CompositionError(f"{metadata.name} cannot join a node of kind {kind}; it is for {allowed}")


def _check_accessors(node_class: type, mixins: Sequence[type[Mixin]]) -> None:
    for mixin in mixins:
        name = mixin.definition.metadata.accessor
        for base in node_class.__mro__:
            if name in vars(base) and not _share_an_engine(base, mixin):
                raise CompositionError(f"{base.__name__}.{name} hides the accessor of {mixin.__name__}; rename it")


def _share_an_engine(base: type, mixin: type[Mixin]) -> bool:
    """Return whether a base is the mixin, its engine's mixin, or another view of the same engine."""
    return (
        issubclass(base, Mixin)
        and Mixin in base.__bases__
        and (engine_of(base.definition).metadata.name == engine_of(mixin.definition).metadata.name)
    )


class Composition:
    """The engines of one node. Opens them in the order of the plan and closes them in reverse."""

    def __init__(self, node: ProtocolComposed) -> None:
        self._node = node
        self._plan = node.capabilities
        self._open: AsyncExitStack | None = None

    @property
    def managed(self) -> bool:
        """Whether any engine has a lifecycle."""
        return any(metadata.managed for metadata in self._plan.start)

    def engine(self, metadata: CapabilityMetadata) -> object:
        """Return the engine of a capability. The first call creates it."""
        return getattr(self._node, metadata.accessor)

    def layers(self) -> list[object]:
        """Return the engines that surround handlers, outermost first."""
        return [self.engine(metadata) for metadata in self._plan.layers]

    def reported_metrics(self) -> Iterator[tuple[str, str, float]]:
        """Yield capability, name and value of each reported metric. Engines that no handler has used are left out."""
        attributes = vars(self._node)
        for metadata in self._plan.start:
            engine = attributes.get(metadata.accessor)
            if isinstance(engine, ProtocolMeasured):
                for name, value in engine.reported_metrics().items():
                    yield metadata.key, name, value

    async def start(self) -> None:
        """Open the engines that have a lifecycle. When one fails, close those before it and raise its error.

        Shared resources that the failed engine has taken are released, after the engines are closed.
        """
        if self._open is not None:
            raise CompositionError("started twice; stop it first")
        try:
            async with AsyncExitStack() as stack:
                for metadata in self._plan.start:
                    if metadata.managed:
                        engine = cast(ProtocolManaged, self.engine(metadata))
                        stack.push_async_callback(engine.close)
                        await engine.open()
                        log.debug("capability open", capability=metadata.name)
                self._open = stack.pop_all()
        except BaseException:
            await self._release_shared()
            raise

    async def _release_shared(self) -> None:
        shared = self._node.container.find(SharedResources)
        if shared is not None:
            await shared.close()

    async def stop(self) -> None:
        """Close the open engines, then the services of the container. Safe without a start, and to call twice."""
        stack, self._open = self._open, None
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._node.container.close)
            if stack is not None:
                closing.push_async_callback(stack.aclose)
