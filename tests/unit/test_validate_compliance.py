"""Stage ONEX_COMPLIANCE: code against contract, and the purity of COMPUTE, REDUCER and ORCHESTRATOR."""

import pytest

from onex.codegen.validate.stage_compliance import check_compliance
from tests.unit.checked_nodes import package, root, rules, sources


def found(files: dict[str, str]) -> list[str]:
    return rules(finding for part in sources(files).packages for finding in check_compliance(part))


def changed(kind: str, old: str, new: str, name: str = "node.py") -> dict[str, str]:
    files = package(kind)
    path = f"{root(kind)}/{name}"
    assert old in files[path]
    return files | {path: files[path].replace(old, new)}


@pytest.mark.parametrize("kind", ["compute", "effect", "reducer"])
def test_a_sound_node_passes(kind: str) -> None:
    assert found(package(kind)) == []


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        (changed("compute", "name: node_quote_compute", "names: x", "contract.yaml"), "contract.problem"),
        (changed("compute", "minor: 0", "minor: 1", "contract.yaml"), "contract.folder"),
        (changed("compute", "request: AskQuote", "request: QuoteGiven"), "compliance.accepts"),
        (changed("compute", "-> QuoteGiven", "-> QuoteGiven | AskQuote"), "compliance.returns"),
        (changed("compute", "-> QuoteGiven", "-> None"), "compliance.returns"),
        (changed("compute", "class QuoteGiven", "class QuoteTaken", "models/__init__.py"), "compliance.model"),
        (changed("compute", "    amount: int", "    price: int", "models/__init__.py"), "compliance.fields"),
        (changed("reducer", "NodeReducer[Quotes]", "NodeReducer[QuoteGiven]"), "compliance.state"),
        (changed("reducer", "NodeReducer[Quotes]", "NodeReducer"), "compliance.types"),
        (
            changed("effect", "definitions:", "mixins: [{name: MixinRetry}]\ndefinitions:", "contract.yaml"),
            "compliance.mixin_base",
        ),
        (changed("compute", "(NodeCompute[", "(MixinDatabase, NodeCompute["), "compliance.mixin_kind"),
        (
            changed(
                "effect",
                "definitions:",
                "mixins: [{name: MixinRetry, enabled: false}]\ndefinitions:",
                "contract.yaml",
            )
            | {
                f"{root('effect')}/node.py": changed("effect", "(NodeEffect", "(MixinRetry, NodeEffect")[
                    f"{root('effect')}/node.py"
                ]
            },
            "compliance.mixin_off",
        ),
    ],
)
def test_each_difference_from_the_contract_is_found(files: dict[str, str], rule: str) -> None:
    assert rule in found(files)


@pytest.mark.parametrize(
    "files",
    [
        changed("compute", "-> QuoteGiven", "-> list[QuoteGiven] | None"),
        changed("compute", "request: AskQuote", "request: 'AskQuote'"),
        changed("effect", "(NodeEffect", "(MixinRetry, NodeEffect")
        | changed("effect", "definitions:", "mixins: [{name: MixinRetry}]\ndefinitions:", "contract.yaml")
        | {
            f"{root('effect')}/node.py": changed("effect", "(NodeEffect", "(MixinRetry, NodeEffect")[
                f"{root('effect')}/node.py"
            ]
        },
    ],
)
def test_near_misses_of_the_contract_pass(files: dict[str, str]) -> None:
    assert found(files) == []


IMPURE = [
    ("from datetime import datetime as d", "d.now()", "purity.clock"),
    ("import datetime", "datetime.datetime.utcnow()", "purity.clock"),
    ("from datetime import date", "date.today()", "purity.clock"),
    ("import time", "time.time()", "purity.clock"),
    ("from time import monotonic as m", "m()", "purity.clock"),
    ("import time", "clock = time\nclock.time()", "purity.clock"),
    ("import datetime", "clock = datetime.datetime.now\nclock()", "purity.clock"),
    ("import datetime", "getattr(datetime.datetime, 'now')()", "purity.clock"),
    ("import time", "vars(time)['time']()", "purity.clock"),
    ("import time", "time.__dict__['time']()", "purity.clock"),
    ("", "import time as t\nt.sleep(1)", "purity.clock"),
    ("import random", "random.random()", "purity.random"),
    ("import random", "random.Random()", "purity.random"),
    ("from random import choice", "choice([1, 2])", "purity.random"),
    ("from uuid import uuid4 as make", "make()", "purity.random"),
    ("import secrets", "secrets.token_hex()", "purity.random"),
    ("import os as o", "o.urandom(8)", "purity.io"),
    ("import os", "os.environ['X']", "purity.io"),
    ("import os", "o = os\no.remove('x')", "purity.io"),
    ("", "open('x')", "purity.io"),
    ("import builtins as b", "b.open('x')", "purity.io"),
    ("", "__builtins__['open']('x')", "purity.io"),
    ("", "__import__('os').system('x')", "purity.io"),
    ("import importlib", "importlib.import_module('subprocess').run(['x'])", "purity.io"),
    ("import subprocess", "subprocess.run(['x'])", "purity.io"),
    ("import socket", "socket.socket()", "purity.io"),
    ("import requests", "requests.get('http://x')", "purity.io"),
    ("from httpx import get", "get('http://x')", "purity.io"),
    ("import asyncpg", "asyncpg.connect()", "purity.io"),
    ("from pathlib import Path", "Path('x').exists()", "purity.io"),
    ("from pathlib import Path", "path = Path('x')\npath.read_text()", "purity.io"),
    ("import threading", "threading.Lock()", "purity.io"),
    ("import os", "call = [os.getpid][0]", "purity.io"),
    ("", "getattr(request, request.quote_id)", "purity.dynamic"),
    ("", "globals()['x']", "purity.dynamic"),
    ("", "eval('1')", "purity.dynamic"),
    ("", "exec('x = 1')", "purity.dynamic"),
    ("from operator import methodcaller", "methodcaller('now')(request)", "purity.dynamic"),
    ("import asyncio", "asyncio.run(None)", "purity.async"),
    ("", "print('x')", "purity.print"),
    ("import logging", "logging.info('x')", "purity.logging"),
    ("import structlog\nlog = structlog.get_logger()", "log.info('x')", "purity.logging"),
    ("", "hash('x')", "purity.identity"),
    ("", "id(request)", "purity.identity"),
    ("from datetime import datetime", "datetime.fromtimestamp(1)", "purity.timezone"),
    ("from datetime import date", "date.fromtimestamp(1)", "purity.timezone"),
    ("", "request.at.astimezone()", "purity.timezone"),
    ("import time", "time.strftime('%Y')", "purity.clock"),
    ("from time import asctime", "asctime()", "purity.clock"),
    ("from email.utils import formatdate", "formatdate()", "purity.clock"),
    ("SEEN = []", "SEEN.append(1)", "purity.global"),
    ("SEEN = {}", "seen = SEEN\nseen['x'] = 1", "purity.global"),
    ("", "seen = self._seen\nseen.add('x')", "purity.global"),
    ("def memo(n, cache={}):\n    cache[n] = n\n    return cache[n]", "memo(1)", "purity.global"),
    ("def memo(n, *, cache=dict()):\n    cache.update(n=n)", "memo(1)", "purity.global"),
    ("from itertools import count\nIDS = count()", "next(IDS)", "purity.global"),
    ("", "next(self._ids)", "purity.instance_state"),
    ("SEEN: dict[str, int] = {}", "SEEN['x'] = 1", "purity.global"),
    ("SEEN = {'x': [1]}", "SEEN['x'].append(1)", "purity.global"),
    ("COUNT = 0", "global COUNT\nCOUNT = 1", "purity.global"),
    ("COUNT = 0", "def add():\n    global COUNT\n    COUNT += 1\nadd()", "purity.global"),
    ("", "def outer():\n    x = 1\n    def inner():\n        nonlocal x\n        x = 2", "purity.global"),
    ("", "type(self).seen = 1", "purity.global"),
    ("", "NodeQuoteCompute.seen = 1", "purity.global"),
    ("import json", "json.dumps = None", "purity.global"),
    ("", "self.seen = 1", "purity.instance_state"),
    ("", "self.seen[1] = 2", "purity.instance_state"),
    ("", "self.seen.append(1)", "purity.instance_state"),
    ("", "self.seen, x = 1, 2", "purity.instance_state"),
    ("", "del self.seen[1]", "purity.instance_state"),
    ("", "request.lines.append(1)", "purity.mutation"),
    ("", "request.amount = 1", "purity.mutation"),
    ("", "lines = request.lines\nlines.append(1)", "purity.mutation"),
]


@pytest.mark.parametrize(("imports", "body", "rule"), IMPURE)
def test_each_impurity_is_found(imports: str, body: str, rule: str) -> None:
    assert rule in found(package("compute", body, imports=imports))


def test_effects_may_do_all_of_it() -> None:
    for imports, body, _ in IMPURE:
        if "request" not in body and "NodeQuoteCompute" not in body:
            assert found(package("effect", body, imports=imports)) == [], body


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("from datetime import UTC, datetime, timedelta", "datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1)"),
        ("from datetime import UTC, datetime", "datetime.fromtimestamp(1, UTC)"),
        ("from datetime import datetime as d", "class Shown:\n    at: d"),
        ("from datetime import UTC", "request.at.astimezone(UTC)\nrequest.at.astimezone(tz=UTC)"),
        ("import time", "time.strftime('%Y', (2026, 1, 1, 0, 0, 0, 0, 1, 0))"),
        ("def add(n, found=None):\n    found = found or []\n    found.append(n)", "add(1)"),
        ("def add(n, found=[]):\n    found = [*found]\n    found.append(n)", "add(1)"),
        ("SEEN = ['a']", "seen = SEEN\nnext(iter(seen))\nlines = iter(seen)\nnext(lines)"),
        ("SEEN = ['a']", "seen = SEEN\nseen = [*seen]\nseen.append('b')"),
        ("from uuid import NAMESPACE_URL, UUID, uuid5", "uuid5(NAMESPACE_URL, 'x')\nUUID(int=0)"),
        ("import random", "random.Random(7).random()"),
        ("import os", "os.path.join('a', 'b')"),
        ("from pathlib import PurePosixPath", "PurePosixPath('x').name"),
        ("", "getattr(request, 'amount')"),
        ("", "now = request.amount\nnow.time()"),
        ("import time", "def later(time):\n    return time.time()"),
        ("SEEN = ['a']", "seen = [*SEEN]\nseen.append('b')"),
        ("SEEN = ['a']", "def add(SEEN):\n    SEEN.append(1)"),
        ("", "found = {}\nfound['x'] = 1\nfound.update(y=2)"),
        ("", "lines = list(request.lines)\nlines.append(1)"),
        ("", "open = request.amount\nopen + 1"),
        ("import hashlib", "hashlib.sha256(b'x').hexdigest()"),
        ("import json\nimport re\n_WORD = re.compile('x')", "json.dumps({})\n_WORD.match('x')"),
        ("from functools import partial", "partial(max, 1)"),
        ("class Builder:\n    def add(self):\n        self.x = 1\n        self.lines.append(2)", "Builder().add()"),
        ("", "'# time.time()'"),
        ("class Order:\n    id: str\n    hash: int = 1", "Order().id"),
    ],
)
def test_near_misses_are_pure(imports: str, body: str) -> None:
    assert found(package("compute", body, imports=imports)) == []


def test_a_minimal_node_needs_no_bases() -> None:
    files = changed("effect", "definitions:", "mixins: [{name: MixinRetry}]\ndefinitions:", "contract.yaml")
    for mixins, rule in ((True, ["compliance.mixin_base"]), (False, [])):
        assert rules(f for part in sources(files).packages for f in check_compliance(part, mixins=mixins)) == rule


def test_modules_next_to_the_node_and_its_models_are_checked() -> None:
    assert "purity.clock" in found(package(helper="import time\n\n\ndef now() -> float:\n    return time.time()\n"))
    models = package()[f"{root('compute')}/models/__init__.py"]
    assert "purity.random" in found(package(models=models + "\nfrom uuid import uuid4\n\nNEW = uuid4\n"))
    assert found(package(test_node="import time\n\nprint(time.time())\n")) == []


def test_a_constructor_may_set_what_handlers_read() -> None:
    after = "\n    def __init__(self) -> None:\n        self.table = {}\n        self.table['x'] = 1\n"
    assert found(package(after=after)) == []


def test_states_are_not_changed_in_place() -> None:
    assert found(package("reducer", "old = state or Quotes()\nold.lines.append('x')")) == ["purity.mutation"]
    assert found(package("reducer", "old = state or Quotes()\nnew = [*old.lines]\nnew.append('x')")) == []
    assert found(package("reducer", "async def f() -> None:\n    await f()")) == ["purity.async"]
