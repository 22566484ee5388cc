"""The files of a new project."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from onex import __version__
from onex.cli.project.names import ProjectNames
from onex.codegen.editor_schema import IN_PROJECT, editor_line, schema_text

_TEMPLATES: Final = Path(__file__).with_name("templates")
_FILES: Final[Mapping[str, str]] = {
    "README.md": "README.md.j2",
    "Makefile": "Makefile.j2",
    "pyproject.toml": "pyproject.toml.j2",
    ".gitignore": "gitignore.j2",
    ".pre-commit-config.yaml": "pre-commit.yaml.j2",
    ".github/workflows/ci.yml": "ci.yml.j2",
    "{package}_nodes/__init__.py": "nodes.py.j2",
    "services/{node}/v1_0_0/contract.yaml": "contract.yaml.j2",
    "services/{node}/v1_0_0/models/__init__.py": "models.py.j2",
    "services/{node}/v1_0_0/node.py": "node.py.j2",
    "services/{node}/v1_0_0/cases.yaml": "cases.yaml.j2",
    "tests/test_greeting.py": "test_greeting.py.j2",
}
"""Templates by path below the project."""


def project_files(names: ProjectNames) -> dict[str, str]:
    """Return the texts of all files by path below the project."""
    # Other commands of the same process do not need it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    values = {
        "project": names.project,
        "package": names.package,
        "node": names.node,
        "node_class": names.node_class,
        "version": __version__,
        "editor_line": editor_line(),
    }
    files = {
        path.format(package=names.package, node=names.node): environment.get_template(template).render(values)
        for path, template in _FILES.items()
    }
    return {**files, IN_PROJECT: schema_text()}
