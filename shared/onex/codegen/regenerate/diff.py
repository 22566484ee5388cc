"""The differences between two versions of a node."""

from collections.abc import Mapping
from difflib import unified_diff


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> Mapping[str, str]:
    """Return a unified diff by path, for the files that differ.

    A file that only one version has counts as empty in the other one.
    """
    texts: dict[str, str] = {}
    for path in sorted({*old, *new}):
        before, after = old.get(path, ""), new.get(path, "")
        if before == after and (path in old) is (path in new):
            continue
        lines = unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"a/{path}" if path in old else "/dev/null",
            f"b/{path}" if path in new else "/dev/null",
        )
        texts[path] = "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )
    return texts
