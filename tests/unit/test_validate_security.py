"""Stage SECURITY: our rules, and those of bandit."""

import pytest

from onex.codegen.validate.bandit import bandit_process, check_bandit, without_repetitions
from onex.codegen.validate.stage_security import check_security
from tests.unit.checked_nodes import package, root, rules, sources

KEY = "AKIA" + "ABCDEFGHIJKLMNOP"
PRIVATE = "-----BEGIN " + "PRIVATE KEY-----"


def found(imports: str, body: str, kind: str = "effect") -> list[str]:
    read = sources(package(kind, body, imports=imports))
    return rules(finding for module in read.modules for finding in check_security(module))


@pytest.mark.parametrize(
    ("imports", "body", "rule"),
    [
        ("", "eval(command.quote_id)", "security.eval"),
        ("", "exec('x = 1')", "security.eval"),
        ("", "run = compile\nrun('x', '', 'exec')", "security.eval"),
        ("import pickle as p", "p.loads(b'x')", "security.deserialize"),
        ("from marshal import loads", "loads(b'x')", "security.deserialize"),
        ("import yaml", "yaml.load('x')", "security.deserialize"),
        ("import yaml", "yaml.load('x', Loader=yaml.Loader)", "security.deserialize"),
        ("import yaml", "yaml.unsafe_load('x')", "security.deserialize"),
        ("import subprocess", "subprocess.run('x', shell=True)", "security.shell"),
        ("import subprocess", "subprocess.Popen('x', shell=command.amount)", "security.shell"),
        ("import os", "os.system('x')", "security.shell"),
        ("import asyncio", "await asyncio.create_subprocess_shell('x')", "security.shell"),
        ("", "await self.db.execute(f\"SELECT * FROM t WHERE a = '{command.quote_id}'\")", "security.sql"),
        ("", "await self.db.fetch('SELECT * FROM t WHERE a = ' + command.quote_id)", "security.sql"),
        ("", "await self.db.fetchrow('SELECT * FROM t WHERE a = %s' % command.quote_id)", "security.sql"),
        ("", "await self.db.fetchval('DELETE FROM {}'.format(command.quote_id))", "security.sql"),
        ("", "query = f'DELETE FROM {command.quote_id}'\nawait self.db.execute(query)", "security.sql"),
        (
            "",
            "query = 'SELECT 1 FROM t WHERE '\nquery += command.quote_id\nawait self.db.execute(query)",
            "security.sql",
        ),
        ("", "names = ', '.join(['a'])\nawait self.db.execute('SELECT ' + names + ' FROM t')", "security.sql"),
        ("", "await self.db.execute(command.quote_id)", "security.sql"),
        ("", "await self.db.execute(query=f'DELETE FROM {command.quote_id}')", "security.sql"),
        ("", "sql: str = f'DELETE FROM {command.quote_id}'\nawait self.db.execute(sql)", "security.sql"),
        ("", "one = f'DELETE FROM {command.quote_id}'\ntwo = one\nawait self.db.execute(two)", "security.sql"),
        ("", "await self.db.execute(sql := f'DELETE FROM {command.quote_id}')", "security.sql"),
        ("", "await self.db.execute(f' DELETE FROM {command.quote_id} '.strip())", "security.sql"),
        (
            "from textwrap import dedent",
            "sql = dedent(f'DELETE FROM {command.quote_id}')\nawait self.db.execute(sql)",
            "security.sql",
        ),
        ("", f"key = '{KEY}'", "security.secret"),
        ("", f"key = '''{PRIVATE}'''", "security.secret"),
        ("", "address = 'postgres://user:" + "hunter2@host/db'", "security.secret"),
        ("PASSWORD = 'hunter2hunter2'", "", "security.secret"),
        ("", "self.connect(api_key='abcdef123456')", "security.secret"),
        ("", "options = {'client_secret': 'abcdef123456'}", "security.secret"),
        ("import httpx", "httpx.AsyncClient(verify=False)", "security.tls"),
        ("import ssl", "context = ssl._create_unverified_context()", "security.tls"),
        ("import ssl", "c = ssl.create_default_context()\nc.check_hostname = False", "security.tls"),
        ("import ssl", "c = ssl.create_default_context()\nc.verify_mode = ssl.CERT_NONE", "security.tls"),
        ("from pathlib import Path", "Path('/data') / command.quote_id", "security.path"),
        ("", "self.folder / command.quote_id", "security.path"),
        ("", "open(command.quote_id)", "security.path"),
        ("import os", "os.path.join('/data', command.quote_id)", "security.path"),
        (
            "from pathlib import Path",
            "name = f'{command.quote_id}.txt'\nPath('/data').joinpath(name)",
            "security.path",
        ),
        ("", "().__class__.__mro__", "security.introspection"),
        ("", "getattr(self, '__globals__')", "security.introspection"),
    ],
)
def test_each_fault_is_found(imports: str, body: str, rule: str) -> None:
    assert rule in found(imports, body)


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("import re", "re.compile('x')"),
        ("", "self.model.eval()"),
        ("import json", "json.loads('x')"),
        ("import yaml", "yaml.safe_load('x')\nyaml.load('x', Loader=yaml.SafeLoader)"),
        ("import subprocess", "subprocess.run(['x'], shell=False)"),
        ("", "await self.db.execute('SELECT * FROM t WHERE a = $1', command.quote_id)"),
        ("TABLE = 'quotes'", "await self.db.execute(f'SELECT * FROM {TABLE}')"),
        ("TABLE = 'quotes'\n_SQL = 'SELECT * FROM ' + TABLE", "await self.db.execute(_SQL + ' LIMIT 1')"),
        ("", "await self.db.execute('SELECT 1 ' 'FROM t')"),
        ("", "self.pool.execute(f'{command.quote_id} is done')"),
        ("", "self.connect(api_key=self.config.api_key, password='')"),
        ("", "options = {'password': '${PASSWORD}', 'secret_name': 'which one it is'}"),
        ("", "address = 'postgres://host/db'"),
        ("import httpx", "httpx.AsyncClient(verify=True)"),
        ("from pathlib import Path", "Path('/data') / 'fixed'"),
        ("", "command.amount / command.amount"),
        (
            "",
            "path = (self.folder / command.quote_id).resolve()\n"
            "if not path.is_relative_to(self.folder):\n    raise ValueError",
        ),
    ],
)
def test_near_misses_pass(imports: str, body: str) -> None:
    assert found(imports, body) == []


def test_bandit_reports_what_has_no_rule_of_ours_and_repeats_none() -> None:
    """One run of bandit for all cases."""
    body = "import hashlib\nhashlib.md5(b'x')  # nosec\neval('1')\nimport subprocess\nassert command"
    files = package("effect", body, test_node="def test_x() -> None:\n    assert True\n")
    modules = sources(files).modules
    issues = list(check_bandit(modules, bandit_process()))
    assert rules(issues) == ["bandit.B307", "bandit.B324"]
    assert {finding.file for finding in issues} == {f"{root('effect')}/node.py"}
    ours = [finding for module in modules for finding in check_security(module)]
    assert rules(without_repetitions(ours + issues)) == ["bandit.B324", "security.eval"]
    md5 = next(finding for finding in issues if finding.rule == "bandit.B324")
    assert (md5.severity, md5.line) == ("error", 13)
