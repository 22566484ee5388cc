"""Names that reach beyond a message: clocks, randomness, files, processes, networks."""

from collections.abc import Mapping
from typing import Final

from onex.codegen.validate.rule import Rule

CLOCK: Final = Rule("purity.clock", "take the time from the message, context.now or run.now")
RANDOM: Final = Rule(
    "purity.random", "derive the value from the message, uuid.uuid5 for example, or move it to an EFFECT"
)
IO: Final = Rule("purity.io", "move it to an EFFECT")
DYNAMIC: Final = Rule("purity.dynamic", "write the name itself")
ASYNC: Final = Rule("purity.async", "write a plain function; only an EFFECT waits")
PRINT: Final = Rule("purity.print", "remove it, or use MixinLogging")
LOGGING: Final = Rule("purity.logging", "use MixinLogging: a batch that is run again does not log again", "warning")
IDENTITY: Final = Rule("purity.identity", "use a value that is the same in every process, hashlib.sha256 for example")

_TIME = "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns thread_time "
_TIME += "thread_time_ns localtime gmtime ctime sleep clock_gettime clock_gettime_ns tzset"
_DAYS = "datetime.now datetime.utcnow datetime.today date.today"
_RANDOM_MODULES = "random secrets numpy.random"
_UUIDS = "uuid1 uuid4 uuid6 uuid7 uuid8 getnode"
_IO_MODULES = """
aiofiles aiohttp aiokafka asyncpg boto3 botocore concurrent confluent_kafka ctypes curio dbm fcntl fileinput ftplib
gc getpass glob grpc http.client http.server httpx imaplib inspect kafka logging.handlers mmap motor multiprocessing
mysql os paramiko pathlib.Path.cwd pathlib.Path.home platform poplib psutil psycopg psycopg2 pymongo pyodbc redis
requests resource select selectors shelve shutil signal smtplib socket socketserver sqlalchemy sqlite3 ssl
subprocess sys tempfile threading trio urllib.request urllib3 webbrowser websockets zipfile tarfile _thread
"""
_IO_BUILTINS = "open input breakpoint exit quit"
_DYNAMIC = "globals locals vars exec eval compile __import__ delattr setattr"

REFUSED: Final[Mapping[str, tuple[Rule, str]]] = {
    **{f"time.{name}": (CLOCK, "reads the clock, or waits for it") for name in _TIME.split()},
    **{f"datetime.{name}": (CLOCK, "reads the clock") for name in _DAYS.split()},
    **dict.fromkeys(_RANDOM_MODULES.split(), (RANDOM, "is random")),
    **{f"uuid.{name}": (RANDOM, "is random") for name in _UUIDS.split()},
    **dict.fromkeys(_IO_MODULES.split(), (IO, "reaches outside")),
    **{f"builtins.{name}": (IO, "reaches outside") for name in _IO_BUILTINS.split()},
    **{f"builtins.{name}": (DYNAMIC, "finds names at run time") for name in _DYNAMIC.split()},
    **{f"operator.{name}": (DYNAMIC, "finds names at run time") for name in ("attrgetter", "methodcaller")},
    "importlib": (DYNAMIC, "finds names at run time"),
    "runpy": (DYNAMIC, "finds names at run time"),
    "builtins": (DYNAMIC, "finds names at run time"),
    "asyncio": (ASYNC, "waits"),
    "builtins.print": (PRINT, "writes to the output of the agent"),
    "io.open": (IO, "reaches outside"),
    "builtins.id": (IDENTITY, "differs from process to process"),
    "builtins.hash": (IDENTITY, "differs from process to process"),
    "logging": (LOGGING, "writes to a log"),
    "structlog": (LOGGING, "writes to a log"),
}
"""Rule and words by dotted name. A name includes everything below it."""

ALLOWED: Final = frozenset(
    {
        *("os.path.join", "os.path.basename", "os.path.dirname", "os.path.splitext", "os.path.normpath", "os.sep"),
        *("os.path.split", "os.path.commonprefix", "os.PathLike", "os.fspath", "sys.maxsize", "sys.float_info"),
        *("os.path.sep", "os.linesep", "sys.byteorder", "sys.version_info", "logging.Logger", "random.Random"),
        *("inspect.cleandoc", "ssl.SSLContext", "sys.intern"),
    }
)
"""Names below a refused one that reach nothing. ``random.Random`` has its own rule: it needs a seed."""

FILE_METHODS: Final = frozenset(
    [
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "unlink",
        "mkdir",
        "rmdir",
        "iterdir",
        "touch",
        "symlink_to",
        "hardlink_to",
    ]
)
"""Methods that no value of a message has, and that files have."""

MUTATORS: Final = frozenset(
    [
        "append",
        "add",
        "extend",
        "insert",
        "update",
        "setdefault",
        "pop",
        "popitem",
        "remove",
        "discard",
        "clear",
        "sort",
        "reverse",
        "appendleft",
        "popleft",
        "extendleft",
        "rotate",
        "__setitem__",
        "__delitem__",
        "__setattr__",
        "intersection_update",
        "difference_update",
    ]
)
"""Methods that change a list, dict, set or deque."""


def refused(origin: str) -> tuple[Rule, str] | None:
    """Return rule and words for a dotted name, by the longest part of it that is refused."""
    if origin in ALLOWED:
        return None
    name = origin
    while name:
        if name in REFUSED and not (name in ("builtins",) and name != origin):
            return REFUSED[name]
        name = name.rpartition(".")[0]
    return None
