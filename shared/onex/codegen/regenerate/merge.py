"""Merges what a contract is rendered to with the node folder that exists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import libcst as cst

from onex.codegen.regenerate.cases import merge_cases
from onex.codegen.regenerate.folder import NodeFolder, read_folder
from onex.codegen.regenerate.handlers import handler_by_message, handlers_of, unfinished_methods
from onex.codegen.regenerate.imports import moved
from onex.codegen.regenerate.modules import merge_module
from onex.codegen.regenerate.notes import EnumMergeNote, ModelMergeNote, Notes, refuse
from onex.codegen.regenerate.rendering import FILE_NAME, earlier_rendering, rendered_for
from onex.codegen.regenerate.syntax import parsed
from onex.contract.load import parse_contract
from onex.errors import ContractError
from onex.model.contract import ModelContract

_CASES: Final = "cases.yaml"
_MODELS: Final = "models"
_NODE: Final = "node.py"


@dataclass(frozen=True, slots=True)
class Merge:
    """A regenerated node, and what stayed, was replaced or is undecided."""

    files: Mapping[str, str]
    """Text by path below the services folder. Files that are no text are not in it, and stay where they are."""
    notes: tuple[ModelMergeNote, ...]

    def of(self, *kinds: EnumMergeNote) -> tuple[ModelMergeNote, ...]:
        """Return the notes of some kinds."""
        return tuple(note for note in self.notes if note.kind in kinds)

    @property
    def kept_bodies(self) -> tuple[str, ...]:
        """Qualified names of the hand-written bodies that stayed."""
        return tuple(note.name for note in self.of(EnumMergeNote.KEPT_BODY, EnumMergeNote.KEPT_HANDLER))

    @property
    def conflicts(self) -> tuple[ModelMergeNote, ...]:
        """The places where the contract and the hand-written part differ."""
        return self.of(EnumMergeNote.CONFLICT)


def merged(rendered: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """Return the rendered files with the hand-written parts of a node folder. Raise ContractError.

    ``rendered`` has the files of one node version by path below the services folder, ``contract.yaml`` among them.
    ``folder`` is the folder of a version of that node, such as ``services/node_x_effect/v1_0_0``; it may lack.
    """
    return merge(rendered, folder).files


def regenerated(text: str, folder: Path) -> Merge:
    """Return the node of a contract with the hand-written parts of a node folder. Raise ContractError.

    Unlike a generation, it takes contracts without ``definitions``, whose messages are classes of the author.
    """
    found = read_folder(folder)
    return _merge(rendered_for(text, found), found)


def merge(rendered: Mapping[str, str], folder: Path) -> Merge:
    """As :func:`merged`, with a note for each decision.

    Three versions are compared part by part: the folder, the new rendering, and the rendering of the contract that
    lies in the folder. A part of the folder that equals the last one is generated and gets the new rendering. Any
    other part is hand-written and stays. No code of the folder is executed.
    """
    return _merge(rendered, read_folder(folder))


def _merge(rendered: Mapping[str, str], folder: NodeFolder) -> Merge:
    root = _root(rendered)
    package = root.replace("/", ".").removesuffix(".")
    before = earlier_rendering(folder)
    notes = Notes([])
    files: dict[str, str] = {}
    contract = parse_contract(rendered[root + FILE_NAME])
    handlers = frozenset(handlers_of(contract))
    is_finished = _is_finished(contract, lambda: files[f"{root}{_NODE}"])
    for path in sorted(rendered, key=lambda name: not name.endswith(f"/{_NODE}")):
        text, local = rendered[path], path.removeprefix(root)
        old = before.get(local) if before is not None else None
        if local == _CASES:
            own, at = folder.texts.get(local, ""), folder.path / local
            files[path] = merge_cases(old, own, text, path=at, add=notes.on(path), is_finished=is_finished)
        elif not path.startswith(root) or local == FILE_NAME or local not in folder.texts:
            files[path] = text
        else:
            files[path] = _file(local, old, folder, text, package, notes, path, handlers)
    for local, text in folder.texts.items():
        path = root + local
        if path in files:
            continue
        if before is not None and before.get(local) == text:
            notes.on(path)(EnumMergeNote.REMOVED, 0, local, "the generator no longer renders it")
            continue
        if local.endswith(".py"):
            source = parsed(text, folder.path / local)
            text = moved(source.module, folder.module, package).code
        files[path] = text
        notes.on(path)(EnumMergeNote.KEPT_FILE, 0, local, "it was written by hand")
    for local in folder.others:
        notes.on(root + local)(EnumMergeNote.KEPT_FILE, 0, local, "it is no text, and stays where it is")
    return Merge(files, tuple(notes.items))


def _root(rendered: Mapping[str, str]) -> str:
    """Return ``node_x_effect/v1_0_0/``."""
    found = [path for path in rendered if PurePosixPath(path).name == FILE_NAME and path.count("/") == 2]
    if len(found) != 1:
        refuse(Path(FILE_NAME), 1, "files", f"{len(found)} contracts are rendered", "render one node version")
    return found[0].removesuffix(FILE_NAME)


def _is_finished(contract: ModelContract, node: Callable[[], str]) -> Callable[[str], bool]:
    """Return the function that says whether the handler of a message is written, in the text of the merged node."""
    by_message = handler_by_message(contract)

    def is_finished(message: str) -> bool:
        unfinished = unfinished_methods(cst.parse_module(node()))
        return by_message[message] not in unfinished if message in by_message else not unfinished

    return is_finished


def _file(
    local: str,
    before: str | None,
    folder: NodeFolder,
    text: str,
    package: str,
    notes: Notes,
    path: str,
    handlers: frozenset[str],
) -> str:
    """Return one file of both, merged by its syntax where it has one."""
    own, at, add = folder.texts[local], folder.path / local, notes.on(path)
    if not local.endswith(".py"):
        if own in (text, before):
            return text
        add(EnumMergeNote.CONFLICT, 0, local, "the rendered file differs; the hand-written one stays")
        return own
    ours = parsed(own, at)
    if folder.module != package:  # the lines of its statements stay the same
        ours = parsed(moved(ours.module, folder.module, package).code, at)
    old = _moved_base(before, at, folder.module, package)
    return merge_module(
        old,
        ours,
        text,
        path=at,
        add=add,
        is_node_file=local == _NODE,
        is_messages=local.startswith(f"{_MODELS}/"),
        handlers=handlers,
    )


def _moved_base(before: str | None, at: Path, module: str, package: str) -> str | None:
    """Return the earlier rendering with the imports of the new package. None when it is damaged, and so unknown."""
    try:
        return moved(parsed(before, at).module, module, package).code if before is not None else None
    except ContractError:
        return None
