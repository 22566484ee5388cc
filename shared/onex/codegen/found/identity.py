"""Name, kind, version and description of a node, in the spellings that contracts use."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.words import snake, words_of
from onex.contract.versions import version_of
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumNodeKind

_KIND_KEYS = ("node_type", "node_kind", "kind", "type", "node_archetype")
_NAME_KEYS = ("name", "node_name", "contract_name")
_VERSION_KEYS = ("contract_version", "version", "node_version")
_VERSION = re.compile(r"v?(\d{1,6})(?:[._](\d{1,6}))?(?:[._](\d{1,6}))?([-+.].*)?")
_KINDS = {kind.lower(): kind for kind in EnumNodeKind}
_EARLIEST = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What a node is."""

    name: str
    kind: EnumNodeKind
    version: ModelSemVer

    @property
    def owner(self) -> str:
        """Second segment of the topics that belong to the node."""
        return self.name.removeprefix("node_").rpartition("_")[0].replace("_", "-")


def read_identity(root: Place, notes: Notes) -> Identity | None:
    """Return the identity. Return None, with a note, for a contract that has none."""
    kind = _kind(root, notes)
    if kind is None:
        return None
    kind = _kind_that_may_do_io(root, kind, notes)
    name = _name(root, kind, notes)
    return Identity(name, kind, _version(root, notes)) if name else None


def describe(root: Place, notes: Notes) -> tuple[str, dict[str, JsonValue]]:
    """Return the description and the metadata."""
    metadata: dict[str, JsonValue] = {}
    found = root.get("metadata")
    if found is not None and found.is_map:
        for child in found.children():
            if child.value is not None:
                metadata[child.key] = _flat(child)
                notes.taken(child)
    description = root.get("description", "summary")
    if description is not None and description.text:
        notes.taken(description)
        return " ".join(description.text.split()), metadata
    return "", metadata


def _flat(place: Place) -> str:
    if place.is_list and not any(child.is_map or child.is_list for child in place.children()):
        return ", ".join(child.text for child in place.children())
    return json.dumps(place.value) if place.is_map or place.is_list else " ".join(place.text.split())


def kind_in(text: str) -> EnumNodeKind | None:
    """Return the kind that a text such as ``EFFECT_GENERIC`` or ``NodeEffect`` names, if it names exactly one."""
    named = {_KINDS[word] for word in words_of(text) if word in _KINDS}
    return named.pop() if len(named) == 1 else None


def _kind(root: Place, notes: Notes) -> EnumNodeKind | None:
    descriptor = root.get("descriptor")
    for place in (root.get(key) for key in _KIND_KEYS):
        if place is None or not place.text:
            continue
        kind = kind_in(place.text)
        if kind is None:
            kinds = ", ".join(EnumNodeKind)
            notes.refused(place, f"{place.text[:80]!r} is not one of the four kinds; write one of {kinds}")
            return None
        if place.text == kind:
            notes.taken(place)
        else:
            notes.translated(place, f"is the kind {kind}")
        return kind
    if descriptor and (place := descriptor.get("node_archetype")) and (kind := kind_in(place.text)):
        notes.translated(place, f"is the kind {kind}: no key names it")
        return kind
    for place in (root.get(key) for key in _NAME_KEYS):
        if place and (kind := _KINDS.get(snake(place.text).rpartition("_")[2])):
            notes.translated(place, f"its last word is the kind {kind}: no key names it")
            return kind
    notes.refused(root, f"has no node_type; write one of {', '.join(EnumNodeKind)}")
    return None


def _kind_that_may_do_io(root: Place, kind: EnumNodeKind, notes: Notes) -> EnumNodeKind:
    """Return EFFECT for a COMPUTE or REDUCER that says that it is not pure, because only an EFFECT may do I/O."""
    descriptor = root.get("descriptor")
    purity = descriptor.get("purity") if descriptor else root.get("purity")
    pure = purity is None or purity.text.lower() in ("pure", "deterministic", "")
    if purity is not None and kind is EnumNodeKind.ORCHESTRATOR and not pure:
        notes.left_out(
            purity, "an ORCHESTRATOR reads and writes messages only: I/O in its handlers moves to an EFFECT"
        )
        return kind
    if purity is not None and (pure or kind is EnumNodeKind.EFFECT):
        notes.left_out(
            purity, f"follows from the kind: {'an EFFECT may do I/O' if kind == 'EFFECT' else 'it is pure'}"
        )
        return kind
    if purity is not None:
        notes.translated(purity, f"{kind} nodes are pure, so the node becomes an EFFECT, which may do I/O")
        return EnumNodeKind.EFFECT
    writes = _written_tables(root)
    if kind is EnumNodeKind.REDUCER and writes is not None:
        notes.translated(writes, "a REDUCER writes no tables, so the node becomes an EFFECT; its handlers write them")
        return EnumNodeKind.EFFECT
    return kind


def _written_tables(root: Place) -> Place | None:
    tables = io.get("db_tables", "tables") if (io := root.get("db_io", "database_io")) else None
    for table in tables.children() if tables else ():
        if "write" in (access := table.text_of("access", "mode").lower()) or access == "rw":
            return table
    return None


def _name(root: Place, kind: EnumNodeKind, notes: Notes) -> str:
    place = next((found for key in _NAME_KEYS if (found := root.get(key)) and found.text), None)
    metadata = root.get("metadata")
    if place is None and metadata is not None:
        place = next((found for key in _NAME_KEYS if (found := metadata.get(key)) and found.text), None)
    written = place.text if place else _folder_name(root.source.file)
    base = snake(written)
    name = base if base.startswith("node_") else f"node_{base}"
    if not name.endswith(f"_{kind.lower()}") or name == f"node_{kind.lower()}":
        name = f"{name}_{kind.lower()}"
    if not base or not base.isascii():
        notes.refused(place or root, "has no name; write `name: node_...`")
        return ""
    where = place or root
    if name == written:
        notes.taken(where)
    else:
        notes.translated(where, f"is {name}: a name begins with node_ and ends in the kind")
    for key in _NAME_KEYS:
        other = root.get(key)
        if other and other.at != where.at:
            same = snake(other.text) in (base, name)
            notes.left_out(other, "repeats the name" if same else f"a node has one name here: {name}")
    return name


def _folder_name(file: Path) -> str:
    folders = [folder.name for folder in file.resolve().parents if version_of(folder) is None]
    stem = file.name.partition(".")[0]
    return stem if stem != "contract" else (folders[0] if folders else "")


def _version(root: Place, notes: Notes) -> ModelSemVer:
    chosen: ModelSemVer | None = None
    used = ""
    for place in (root.get(key) for key in _VERSION_KEYS):
        if place is None:
            continue
        if chosen is not None:
            same = _parsed(place) == chosen
            notes.left_out(place, f"repeats {used}" if same else f"a node has one version here: {used}")
            continue
        parts = _parsed(place)
        if parts is None:
            notes.left_out(place, "is no version of the form 1.0.0")
            continue
        chosen, used = parts, place.key
        major = place.get("major")
        exact = place.is_map and major is not None and major.text != "0"
        if exact:
            notes.taken(place)
        else:
            zero = ": a major version begins with 1 here" if (place.text or "0").lstrip("v").startswith("0") else ""
            notes.translated(place, f"is {chosen}{zero}")
    if chosen is None:
        notes.translated(root, "has no version; it becomes 1.0.0")
    return chosen or ModelSemVer(major=_EARLIEST)


def _parsed(place: Place) -> ModelSemVer | None:
    """Return the version of a map, a text or a number. A major version of 0 becomes 1."""
    if place.is_map:
        texts = [place.text_of(part) or "0" for part in ("major", "minor", "patch")]
    elif match := _VERSION.fullmatch(place.text):
        texts = [match[part] or "0" for part in (1, 2, 3)]
    else:
        return None
    if not all(text.isascii() and text.isdigit() and len(text) <= 6 for text in texts):
        return None
    major, minor, patch = map(int, texts)
    return ModelSemVer(major=max(major, _EARLIEST), minor=minor, patch=patch)
