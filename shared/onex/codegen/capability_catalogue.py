"""The tables of ``docs/capabilities.md``, from the metadata of the capabilities."""

from collections.abc import Iterable

from onex.capability.metadata import CapabilityMetadata
from onex.model.enums import EnumCapabilityCategory, EnumNodeKind

BEGIN = (
    "<!-- The tables up to the end mark are rendered by `make render` from metadata.yaml of each capability. -->\n"
)
END = "<!-- end -->\n"
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
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for tables: {BEGIN.strip()} ... {END.strip()}")
    return f"{before}{BEGIN}\n{_tables(list(catalogue))}\n{END}{after}"


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
