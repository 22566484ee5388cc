"""Subjects of schemas of others, by the strategies of Confluent: topic, record, or topic and record."""

from collections.abc import Collection
from typing import Annotated, Final

from pydantic import StringConstraints

LONGEST_SUBJECT: Final = 512
"""Longest subject in a contract, in characters."""
Subject = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SUBJECT)]
"""A subject, in which ``{topic}`` is the topic and ``{record}`` the full name of the record."""


def subject_problem(subject: str, has_record: bool) -> str:
    """Return why a text is no subject; empty when it is one. ``has_record``: the name of the record is known."""
    if not has_record and "{record}" in subject:
        return f"{subject!r}: only type: schema names the record of a message; write the name in place of {{record}}"
    plain = subject.replace("{topic}", "").replace("{record}", "")
    if "{" in plain or "}" in plain:
        return f"{subject!r}: a subject has {{topic}} and {{record}} in braces, and nothing else"
    return ""


def subjects_problem(subjects: Collection[str], messages: Collection[str]) -> str:
    """Return which class names with a subject are not those of the messages; empty when they are."""
    if others := [name for name in subjects if name not in messages]:
        return f"subjects has {others[0]}, which is not in messages"
    if missing := [name for name in messages if name not in subjects]:
        return f"subjects lacks {missing[0]}; name its subject"
    return ""
