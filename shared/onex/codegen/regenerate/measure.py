"""Measures a regeneration."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import libcst as cst

from onex.codegen.model import ModelValidationResult
from onex.codegen.regenerate.diff import differences
from onex.codegen.regenerate.features import EnumFeature, feature_of_mixin, lines_by_feature
from onex.codegen.regenerate.folder import NodeFolder, read_folder
from onex.codegen.regenerate.handlers import handlers_of, unfinished_methods
from onex.codegen.regenerate.merge import Merge, regenerated
from onex.codegen.regenerate.metrics import EnumGate, ModelNodeVersion, ModelRegenerationMetrics
from onex.codegen.regenerate.notes import EnumMergeNote, refuse
from onex.codegen.regenerate.rendering import FILE_NAME, root_of
from onex.codegen.regenerate.syntax import check
from onex.contract.load import parse_contract
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract

Validate = Callable[[Mapping[str, str]], Sequence[ModelValidationResult]]
"""Runs the gates over the files of a node, by path below the services folder."""


def measured(
    folder: Path, text: str | None = None, validate: Validate | None = None
) -> tuple[ModelRegenerationMetrics, Merge]:
    """Regenerate a node folder in memory and compare. Nothing is written. Raise ContractError.

    ``text`` is the new contract; without it, that of the folder. ``validate`` runs the gates before and after.
    """
    found = read_folder(folder)
    old = found.texts.get(FILE_NAME)
    contract = text if text is not None else old
    if contract is None:
        refuse(folder / FILE_NAME, 1, "file", "not found", "name the folder of a node version")
    started = time.perf_counter()
    result = regenerated(contract, folder)
    seconds = time.perf_counter() - started
    before = in_services(found, contract if old is None else None)
    return compared(before, result.files, seconds=seconds, result=result, validate=validate), result


def compared(
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    seconds: float = 0.0,
    result: Merge | None = None,
    validate: Validate | None = None,
) -> ModelRegenerationMetrics:
    """Compare two versions of a node: files by path below the services folder. Raise ContractError."""
    contract = _contract(after)
    notes = result.notes if result else ()
    return ModelRegenerationMetrics(
        name=contract.name,
        kind=contract.node_type,
        before=version_of(before, validate),
        after=version_of(after, validate),
        generation_seconds=seconds,
        notes=notes,
        kept_bodies=result.kept_bodies if result else (),
        conflicts=tuple(str(note) for note in notes if note.kind is EnumMergeNote.CONFLICT),
        changed_files=tuple(differences(before, after)),
    )


def version_of(files: Mapping[str, str], validate: Validate | None = None) -> ModelNodeVersion:
    """Return the lines, features, capabilities, handlers and gates of one version. Raise ContractError."""
    contract = _contract(files)
    handlers = handlers_of(contract)
    for path, text in files.items():
        if path.endswith(".py"):
            check(text, Path(path))
    lines = lines_by_feature(files, frozenset(handlers))
    mixins = tuple(sorted(dict.fromkeys(_mixin(name) for name in contract.asked_capabilities)))
    present = {*lines, *(feature for name in mixins if (feature := feature_of_mixin(name)) is not None)}
    results = list(validate(files)) if validate else []
    return ModelNodeVersion(
        version=str(contract.contract_version),
        lines=lines,
        mixins=mixins,
        features=tuple(feature for feature in EnumFeature if feature in present),
        handlers=tuple(handlers),
        unfinished=tuple(name for name in _unfinished(files) if name in handlers),
        gates={item.stage: EnumGate.FAILED if item.errors else EnumGate.PASSED for item in results},
        validation_seconds=sum(item.seconds for item in results),
    )


def _unfinished(files: Mapping[str, str]) -> list[str]:
    """Return the names of the methods in ``node.py`` that are not written yet."""
    text = next((text for path, text in files.items() if path.count("/") == 2 and path.endswith("/node.py")), "")
    return unfinished_methods(cst.parse_module(text))


def _mixin(name: str) -> str:
    mixin = None if name.startswith("Mixin") else CATALOGUE.of_key(name)
    return mixin.__name__ if mixin else name


def _contract(files: Mapping[str, str]) -> ModelContract:
    path = next((path for path in files if path.count("/") == 2 and path.endswith(f"/{FILE_NAME}")), None)
    if path is None:
        refuse(Path(FILE_NAME), 1, "files", "no contract among the files", "name the folder of a node version")
    return parse_contract(files[path], path)


def in_services(folder: NodeFolder, text: str | None = None) -> dict[str, str]:
    """Return the files of a folder by path below the services folder. Raise ContractError for one without a contract.

    ``text`` is the contract of a folder that has none.
    """
    found = folder.texts.get(FILE_NAME, text)
    if found is None:
        refuse(folder.path / FILE_NAME, 1, "file", "not found", "name the folder of a node version")
    root = root_of(parse_contract(found, str(folder.path / FILE_NAME)))
    return {f"{root}/{FILE_NAME}": found, **{f"{root}/{name}": content for name, content in folder.texts.items()}}
