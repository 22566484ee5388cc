"""Stage PERFORMANCE: calls that stop the loop, and work of every message."""

import pytest

from onex.codegen.validate.stage_performance import check_performance
from tests.unit.checked_nodes import package, rules, sources


def found(imports: str, body: str, after: str = "", kind: str = "effect") -> list[str]:
    read = sources(package(kind, body, imports=imports, after=after))
    return rules(finding for part in read.packages for finding in check_performance(part))


@pytest.mark.parametrize(
    ("imports", "body", "rule"),
    [
        ("import time", "time.sleep(1)", "performance.blocking"),
        ("from time import sleep as wait", "wait(1)", "performance.blocking"),
        ("import requests", "requests.get('http://x')", "performance.blocking"),
        ("import requests", "requests.Session().get('http://x')", "performance.blocking"),
        ("", "open(self.name)", "performance.blocking"),
        ("", "with open(self.name) as file:\n    file.read()", "performance.blocking"),
        ("", "self.path.write_text('x')", "performance.blocking"),
        ("import subprocess", "subprocess.run(['x'])", "performance.blocking"),
        ("from urllib.request import urlopen", "urlopen('http://x')", "performance.blocking"),
        ("import psycopg", "psycopg.connect()", "performance.blocking"),
        ("import httpx", "httpx.get('http://x')", "performance.blocking"),
        ("import time\ndef wait() -> None:\n    time.sleep(1)", "wait()", "performance.blocking"),
        (
            "import time\ndef wait() -> None:\n    time.sleep(1)\ndef more() -> None:\n    wait()",
            "more()",
            "performance.blocking",
        ),
        ("import re", "re.compile('x')", "performance.per_message"),
        ("import httpx", "async with httpx.AsyncClient() as client:\n    pass", "performance.per_message"),
        ("import asyncpg", "await asyncpg.connect()", "performance.per_message"),
        ("import asyncpg as a", "await a.create_pool()", "performance.per_message"),
        ("from jinja2 import Template", "Template('x')", "performance.per_message"),
        ("import jsonschema", "jsonschema.validate({}, {})", "performance.per_message"),
        ("from pydantic import TypeAdapter", "TypeAdapter(int)", "performance.per_message"),
        ("import re\ndef helper() -> None:\n    re.compile('x')", "helper()", "performance.per_message"),
        ("from pathlib import Path\nFILE = Path('x')", "FILE.read_text()", "performance.per_message"),
        ("", "for n in [1]:\n    await self.client.get(n)", "performance.sequential"),
        ("", "for n in [1]:\n    if n:\n        x = await self.client.get(n)", "performance.sequential"),
    ],
)
def test_each_fault_is_found(imports: str, body: str, rule: str) -> None:
    assert rule in found(imports, body)


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("import asyncio", "await asyncio.sleep(1)"),
        ("import asyncio\nimport time", "await asyncio.to_thread(time.sleep, 1)"),
        ("import asyncio\nimport time", "await asyncio.to_thread(lambda: time.sleep(1))"),
        ("", "await self.files.open('x')"),
        ("import time\ndef wait() -> None:\n    time.sleep(1)", "self.later(wait)"),
        ("import re\n_WORD = re.compile('x')", "_WORD.match('x')"),
        ("import asyncio", "await asyncio.gather(*(self.client.get(n) for n in [1]))"),
        ("", "for attempt in range(3):\n    await self.client.get(attempt)"),
        ("", "async for n in self.client.all():\n    await self.client.get(n)"),
        ("", "for n in [1]:\n    async def later() -> None:\n        await self.client.get(n)"),
        (
            "from functools import cache\nimport re\n@cache\ndef word() -> object:\n    return re.compile('x')",
            "word()",
        ),
    ],
)
def test_near_misses_pass(imports: str, body: str) -> None:
    assert found(imports, body) == []


def test_start_may_open_and_read() -> None:
    start = "\n    async def start(self) -> None:\n        self.client = httpx.AsyncClient()\n"
    start += "        self.words = words()\n"
    assert found("import httpx\nimport re\ndef words() -> object:\n    return re.compile('x')", "", start) == []


def test_work_of_every_message_counts_for_pure_nodes_too() -> None:
    assert found("import re", "re.compile('x')", kind="compute") == ["performance.per_message"]
    assert found("", "open('x')", kind="compute") == ["performance.per_message"], "purity reports the rest"


@pytest.mark.parametrize(
    ("imports", "call", "expected"),
    [
        ("from node_quote_effect.v1_0_0.helpers import load", "load()", ["performance.blocking"]),
        ("from node_quote_effect.v1_0_0 import helpers as h", "h.load()", ["performance.blocking"]),
        (
            "import asyncio\nfrom node_quote_effect.v1_0_0.helpers import load",
            "await asyncio.to_thread(load)",
            [],
        ),
        ("from node_quote_effect.v1_0_0.helpers import count", "count()", []),
    ],
)
def test_helpers_in_another_module_are_followed(imports: str, call: str, expected: list[str]) -> None:
    helpers = "import time\n\n\ndef load():\n    time.sleep(1)\n\n\ndef count():\n    return 1\n"
    read = sources(package("effect", call, imports=imports, helpers=helpers))
    assert rules(finding for part in read.packages for finding in check_performance(part)) == expected
