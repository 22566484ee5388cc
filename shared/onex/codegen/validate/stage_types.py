"""Stage TYPE_CHECKING: mypy with the settings of this repository, on all packages of a validation in one run."""

import atexit
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import JsonValue

from onex.codegen.validate.rule import Findings, Rule
from onex.codegen.validate.sources import Sources
from onex.codegen.validate.tools.client import ToolError, ToolProcess

_TOOL = Rule("types.tool", "install the extra `codegen`, or repeat the validation")
_INLINE = Rule("types.inline_settings", "remove the comment: the settings are the same for all nodes")
_REMEDIES: Mapping[str, str] = {
    "arg-type": "pass a value of that type",
    "assignment": "assign a value of that type",
    "attr-defined": "fix the name, or make the capability a base of the class",
    "call-arg": "pass the arguments of the signature",
    "import-not-found": "install the package that has it, or fix the name",
    "import-untyped": "install its stubs",
    "name-defined": "import it, or fix the name",
    "no-any-return": "annotate the value that is returned",
    "no-untyped-def": "annotate parameters and result",
    "override": "use the signature of the base class",
    "return": "return a value on every path",
    "return-value": "return a value of that type, or change the annotation",
    "type-arg": "name the type arguments",
    "union-attr": "check for None first",
    "unused-ignore": "remove the comment",
    "ignore-without-code": "name the code: `# type: ignore[code]`",
}


@cache
def mypy_process(folder: Path | None) -> ToolProcess:
    """Return the process of mypy for a cache folder, one for all validations. None: a folder of this process."""
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="onex-mypy-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    paths = [path for path in sys.path if path and Path(path).is_absolute() and Path(path).is_dir()]
    return ToolProcess("mypy_process.py", [str(folder.resolve() / "mypy"), json.dumps(paths)])


def check_types(sources: Sources, context: Mapping[str, str], tool: ToolProcess) -> Findings:
    """Yield mypy's errors. ``context`` are files that the checked ones import."""
    modules = sources.modules
    for module in modules:
        for number, text in enumerate(module.text.splitlines(), 1):
            if text.lstrip().startswith("#") and text.lstrip("# \t").startswith("mypy:"):
                yield _INLINE.at(module.path, number, "changes the settings of the type checker")
    request: dict[str, JsonValue] = {
        "files": {module.path: module.text for module in modules},
        "context": dict(context.items()),
    }
    try:
        reply = tool.ask(request)
    except ToolError as error:
        yield _TOOL.at("", 0, str(error))
        return
    paths = {module.path for module in modules}
    for message in reply if isinstance(reply, list) else ():
        match message:
            case {"file": str(path), "line": int(line), "message": str(text), "code": code, "severity": "error"}:
                if path in paths:
                    name = str(code or "misc")
                    rule = Rule(f"mypy.{name}", _REMEDIES.get(name, f"see mypy's error code {name}"))
                    yield rule.at(path, max(0, line), text.partition("\n")[0])
