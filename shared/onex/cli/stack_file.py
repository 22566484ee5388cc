"""What `onex up` noted of what it started, and what agents say of themselves."""

import json
import os
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from onex.settings import STACK_FILE, Settings


def agent_infos(settings: Settings) -> list[dict[str, object]]:
    """What running agents of the environment wrote about themselves."""
    found: list[dict[str, object]] = []
    for file in sorted((settings.home / "run").glob("*.json")):
        with suppress(FileNotFoundError):  # an agent that ends removes its file
            found.append(json.loads(file.read_text()))
    return [info for info in found if info.get("prefix", "") == settings.topic_prefix]


def ask_agent(info: dict[str, object]) -> dict[str, object]:
    """The same, with its ``state``: ready, why it is not, or gone."""
    reasons = agent_reasons(info)
    if reasons is None:
        return {**info, "state": "gone"}
    return {**info, "state": "; ".join(f"{about}: {why}" for about, why in reasons.items()) or "ready"}


def agent_reasons(info: dict[str, object]) -> dict[str, str] | None:
    """Why an agent is not ready, by topic of complaint; None for one that does not answer."""
    try:
        with urllib.request.urlopen(f"{info['health']}/readyz", timeout=2) as answer:
            answer.read()
        return {}
    except urllib.error.HTTPError as error:
        reasons: dict[str, str] = json.loads(error.read()).get("reasons", {})
        return reasons
    except (urllib.error.URLError, OSError):
        return None


def read_stack(settings: Settings) -> dict[str, object]:
    """Empty where nothing was started."""
    file: Path = settings.home / STACK_FILE
    return json.loads(file.read_text()) if file.exists() else {}


def is_local_kafka(settings: Settings) -> bool:
    """Whether the cluster is the one broker that `onex up` started here."""
    stack = read_stack(settings)
    return bool(stack.get("kafka")) and stack.get("kafka_bootstrap_servers") == settings.kafka_bootstrap_servers


def write_stack(settings: Settings, stack: dict[str, object]) -> None:
    """Whole or not at all."""
    settings.home.mkdir(parents=True, exist_ok=True)
    part = settings.home / f"{STACK_FILE}.{os.getpid()}"
    part.write_text(json.dumps(stack, indent=2))
    part.replace(settings.home / STACK_FILE)
