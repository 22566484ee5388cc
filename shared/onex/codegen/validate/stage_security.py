"""Stage SECURITY: our rules. Those of bandit are in :mod:`onex.codegen.validate.bandit`."""

import ast
import re
from collections.abc import Mapping

from onex.codegen.validate.message_data import is_from_message
from onex.codegen.validate.names import Place, places
from onex.codegen.validate.rule import Findings, Rule, shown
from onex.codegen.validate.sources import Module
from onex.codegen.validate.sql import check_sql

_EVAL = Rule("security.eval", "call what is meant; text of messages must never become code")
_UNPICKLE = Rule("security.deserialize", "read JSON or a pydantic model; use yaml.safe_load for YAML")
_SHELL = Rule("security.shell", "pass a list of arguments, without a shell")
_SECRET = Rule("security.secret", "read it from ${VARIABLE} in the contract's config, or from MixinSecureStorage")
_TLS = Rule("security.tls", "verify certificates; pass the authority's file for an own one")
_PATH = Rule("security.path", "check with Path.resolve() and is_relative_to(), or use a digest as the name")
_INNER = Rule("security.introspection", "call what is meant")

_EVALS = frozenset({"builtins.eval", "builtins.exec", "builtins.compile", "code.interact", "codeop.compile_command"})
_LOADERS = frozenset(
    {
        *(
            f"{module}.{name}"
            for module in ("pickle", "marshal", "dill", "cloudpickle")
            for name in ("load", "loads")
        ),
        *("pickle.Unpickler", "shelve.open", "jsonpickle.decode", "joblib.load", "torch.load", "pandas.read_pickle"),
        *("yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all"),
    }
)
_YAML_LOADS = frozenset({"yaml.load", "yaml.load_all"})
_SAFE_LOADERS = frozenset({"yaml.SafeLoader", "yaml.CSafeLoader", "yaml.BaseLoader", "yaml.CBaseLoader"})
_SHELLS = frozenset(
    {
        *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn"),
        *("asyncio.create_subprocess_shell", "commands.getoutput", "popen2.popen2"),
    }
)
_UNVERIFIED = frozenset({"ssl._create_unverified_context", "ssl._create_stdlib_context", "ssl.CERT_NONE"})
_INNER_NAMES = frozenset(
    {
        *("__subclasses__", "__globals__", "__builtins__", "__code__", "__closure__", "__bases__", "__mro__"),
        *("__getattribute__", "__reduce__", "__reduce_ex__", "gi_frame", "f_globals", "f_locals", "f_back"),
    }
)
_TOKENS: Mapping[str, re.Pattern[str]] = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}\b"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b"),
    "a JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\b"),
    "a password in an address": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@{}$]+:[^\s:/@{}$]+@"),
}
_SECRET_NAME = re.compile(r"(?:^|_)(?:password|passwd|secret|api_?key|private_?key|access_?key|credentials)$", re.I)
_SHORTEST_SECRET = 6
_OPENERS = frozenset({"builtins.open", "io.open", "os.open", "aiofiles.open", "pathlib.Path", "os.path.join"})
_CHECKS = frozenset({"is_relative_to", "relative_to", "parents", "commonpath"})


def check_security(module: Module) -> Findings:
    """Yield findings of our own rules."""
    yield from check_sql(module)
    for place in places(module.tree, module.names):
        yield from _call(module, place)
        yield from _part(module, place)
        yield from _path(module, place)


def _call(module: Module, place: Place) -> Findings:
    node = place.node
    if not isinstance(node, ast.Call):
        return
    origin = module.names.origin(node.func, place.bound)
    if origin in _EVALS:
        yield _EVAL.at(module.path, node, f"{origin.removeprefix('builtins.')} runs text as code")
    if origin in _LOADERS:
        yield _UNPICKLE.at(module.path, node, f"{origin} runs code of the data that it reads")
    if origin in _YAML_LOADS:
        loaders = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "Loader")]
        if not any(module.names.origin(loader, place.bound) in _SAFE_LOADERS for loader in loaders):
            yield _UNPICKLE.at(module.path, node, f"{origin} without SafeLoader makes objects of any class")
    if origin in _SHELLS:
        yield _SHELL.at(module.path, node, f"{origin} runs a shell")
    for keyword in node.keywords:
        match keyword:
            case ast.keyword(arg="shell", value=ast.Constant(value=False | None)):
                pass
            case ast.keyword(arg="shell") if origin.startswith(("subprocess.", "asyncio.")):
                yield _SHELL.at(module.path, node, f"{origin} with shell runs a shell")
            case ast.keyword(arg="verify" | "verify_ssl" | "ssl" | "check_hostname", value=ast.Constant(value=False)):
                yield _TLS.at(module.path, node, f"{keyword.arg}=False accepts any certificate")
            case ast.keyword(arg=str(name), value=value):
                yield from _named_secret(module, name, value)


def _part(module: Module, place: Place) -> Findings:
    match place.node:
        case ast.Attribute(attr=name) if name in _INNER_NAMES:
            yield _INNER.at(module.path, place.node, f"{name} reaches into the interpreter")
        case ast.Constant(value=str(name)) if name in _INNER_NAMES and isinstance(place.parent, ast.Call):
            yield _INNER.at(module.path, place.node, f"{name} reaches into the interpreter")
        case ast.Constant(value=str(text)):
            for what, pattern in _TOKENS.items():
                if pattern.search(text):
                    yield _SECRET.at(module.path, place.node, f"has {what}")
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(module, target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _assigned(module, target, value)
        case ast.Dict(keys=keys, values=values):
            for key, each in zip(keys, values, strict=True):
                match key:
                    case ast.Constant(value=str(name)):
                        yield from _named_secret(module, name, each)
    node = place.node
    if isinstance(node, ast.Name | ast.Attribute) and place.is_maximal:
        origin = module.names.origin(node, place.bound)
        if origin in _UNVERIFIED:
            yield _TLS.at(module.path, node, f"{origin} accepts any certificate")


def _assigned(module: Module, target: ast.expr, value: ast.expr) -> Findings:
    match target, value:
        case ast.Attribute(attr="check_hostname"), ast.Constant(value=False):
            yield _TLS.at(module.path, target, "check_hostname = False accepts the certificate of any host")
        case ((ast.Name(id=name) | ast.Attribute(attr=name)), _):
            yield from _named_secret(module, name, value)


def _named_secret(module: Module, name: str, value: ast.expr) -> Findings:
    match value:
        case ast.Constant(value=str(text)) if _SECRET_NAME.search(name) and len(text) >= _SHORTEST_SECRET:
            if not text.startswith(("$", "{", "<")) and " " not in text:
                yield _SECRET.at(module.path, value, f"{shown(name)} is written in the code")


def _path(module: Module, place: Place) -> Findings:
    """Yield paths that a message decides, in functions that do not check where they lead."""
    if module.is_test or not place.scopes:
        return
    parts: list[ast.expr] = []
    match place.node:
        case ast.BinOp(op=ast.Div(), left=left, right=right) if _is_path(module, place, left):
            parts = [right]
        case ast.Call(func=ast.Attribute(attr="joinpath"), args=arguments):
            parts = arguments
        case ast.Call(func=function, args=arguments) if module.names.origin(function, place.bound) in _OPENERS:
            parts = arguments
    if any(is_from_message(part, place) for part in parts) and not _is_checked(place):
        yield _PATH.at(module.path, place.node, "a field of a message becomes part of a path")


def _is_path(module: Module, place: Place, left: ast.expr) -> bool:
    """Whether the left side of a division is a path: by its class, or by its name."""
    match left:
        case ast.Call(func=function):
            return module.names.origin(function, place.bound).startswith("pathlib.") or _is_path_name(function)
        case ast.BinOp(op=ast.Div(), left=inner):
            return _is_path(module, place, inner)
        case _:
            return _is_path_name(left) or module.names.origin(left, place.bound).startswith("pathlib.")


def _is_path_name(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return bool(re.search(r"(?:^|_)(?:path|folder|dir|directory|root|base|file)$|^Path$|resolve", name, re.I))


def _is_checked(place: Place) -> bool:
    outer = place.scopes[0].function
    return any(isinstance(node, ast.Attribute) and node.attr in _CHECKS for node in ast.walk(outer))
