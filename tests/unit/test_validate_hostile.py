"""Files of strangers: bounded, refused with a line, and never run; and many threads at the same time."""

import ast
import contextlib
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onex.codegen.model import EnumValidationLevel
from onex.codegen.validate import NodeValidator, parsing, read_folder, validate_folder
from onex.codegen.validate.parsing import Parsed, Refusal, parse
from onex.codegen.validate.sources import LARGEST_FILE, MOST_FILES, read_sources
from onex.codegen.validate.tools.client import ToolError, ToolProcess
from tests.unit.checked_nodes import package, root, rules

NODE = f"{root('compute')}/node.py"
BASIC = NodeValidator(EnumValidationLevel.BASIC)

DEEP = {
    "parentheses": "(" * 5_000 + ")" * 5_000,
    "lists": "[" * 199 + "]" * 199,
    "unary": "x = " + "-" * 50_000 + "1",
    "nots": "x = " + "not " * 20_000 + "1",
    "sum": "x = " + "+".join(["1"] * 20_000),
    "attributes": "x = a" + ".b" * 20_000,
    "calls": "x = f" + "()" * 20_000,
    "blocks": "".join(" " * n + "if x:\n" for n in range(120)) + " " * 120 + "pass\n",
    "lambdas": "x = " + "lambda: " * 5_000 + "1",
    "strings": "x = f'{" * 200,
    "elifs": "if x:\n    pass\n" + "elif x:\n    pass\n" * 5_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_is_a_finding_and_no_crash(name: str) -> None:
    (result,) = BASIC.validate(package(node=DEEP[name]))
    assert rules([result]) == ["syntax.python"]


@pytest.mark.parametrize(
    "path",
    [
        *("../node.py", "/etc/passwd.py", "a/../../b.py", "a//b.py", "a/./b.py", ".hidden.py", "a\\b.py", "a b.py"),
        *("", "a\0b.py", "ä.py", "x" * 200 + ".py", "/".join("a" * 20) + "/b.py", "~/x.py", "-c.py", "a\n.py"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    (result,) = BASIC.validate(package() | {path: "x = 1\n"})
    assert rules([result]) == ["syntax.path"]
    assert all(finding.file.isprintable() for finding in result.findings)


@pytest.mark.parametrize("path", ["pydantic.py", "onex/node.py", "typing.py", "json/__init__.py", "mypy/api.py"])
def test_a_file_in_the_place_of_a_library_is_refused(path: str) -> None:
    """The type checker would read it instead."""
    assert rules(BASIC.validate(package() | {path: "x = 1\n"})) == ["syntax.shadow"]
    inside = f"{root('compute')}/{path}"
    assert rules(BASIC.validate(package() | {inside: "x = 1\n"})) == []


def test_a_stub_is_refused() -> None:
    assert rules(BASIC.validate(package() | {NODE + "i": "x: int\n"})) == ["syntax.stub"]


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("x = 1\ny = '\0'\n", "syntax.text", 2),
        ("x = 1\n\ny = '\ud800'\n", "syntax.text", 3),
        ("\ud800", "syntax.text", 1),
        ("#" * (LARGEST_FILE + 1), "syntax.size", 0),
    ],
)
def test_bytes_that_are_no_text_are_refused(text: str, rule: str, line: int) -> None:
    (finding,) = read_sources({NODE: text}).findings
    assert (finding.rule, finding.line) == (rule, line)


def test_too_many_files_are_refused() -> None:
    many = {f"{root('compute')}/m{n}.py": "" for n in range(MOST_FILES + 1)}
    assert rules(BASIC.validate(many)) == ["syntax.size"]
    large = {f"{root('compute')}/m{n}.py": "#" * LARGEST_FILE for n in range(20)}
    assert rules(BASIC.validate(large)) == ["syntax.size"]


def test_files_on_disk_that_are_no_text_or_lead_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "node_x_compute" / "v1_0_0"
    folder.mkdir(parents=True)
    (folder / "node.py").write_bytes(b"x = 1\n\xff\n")
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "away").symlink_to("/etc")
    os.mkfifo(folder / "pipe.py")
    files, findings = read_folder(tmp_path, tmp_path)
    assert files == {}
    assert sorted((finding.file.rpartition("/")[2], finding.line) for finding in findings) == [
        ("link.py", 0),
        ("node.py", 2),
        ("pipe.py", 0),
    ]
    (result,) = validate_folder(tmp_path, BASIC)
    assert rules([result]) == ["syntax.read"]


def test_nothing_of_the_files_runs(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    run = f"open({str(mark)!r}, 'w')"
    files = package(imports=run, helper=run, conftest=run, sitecustomize=run, test_node=run)
    files[f"{root('compute')}/models/__init__.py"] += f"\n{run}\n"
    NodeValidator(EnumValidationLevel.BASIC).validate(files)
    assert not mark.exists()
    assert not any(name.startswith("node_quote_compute") for name in sys.modules)


class Garbage:
    """In a cycle, so that the garbage collector ends it: in the middle of a conversion of a tree, in any thread."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        sum(range(200))  # Python code, in which the interpreter may change to another thread


def test_many_validations_at_the_same_time_never_fail() -> None:
    """CPython 3.11 counts recursion for ``ast.parse`` once per interpreter: threads that parse disturb each other."""
    large = "\n".join(f"def f{n}(x: int) -> int:\n    return (x + {n}) * [x, {{'a': (x,)}}][0]" for n in range(40))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    stop = threading.Event()

    def elsewhere() -> None:
        """Another library of the process, which takes no lock."""
        while not stop.is_set():
            [Garbage() for _ in range(50)]
            with contextlib.suppress(SystemError):
                ast.parse(large)

    def one(n: int) -> list[str]:
        [Garbage() for _ in range(50)]
        return rules(BASIC.validate(package(imports=f"N = {n}\n{large}\nprint(N)")))

    others = [threading.Thread(target=elsewhere) for _ in range(2)]
    for other in others:
        other.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(one, range(24)))
    finally:
        stop.set()
        for other in others:
            other.join()
        sys.setswitchinterval(interval)
    assert found == [["ast.import_time"]] * 24


def test_a_parse_that_another_thread_disturbs_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = parsing._parsed

    def disturbed(text: str) -> Parsed | Refusal:
        calls.append(1)
        if len(calls) < 4:
            raise SystemError("AST constructor recursion depth mismatch (before=29, after=41)")
        return real(text)

    monkeypatch.setattr(parsing, "_parsed", disturbed)
    assert isinstance(parse("x = 1"), Parsed)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToolProcess:
    """A tool that replies with its process id, ends on request, or never replies."""
    script = tmp_path / "odd_process.py"
    script.write_text(
        "import json, os, sys, time\n"
        "for line in sys.stdin:\n"
        "    what = json.loads(line)['do']\n"
        "    if what == 'end': os._exit(3)\n"
        "    if what == 'wait': time.sleep(60)\n"
        "    if what == 'raise': print(json.dumps({'error': 'ValueError: no'}), flush=True); continue\n"
        "    print(json.dumps({'ok': os.getpid()}), flush=True)\n"
    )
    monkeypatch.setattr("onex.codegen.validate.tools.client._FOLDER", tmp_path)
    return ToolProcess("odd_process.py", seconds=2.0)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the child has one thread
def test_a_forked_process_has_a_tool_of_its_own(tool: ToolProcess) -> None:
    first = tool.ask({"do": "reply"})
    with tool._lock:  # as another thread of the parent has it in the middle of a request
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            second = tool.ask({"do": "reply"})
            tool.close()
            os._exit(0 if second != first else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert tool.ask({"do": "reply"}) == first
    tool.close()


def test_a_tool_that_ends_is_started_again(tool: ToolProcess) -> None:
    first = tool.ask({"do": "reply"})
    assert tool.ask({"do": "reply"}) == first, "one process for many requests"
    with pytest.raises(ToolError, match="odd: ValueError: no"):
        tool.ask({"do": "raise"})
    with pytest.raises(ToolError, match="ended without a reply"):
        tool.ask({"do": "end"})
    assert tool.ask({"do": "reply"}) != first
    with pytest.raises(ToolError, match="longer than 2 s"):
        tool.ask({"do": "wait"})
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: tool.ask({"do": "reply"}), range(20)))) == 1
    tool.close()
