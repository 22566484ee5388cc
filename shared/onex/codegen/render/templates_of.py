"""The templates: those of the library, or those of a project in their place."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onex.codegen.render.values import literal
from onex.errors import ConfigurationError

if TYPE_CHECKING:
    from jinja2 import Environment

LIBRARY: Final = Path(__file__).with_name("templates")
FRAME: Final = "node.py.j2"
"""The template that those of the kinds extend."""
_SUFFIX: Final = ".j2"
_LARGEST_BYTES: Final = 256 * 1024
_OF_EXPRESSIONS: Final = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What an expression in a template of a project may raise."""


def template_names() -> list[str]:
    """Return the names of all templates, sorted."""
    return sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob(f"*{_SUFFIX}"))


class Templates:
    """The compiled templates of the library, with those of a project folder in place of the ones of the same name."""

    def __init__(self, folder: Path | None = None) -> None:
        """Raise ConfigurationError for a folder that does not exist, or that has a template of an unknown name."""
        self._own = frozenset() if folder is None else frozenset(_checked(folder))
        self._environment = _environment(None if folder is None else folder.resolve())

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """Return the rendered template. Raise ConfigurationError when a template of the project fails."""
        from jinja2 import TemplateError

        try:
            return self._environment.get_template(name).render(values)
        except (TemplateError, *_OF_EXPRESSIONS) as error:
            where = getattr(error, "filename", None) or name
            line = getattr(error, "lineno", 0)
            raise ConfigurationError(f"{where}:{line}: {error}; fix the template") from error

    def replaces(self, *names: str) -> bool:
        """Return whether the project has one of these templates, or a snippet or frame that they may use."""
        return any(own in names for own in self._own)


@cache
def _environment(folder: Path | None) -> "Environment":
    # Commands and the contract of the code renderer import this module, and few of them render.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([LIBRARY] if folder is None else [folder, LIBRARY]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=folder is not None,
    )
    environment.filters["literal"] = literal
    return environment


def _checked(folder: Path) -> list[str]:
    """Return the names of the templates in a folder of a project. Raise ConfigurationError."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: no such folder; name one with templates such as effect.py{_SUFFIX}")
    known = template_names()
    names = []
    for path in sorted(folder.rglob(f"*{_SUFFIX}")):
        name = path.relative_to(folder).as_posix()
        if name not in known:
            raise ConfigurationError(f"{path}: no template {name} can be replaced; there are {', '.join(known)}")
        if path.stat().st_size > _LARGEST_BYTES:
            raise ConfigurationError(f"{path}: is larger than {_LARGEST_BYTES} bytes; split it")
        names.append(name)
    return names
