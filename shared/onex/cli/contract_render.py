"""``onex contract render``: writes the files that follow from contracts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from onex.cli.node_lookup import resolve_all
from onex.cli.options import Services, load_settings
from onex.cli.output import Exit, console, errors
from onex.codegen.api import api_files
from onex.codegen.capability_fields import capability_files
from onex.codegen.declarations import declaration_files
from onex.codegen.editor_schema import schema_files
from onex.codegen.observability import observability_files
from onex.codegen.reference import reference_files
from onex.codegen.rendered import is_rendered
from onex.codegen.validate.rules import rule_files
from onex.errors import RejectedError


def render(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, and exit with code 1 when files differ.")
    ] = False,
    root: Annotated[Path, typer.Option(help="Folder with topics/, schemas/, deploy/ and docs/.")] = Path(),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace files that this command did not write.")
    ] = False,
    services: Services = None,
) -> None:
    """Write the files that follow from contracts, or check that they are up to date.

    These are topics/, schemas/, the Grafana dashboard and Prometheus alerts in deploy/, docs/contract-reference.md.
    In a checkout of ONEX also docs/api.md, docs/validation-rules.md, docs/capability-fields.md, the subcontract.yaml
    of each capability, and the schema for editors.
    """
    # Without a topic prefix: the files describe every environment.
    nodes = resolve_all(load_settings(services).model_copy(update={"topic_prefix": ""}))
    files = {**declaration_files(nodes), **observability_files(nodes), **reference_files()}
    outside = [] if overwrite else [name for name in files if (root / name).exists() and not is_rendered(root / name)]
    files |= {**capability_files(root), **api_files(root), **rule_files(root), **schema_files(root)}
    differing = [name for name, text in files.items() if not _has(root / name, text)]
    surplus = sorted(_rendered_declarations(root) - files.keys())
    if check:
        for name in [*differing, *surplus]:
            errors.print(f"{name} differs from the contracts; run `onex contract render`")
        if differing or surplus:
            raise typer.Exit(Exit.FAILED)
        console.print(f"{len(files)} files up to date")
        return
    _refuse(outside, root)
    for name in differing:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(files[name])
    for name in surplus:
        (root / name).unlink()
    console.print(f"{len(differing)} files written, {len(surplus)} removed")


def _has(file: Path, text: str) -> bool:
    return file.exists() and file.read_bytes() == text.encode()


def _rendered_declarations(root: Path) -> set[str]:
    """Return the files of topics and schemas that this command wrote, by path below ``root``."""
    files = [*(root / "topics").glob("onex.*"), *(root / "topics").glob("_*"), *(root / "schemas").glob("onex.*")]
    return {str(file.relative_to(root)) for file in files if is_rendered(file)}


def _refuse(outside: Iterable[str], root: Path) -> None:
    """Raise RejectedError for files that this command did not write."""
    if names := ", ".join(str(root / name) for name in outside):
        raise RejectedError(f"{names}: not written by `onex contract render`; move the file, or pass --overwrite")
