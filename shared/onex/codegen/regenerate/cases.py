"""Merges golden cases: those of the contract and those that were written by hand, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import JsonValue

from onex.codegen.regenerate.notes import Add, EnumMergeNote, refuse
from onex.contract.bounded_yaml import LARGEST, BoundedLoader
from onex.errors import ContractError


@dataclass(frozen=True, slots=True)
class _Case:
    """A case with its text: from its dash to the next one, with the comments before it."""

    data: JsonValue
    text: str
    line: int


class _Loader(BoundedLoader):
    """Reads times as text, as JSON has them."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in BoundedLoader.yaml_implicit_resolvers.items()
}


def merge_cases(
    base: str | None, ours: str, theirs: str, *, path: Path, add: Add, is_finished: Callable[[str], bool]
) -> str:
    """Return the cases of the author, and the rendered ones, by name. Raise ContractError for text that is no list.

    A case that equals the earlier rendering is generated: it has the new rendering, or goes. Any other case stays as
    it is, with its comments. A rendered case that says that a message is not handled yet goes when ``is_finished``
    says that its handler is written.
    """
    own, new = _cases(ours, path), _cases(theirs, path)
    wanted = {name: case for name, case in new.items() if not _is_outdated(case.data, is_finished)}
    if not own and len(wanted) == len(new):
        return theirs
    new, old = wanted, _earlier(base, path) if own else {}
    merged: dict[str, _Case] = {}
    for name, case in own.items():
        is_generated = name in old and old[name].data == case.data
        if name in new and (is_generated or new[name].data == case.data):
            merged[name] = case if new[name].data == case.data else new[name]
        elif is_generated:
            add(EnumMergeNote.REMOVED, case.line, name, "the contract no longer asks for this case")
        else:
            merged[name] = case
            if name in new:
                add(EnumMergeNote.CONFLICT, case.line, name, "the contract has another case of this name")
    for name, case in new.items():
        if name in own:
            continue
        if name in old:
            add(EnumMergeNote.LEFT_OUT, 0, name, "the case was removed by hand, and is not written again")
        else:
            merged[name] = case
    cases = list(merged.values())
    if [case.data for case in cases] == [case.data for case in own.values()]:
        return ours
    text = _head(ours, own) + "".join(case.text for case in cases)
    if _data(text, path) == [case.data for case in cases]:
        return text
    return yaml.safe_dump([case.data for case in cases], sort_keys=False, allow_unicode=True, width=110)


def _is_outdated(case: JsonValue, is_finished: Callable[[str], bool]) -> bool:
    """Return whether a case expects that a handler is unfinished which is written."""
    match case:
        case {"when": {**when}, "then": {"dead_letter": {"class": "unfinished"}}}:
            return any(is_finished(str(name)) for name in when)
        case _:
            return False


def _earlier(text: str | None, path: Path) -> dict[str, _Case]:
    """Return the cases of the earlier rendering; none when it is damaged, and so unknown."""
    try:
        return _cases(text, path) if text is not None else {}
    except ContractError:
        return {}


def _head(text: str, cases: dict[str, _Case]) -> str:
    """Return the comments before the first case."""
    first = min((case.line for case in cases.values()), default=1)
    return "".join(text.splitlines(keepends=True)[: first - 1]) if cases else ""


def _cases(text: str, path: Path) -> dict[str, _Case]:
    """Return cases by name. A case without a name, or with one that is in use, has its number in addition."""
    found = _node(text, path)
    if found is None:
        return {}
    lines = text.splitlines(keepends=True)
    starts = [item.start_mark.line for item in found.value]
    data = _data(text, path)
    assert isinstance(data, list)
    cases: dict[str, _Case] = {}
    for index, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
        content = "".join(lines[start:end])
        item = data[index]
        name = str(item.get("name", "")) if isinstance(item, dict) else ""
        key = name if name and name not in cases else f"{name} ({index + 1})"
        cases[key] = _Case(item, content if content.endswith("\n") else f"{content}\n", start + 1)
    return cases


def _node(text: str, path: Path) -> yaml.SequenceNode | None:
    if len(text) > LARGEST * 4:
        refuse(path, 1, "cases", f"is longer than {LARGEST * 4} characters", "remove cases")
    try:
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        refuse(path, line, "cases", error.problem or "is no YAML", "fix the YAML")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        refuse(path, 1, "cases", str(error)[:200], "fix the YAML")
    if root is not None and not isinstance(root, yaml.SequenceNode):
        refuse(path, 1, "cases", "is no list of cases", "begin each case with `- name: ...`")
    return root


def _data(text: str, path: Path) -> Sequence[JsonValue] | None:
    """Return the content of a list of cases; None when it cannot be read."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        data: object = [] if root is None else loader.construct_document(root)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return data if isinstance(data, list) else None
