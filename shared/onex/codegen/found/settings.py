"""Configuration and dependencies of a node."""

import re

from pydantic import JsonValue

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.model.contract.identifiers import identifier_problem

_SCHEMA = frozenset({"description", "default", "required", "type", "env", "env_var", "secret", "sensitive"})
_REQUIREMENT = re.compile(r"^([A-Za-z][A-Za-z0-9_.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@].*)?$")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_TYPES = {"model": "model", "protocol": "protocol", "package": "package", "library": "package", "module": "package"}
_NOT_IMPORTED = {
    "environment": "set it where the node runs; `${NAME}` in config takes it from there",
    "node": "nodes import no nodes: topics connect them",
    "service": "a capability reaches it: MixinDatabase, MixinCircuitBreaker and others; `onex mixins` lists them",
    "tool": "a command of the operating system belongs into the image of the node",
    "command": "a command of the operating system belongs into the image of the node",
}


def read_config(root: Place, notes: Notes) -> dict[str, JsonValue]:
    """Return ``config``: plain values, and defaults of settings that are described."""
    place = root.get("config", "configuration")
    config: dict[str, JsonValue] = {}
    for child in place.children() if place and place.is_map else ():
        if child.is_map and child.children() and {each.key for each in child.children()} <= _SCHEMA:
            _setting(child, config, notes)
        elif child.value is not None:
            config[child.key] = child.value
            notes.taken(child)
        else:
            notes.left_out(child, "has no value")
    return config


def _setting(place: Place, config: dict[str, JsonValue], notes: Notes) -> None:
    variable = place.text_of("env", "env_var")
    default = place.get("default")
    if variable and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        shown = default.text if default is not None else ""
        config[place.key] = (
            f"${{{variable}:-{shown}}}" if default is not None and "}" not in shown else f"${{{variable}}}"
        )
        notes.translated(place, f"{place.key}: {config[place.key]}")
    elif default is not None:
        config[place.key] = default.value
        notes.translated(place, f"{place.key} has its default; the Config class of the node describes it")
    else:
        notes.left_out(place, "has no value: the Config class of the node declares the setting")


def read_dependencies(root: Place, notes: Notes) -> list[JsonValue]:
    """Return ``dependencies``: modules that must be importable."""
    place = root.get("dependencies")
    if place is None:
        return []
    found: list[JsonValue] = []
    if place.is_map:
        for group in place.children():
            for item in group.children() if group.children() else [group]:
                if group.key in ("packages", "libraries", "python", "pip") and item.text:
                    _requirement(item, found, notes)
        return found
    for item in place.children():
        if item.text:
            _requirement(item, found, notes)
        elif item.is_map:
            _dependency(item, found, notes)
    return found


def _requirement(item: Place, found: list[JsonValue], notes: Notes) -> None:
    match = _REQUIREMENT.match(item.text)
    name = match[1] if match else ""
    module = name.replace("-", "_")
    if not name or not _MODULE.fullmatch(module):
        notes.left_out(item, "names no package")
        return
    found.append({"name": name, "type": "package", "module": module})
    notes.translated(item, f"the module {module} must be importable; pyproject.toml of the node says which version")


def _dependency(item: Place, found: list[JsonValue], notes: Notes) -> None:
    kind = item.text_of("type", "kind").lower()
    required = item.get("required")
    where = item.get("name") or item
    if (reason := _NOT_IMPORTED.get(kind)) is not None:
        notes.left_out(item, reason)
        return
    if required is not None and required.value is False:
        notes.left_out(item, "is not required: a node declares what it cannot start without")
        return
    module = item.text_of("module", "import", "package") or item.text_of("library").replace("-", "_")
    module = module.partition(":")[0]
    if kind not in _TYPES or not _MODULE.fullmatch(module):
        notes.left_out(item, "names no module that must be importable")
        return
    entry: dict[str, JsonValue] = {"name": where.text or module, "type": _TYPES[kind], "module": module}
    name = item.text_of("class_name", "class", "protocol")
    if name and not identifier_problem(name) and kind in ("model", "protocol"):
        entry["class_name"] = name
    found.append(entry)
    notes.taken(where)
    for key in ("type", "module", "class_name", "library"):
        if (used := item.get(key)) is not None:
            notes.taken(used)
