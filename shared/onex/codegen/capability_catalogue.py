"""The tables of ``docs/capabilities.md``, from the metadata of the capabilities."""

from collections.abc import Iterable

from onex.capability.metadata import CapabilityMetadata
from onex.capability.names import OnexName
from onex.model.enums import EnumCapabilityCategory, EnumNodeKind

BEGIN = (
    "<!-- The tables up to the end mark are rendered by `make render` from metadata.yaml of each capability. -->\n"
)
END = "<!-- end -->\n"
BEGIN_NAMES = "<!-- The table up to the end mark is rendered by `make render` from names.yaml. -->\n"
END_NAMES = "<!-- end of names -->\n"
_SHELVES = {
    EnumCapabilityCategory.SERVICE: "Base",
    EnumCapabilityCategory.OPERATIONS: "Operations",
    EnumCapabilityCategory.COMMUNICATION: "Communication",
    EnumCapabilityCategory.DATA: "Data",
    EnumCapabilityCategory.FLOW_CONTROL: "Flow control",
    EnumCapabilityCategory.SECURITY: "Security",
    EnumCapabilityCategory.KAFKA: "Kafka",
}


def with_tables(page: str, catalogue: Iterable[CapabilityMetadata]) -> str:
    """Return the page with new tables between its marks. Raise ValueError when a mark is missing."""
    return _replaced(page, BEGIN, END, _tables(list(catalogue)))


def with_names(page: str, names: Iterable[OnexName]) -> str:
    """Return the page with a new table of ONEX names between its marks. Raise ValueError when a mark is missing."""
    return _replaced(page, BEGIN_NAMES, END_NAMES, _names(names))


def _replaced(page: str, begin_mark: str, end_mark: str, text: str) -> str:
    before, begin, rest = page.partition(begin_mark)
    _, end, after = rest.partition(end_mark)
    if not begin or not end:
        raise ValueError(f"the page has no place for tables: {begin_mark.strip()} ... {end_mark.strip()}")
    return f"{before}{begin_mark}\n{text}\n{end_mark}{after}"


def _names(names: Iterable[OnexName]) -> str:
    lines = ["| ONEX name | form | here | what it is | why |", "|---|---|---|---|---|"]
    for row in names:
        here = "" if row.maps_to == row.name else f"`{row.maps_to}`" if row.maps_to else _cell(row.use)
        lines.append(f"| `{row.name}` | {row.form} | {here} | {_cell(row.sentence)} | {_cell(row.ruling)} |")
    return "\n".join(lines) + "\n"


def _tables(catalogue: list[CapabilityMetadata]) -> str:
    lines = ["| category | capability | in a node | for | what it does |", "|---|---|---|---|---|"]
    for category, shelf in _SHELVES.items():
        for each in catalogue:
            if each.category is category:
                lines.append(
                    f"| {shelf} | {_linked(each)} | `{each.accessor}` | {_kinds(each)} | {_cell(each.summary)} |"
                )
    lines += ["", "When to use which, and what a node has without it or with another one:", ""]
    lines += ["| capability | use it when | overlaps with |", "|---|---|---|"]
    for each in catalogue:
        others = " ".join(f"{_shown(name)}: {_cell(words)}" for name, words in each.overlaps.items())
        lines.append(f"| {_linked(each)} | {_cell(each.when_to_use)} | {others} |")
    return "\n".join(lines) + "\n"


def _linked(metadata: CapabilityMetadata) -> str:
    return f"[`{metadata.name}`](capabilities/{metadata.key}.md)"


def _kinds(metadata: CapabilityMetadata) -> str:
    return "all" if len(metadata.kinds) == len(EnumNodeKind) else ", ".join(metadata.kinds)


def _shown(name: str) -> str:
    """Return a name of the code, or a setting, as code, and other words as words."""
    return f"`{name}`" if name.startswith(("Mixin", "$", "/")) or "." in name or "_" in name else name


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
