"""Where the text of a package comes from: one class a strategy, by :class:`EnumGenerationStrategy`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from onex.codegen.generate.bodies import HandWrittenBodies, ProtocolBodySource
from onex.codegen.generate.unfinished import unfinished_handlers
from onex.codegen.model import EnumGenerationStrategy, GenerationOptions
from onex.codegen.render.cases import case_files
from onex.codegen.render.package import RenderOptions, package_files
from onex.codegen.write.package_writer import folder_exists
from onex.codegen.write.places import services_folder
from onex.contract.load import parse_contract
from onex.model.contract import ModelContract

_WITH_BODIES = frozenset({EnumGenerationStrategy.HYBRID, EnumGenerationStrategy.AUTO})


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of a package, with the strategy that made them."""

    files: Mapping[str, str]
    """Text by path below the services folder."""
    strategy: EnumGenerationStrategy
    """Never AUTO."""
    base: Mapping[str, str] | None = None
    """What the templates made, when further bodies were taken over; None when ``files`` are that."""
    notes: tuple[str, ...] = ()
    """What was taken over, and what was left undecided."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Files that have bodies, or more, which the templates did not make."""
        base = self.files if self.base is None else self.base
        return tuple(name for name, text in self.files.items() if text != base.get(name))

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Handlers that are left to write by hand."""
        return unfinished_handlers(self.files)


class ProtocolGenerationStrategy(Protocol):
    """Makes the files of a package from a contract."""

    def render(self, text: str, package: str) -> Rendered:
        """Return the files for the text of a contract. ``package`` is ``NAME/VERSION``.

        Raise ContractError for a contract that lacks what a generator needs, RejectedError for templates that cannot
        be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class TemplateStrategy(ProtocolGenerationStrategy):
    """The templates of the library."""

    mixins: bool = True

    @override
    def render(self, text: str, package: str) -> Rendered:
        files = package_files(text, RenderOptions(minimal=not self.mixins)) | case_files(text)
        return Rendered(files, EnumGenerationStrategy.TEMPLATE)


@dataclass(frozen=True, slots=True)
class TemplateLoadingStrategy(ProtocolGenerationStrategy):
    """The templates in a folder of the project. The library has those that the folder lacks."""

    templates: Path
    mixins: bool = True

    @override
    def render(self, text: str, package: str) -> Rendered:
        files = package_files(text, RenderOptions(minimal=not self.mixins, templates=self.templates)) | case_files(
            text
        )
        return Rendered(files, EnumGenerationStrategy.TEMPLATE_LOADING)


@dataclass(frozen=True, slots=True)
class HybridStrategy(ProtocolGenerationStrategy):
    """Templates, with bodies from a further source."""

    templates: ProtocolGenerationStrategy
    bodies: ProtocolBodySource

    @override
    def render(self, text: str, package: str) -> Rendered:
        rendered = self.templates.render(text, package).files
        filled = self.bodies.filled(rendered)
        return Rendered(filled.files, EnumGenerationStrategy.HYBRID, rendered, filled.notes)


@dataclass(frozen=True, slots=True)
class ExistingNodeTemplates(ProtocolGenerationStrategy):
    """Templates for a node that is on disk: its messages may be classes of its author, without ``definitions``.

    Then contract and node class are rendered, and everything else in the folder is the author's.
    """

    templates: ProtocolGenerationStrategy
    folder: Path

    @override
    def render(self, text: str, package: str) -> Rendered:
        if not has_own_messages(parse_contract(text)):
            return self.templates.render(text, package)
        from onex.codegen.regenerate.folder import read_folder  # these need the extra `codegen`
        from onex.codegen.regenerate.rendering import rendered_for

        return Rendered(rendered_for(text, read_folder(self.folder)), EnumGenerationStrategy.TEMPLATE)


@dataclass(frozen=True, slots=True)
class AutoStrategy(ProtocolGenerationStrategy):
    """Chooses: HYBRID when the package is on disk, TEMPLATE_LOADING when there are templates, otherwise TEMPLATE."""

    options: GenerationOptions

    @override
    def render(self, text: str, package: str) -> Rendered:
        return STRATEGIES[self.choice(package)](self.options, package).render(text, package)

    def choice(self, package: str) -> EnumGenerationStrategy:
        """Return the strategy for a package."""
        output = self.options.output
        if output is not None and folder_exists(services_folder(output, package), package):
            return EnumGenerationStrategy.HYBRID
        if self.options.templates is not None:
            return EnumGenerationStrategy.TEMPLATE_LOADING
        return EnumGenerationStrategy.TEMPLATE


def strategy_of(options: GenerationOptions, package: str) -> ProtocolGenerationStrategy:
    """Return the strategy that the options name, for the package ``NAME/VERSION``."""
    return STRATEGIES[options.strategy](options, package)


def has_own_messages(contract: ModelContract) -> bool:
    """Return whether messages or a Config of the node are classes of its author, which no template can make."""
    return contract.definitions is None or bool(contract.config)


def regenerates_own_messages(options: GenerationOptions, contract: ModelContract, package: str) -> bool:
    """Return whether a node with messages of its author is generated again: it needs no ``definitions`` for that."""
    if options.output is None or not options.mixins or not has_own_messages(contract):
        return False
    return AutoStrategy(options).choice(package) is EnumGenerationStrategy.HYBRID and options.strategy in _WITH_BODIES


def _template(options: GenerationOptions, _package: str) -> ProtocolGenerationStrategy:
    return TemplateStrategy(options.mixins)


def _template_loading(options: GenerationOptions, _package: str) -> ProtocolGenerationStrategy:
    assert options.templates is not None  # the options were checked
    return TemplateLoadingStrategy(options.templates, options.mixins)


def _hybrid(options: GenerationOptions, package: str) -> ProtocolGenerationStrategy:
    assert options.output is not None  # the options were checked
    templates = _template_loading if options.templates is not None else _template
    folder = services_folder(options.output, package) / package
    existing = ExistingNodeTemplates(templates(options, package), folder)
    return HybridStrategy(existing, HandWrittenBodies(folder))


def _auto(options: GenerationOptions, _package: str) -> ProtocolGenerationStrategy:
    return AutoStrategy(options)


STRATEGIES: Mapping[EnumGenerationStrategy, Callable[[GenerationOptions, str], ProtocolGenerationStrategy]] = {
    EnumGenerationStrategy.TEMPLATE: _template,
    EnumGenerationStrategy.TEMPLATE_LOADING: _template_loading,
    EnumGenerationStrategy.HYBRID: _hybrid,
    EnumGenerationStrategy.AUTO: _auto,
}
"""The registry of strategies."""
