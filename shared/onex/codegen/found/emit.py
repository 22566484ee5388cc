"""The text of the contract that an import writes."""

from collections.abc import Mapping

import yaml
from pydantic import JsonValue

from onex.codegen.editor_schema import editor_line
from onex.codegen.found.schema_fields import Fields
from onex.util.printable import one_line

_WIDTH = 110


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def contract_text(data: Mapping[str, JsonValue], source_name: str, fields: Fields, unnamed: list[str]) -> str:
    """Return the contract as YAML. ``unnamed`` are messages about whose fields nothing is known."""
    parts = [
        editor_line(),
        f"# Imported from {one_line(source_name)}; import-report.txt says what became of each line.",
    ]
    stated = {key: value for key, value in data.items() if value not in ({}, [], "", None)}
    dumped: str = yaml.dump(
        stated, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True, default_flow_style=None
    )
    parts.append(dumped.rstrip("\n"))
    return "\n".join([*parts, *_gaps(fields, unnamed)]) + "\n"


def _gaps(fields: Fields, unnamed: list[str]) -> list[str]:
    """Return comments about messages whose fields the source does not state."""
    lines: list[str] = []
    known = {name: types for name, types in fields.unknown.items() if any(text != "?" for text in types.values())}
    if known or unnamed:
        lines.append(
            "# The source does not state all fields of these messages. Write them in definitions or models/:"
        )
    for name, types in known.items():
        lines.append(f"#   {name}:")
        lines += [f"#     {field}: {text}" for field, text in types.items()]
    lines += [f"#   {name}" for name in unnamed if name not in known]
    return lines
