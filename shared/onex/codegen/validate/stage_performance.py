"""Stage PERFORMANCE: what stops an agent's loop, and work of every message that belongs at the start."""

import ast
from collections.abc import Iterator, Mapping

from onex.codegen.validate.class_facts import node_classes
from onex.codegen.validate.names import Place, places
from onex.codegen.validate.rule import Findings, Rule, shown
from onex.codegen.validate.sources import Module, Package

_BLOCKING = Rule("performance.blocking", "await an asynchronous client, or asyncio.to_thread(function, ...)")
_PER_MESSAGE = Rule("performance.per_message", "do it in `start` or at the top of the module", "warning")
_SEQUENTIAL = Rule(
    "performance.sequential", "use executemany, asyncio.gather or a TaskGroup, where order does not matter", "warning"
)

_BLOCKING_NAMES = """
time.sleep builtins.open builtins.input io.open os.system os.popen os.listdir os.walk os.scandir os.remove os.rename
os.replace os.makedirs os.mkdir os.fsync os.stat requests urllib.request.urlopen urllib.request.urlretrieve urllib3
http.client subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.getoutput
socket.create_connection socket.getaddrinfo socket.gethostbyname psycopg.connect psycopg2 sqlite3.connect mysql
pymongo.MongoClient redis.Redis redis.from_url httpx.get httpx.post httpx.put httpx.patch httpx.delete httpx.head
httpx.request httpx.stream httpx.Client shutil.copy shutil.copyfile shutil.copytree shutil.move shutil.rmtree
smtplib ftplib paramiko boto3 zipfile.ZipFile tarfile.open
"""
_BLOCKING_CALLS = frozenset(_BLOCKING_NAMES.split())
_FILE_METHODS = frozenset(
    ["read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "rmdir", "iterdir", "touch", "rglob"]
)
_SETUP_CALLS: Mapping[str, str] = {
    "re.compile": "compiles a pattern",
    "httpx.AsyncClient": "opens a client",
    "httpx.Client": "opens a client",
    "aiohttp.ClientSession": "opens a client",
    "asyncpg.connect": "opens a connection",
    "asyncpg.create_pool": "opens a pool",
    "psycopg.AsyncConnection.connect": "opens a connection",
    "redis.asyncio.Redis": "opens a client",
    "redis.asyncio.from_url": "opens a client",
    "aiokafka.AIOKafkaProducer": "opens a client",
    "confluent_kafka.Producer": "opens a client",
    "jinja2.Environment": "compiles templates",
    "jinja2.Template": "compiles a template",
    "string.Template": "parses a template",
    "jsonschema.validate": "compiles a schema",
    "jsonschema.Draft7Validator": "compiles a schema",
    "jsonschema.Draft202012Validator": "compiles a schema",
    "jsonschema.validators.validator_for": "compiles a schema",
    "fastjsonschema.compile": "compiles a schema",
    "fastavro.parse_schema": "parses a schema",
    "pydantic.TypeAdapter": "builds a validator",
    "pydantic.create_model": "builds a model",
    "ssl.create_default_context": "reads certificates",
    "importlib.import_module": "imports a module",
    "onex.contract.load_contract": "reads a file",
}
_SETUP_METHODS = frozenset({"__init__", "start", "stop", "__init_subclass__", "model_post_init"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


def check_performance(package: Package) -> Findings:
    """Yield findings about coroutines and handlers of all modules but tests."""
    handlers = {
        id(method)
        for found in node_classes(package)
        for name, method in found.methods.items()
        if name not in _SETUP_METHODS and not _is_cached(method)
    }
    of_module = [(module, list(places(module.tree, module.names))) for module in package.own_modules]
    found_in = {module.path: _blocking_functions(module, all_places) for module, all_places in of_module}
    elsewhere = {
        f"{_dotted(path)}.{name}": words for path, functions in found_in.items() for name, words in functions.items()
    }
    for module, all_places in of_module:
        blocking = found_in[module.path]
        called = _reached(module, handlers)
        for place in all_places:
            yield from _blocking(module, place, blocking, elsewhere)
            yield from _per_message(module, place, called)
            yield from _sequential(module, place)


def _blocking_words(module: Module, place: Place) -> str:
    """Return the name of a call that waits without the loop. Empty for any other node."""
    if not isinstance(place.node, ast.Call):
        return ""
    origin = module.names.origin(place.node.func, place.bound)
    name = origin
    while name:
        if name in _BLOCKING_CALLS:
            return origin.removeprefix("builtins.")
        name = name.rpartition(".")[0]
    match place.node.func:
        case ast.Attribute(attr=method) if method in _FILE_METHODS and not origin:
            return method
    return ""


def _blocking_functions(module: Module, all_places: list[Place]) -> Mapping[str, str]:
    """Return the plain functions of a module that wait, directly or through another, by name."""
    found: dict[str, str] = {}
    calls: list[tuple[str, str]] = []
    for place in all_places:
        match [scope.function for scope in place.scopes]:
            case [ast.FunctionDef(name=name), *_]:
                if words := _blocking_words(module, place):
                    found.setdefault(name, words)
                if callee := _callee(place.node):
                    calls.append((name, callee))
    while added := {name: found[callee] for name, callee in calls if callee in found and name not in found}:
        found |= added
    return found


def _callee(node: ast.AST) -> str:
    """Return the name of a called function of the module or method of the class."""
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            return name
        case _:
            return ""


def _dotted(path: str) -> str:
    """Return the name by which other modules import a file of the package."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _blocking(module: Module, place: Place, blocking: Mapping[str, str], elsewhere: Mapping[str, str]) -> Findings:
    """Yield calls in coroutines that wait. ``elsewhere`` are functions of the package by their dotted names."""
    if not place.scopes or not isinstance(place.scopes[-1].function, ast.AsyncFunctionDef):
        return
    if isinstance(place.parent, ast.Await):
        return
    name = shown(place.scopes[-1].function.name)
    if words := _blocking_words(module, place):
        yield _BLOCKING.at(module.path, place.node, f"{words}() in {name} stops the loop of the agent")
    elif (callee := _callee(place.node)) in blocking:
        message = f"{shown(callee)}() in {name} stops the loop of the agent by {blocking[callee]}()"
        yield _BLOCKING.at(module.path, place.node, message)
    elif (
        isinstance(place.node, ast.Call)
        and (origin := module.names.origin(place.node.func, place.bound)) in elsewhere
    ):
        message = f"{shown(origin)}() in {name} stops the loop of the agent by {elsewhere[origin]}()"
        yield _BLOCKING.at(module.path, place.node, message)


def _reached(module: Module, handlers: set[int]) -> set[int]:
    """Return the functions of a module that run for each message: handlers, and what they call."""
    functions = {
        function.name: function
        for function in ast.walk(module.tree)
        if isinstance(function, Function) and not _is_cached(function)
    }
    pending: list[Function] = [f for f in functions.values() if id(f) in handlers]
    found: set[int] = set()
    while pending:
        function = pending.pop()
        if id(function) in found:
            continue
        found.add(id(function))
        callees = (_callee(node) for node in ast.walk(function))
        pending += [functions[name] for name in callees if name in functions and name not in _SETUP_METHODS]
    return found


def _is_cached(function: Function) -> bool:
    for decorator in function.decorator_list:
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = inner.attr if isinstance(inner, ast.Attribute) else inner.id if isinstance(inner, ast.Name) else ""
        if name in ("cache", "lru_cache", "cached_property", "capability"):
            return True
    return False


def _per_message(module: Module, place: Place, reached: set[int]) -> Findings:
    if not any(id(scope.function) in reached for scope in place.scopes) or not isinstance(place.node, ast.Call):
        return
    origin = module.names.origin(place.node.func, place.bound)
    if words := _SETUP_CALLS.get(origin):
        yield _PER_MESSAGE.at(module.path, place.node, f"{origin}() {words} for every message")
    elif _reads_constant_file(module, place, origin):
        yield _PER_MESSAGE.at(module.path, place.node, "reads the same file for every message")


def _reads_constant_file(module: Module, place: Place, origin: str) -> bool:
    """Whether a call reads a file whose path does not depend on the message."""
    node = place.node
    match node:
        case ast.Call(args=[ast.Constant(value=str()), *_]) if origin in ("builtins.open", "io.open"):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="read_text" | "read_bytes")):
            return name in module.names.module_level and name not in place.bound
        case ast.Call(func=ast.Attribute(value=ast.Call(args=[ast.Constant()]), attr="read_text" | "read_bytes")):
            return True
        case _:
            return False


def _sequential(module: Module, place: Place) -> Findings:
    match place.node:
        case ast.For(iter=source, body=body) if not _is_range(source):
            for call in _awaited(body):
                yield _SEQUENTIAL.at(module.path, call, "each iteration waits for the one before")
                return


def _is_range(source: ast.expr) -> bool:
    match source:
        case ast.Call(func=ast.Name(id="range" | "count")) | ast.Call(func=ast.Attribute(attr="count")):
            return True
        case _:
            return False


def _awaited(body: list[ast.stmt]) -> Iterator[ast.Call]:
    """Yield awaited calls in statements, without those of inner functions and of asyncio itself."""
    pending: list[ast.AST] = [*body]
    while pending:
        node = pending.pop(0)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.Await(value=ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio")))):
                continue
            case ast.Await(value=ast.Call() as call):
                yield call
        pending += ast.iter_child_nodes(node)
