"""Comments ``# onex: allow[rule] reason`` at the line of a finding."""

import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onex.codegen.model import EnumValidationStage, ModelFinding, ModelValidationResult
from onex.codegen.validate.rule import Rule, in_order, shown
from onex.codegen.validate.sources import Sources

_MARK = "onex: allow["
_COMMENT = re.compile(r"#\s*onex: allow\[(?P<rules>[^\]]*)\](?P<reason>.*)$")
_REASON = Rule("suppression.reason", "write why after the bracket: `# onex: allow[rule] reason`")
_UNUSED = Rule("suppression.unused", "remove the comment", "warning")
_UNKNOWN = Rule("suppression.rule", "name a rule as the report writes it")
_STAGES: Mapping[str, EnumValidationStage] = {
    "ast": EnumValidationStage.AST,
    "imports": EnumValidationStage.IMPORTS,
    "types": EnumValidationStage.TYPE_CHECKING,
    "mypy": EnumValidationStage.TYPE_CHECKING,
    "compliance": EnumValidationStage.ONEX_COMPLIANCE,
    "purity": EnumValidationStage.ONEX_COMPLIANCE,
    "security": EnumValidationStage.SECURITY,
    "bandit": EnumValidationStage.SECURITY,
    "performance": EnumValidationStage.PERFORMANCE,
}
"""Stage by the first part of its rules. Findings of SYNTAX and of contracts cannot be suppressed."""


@dataclass(frozen=True, slots=True)
class _Suppression:
    file: str
    line: int
    rule: str
    reason: str

    @property
    def stage(self) -> EnumValidationStage | None:
        return _STAGES.get(self.rule.partition(".")[0])


def apply_suppressions(sources: Sources, results: Sequence[ModelValidationResult]) -> list[ModelValidationResult]:
    """Return the results without the findings that comments allow. Comments have findings of their own:

    without a reason, of an unknown rule, and those that allow nothing. A stage that did not run reports no comment.
    """
    comments = [comment for module in sources.modules for comment in _comments(module.path, module.text)]
    allowed = {(c.file, c.line, c.rule): c for c in comments if c.reason and c.stage}
    used: set[tuple[str, int, str]] = set()
    applied: list[ModelValidationResult] = []
    for result in results:
        left: list[ModelFinding] = []
        suppressed: list[ModelFinding] = []
        for finding in result.findings:
            key = (finding.file, finding.line, finding.rule)
            if key in allowed:
                used.add(key)
                suppressed.append(finding.model_copy(update={"remedy": f"allowed: {allowed[key].reason}"}))
            else:
                left.append(finding)
        for comment in comments:
            if comment.stage is result.stage and (comment.file, comment.line, comment.rule) not in used:
                left.append(_about(comment))
            if comment.stage is None and result.stage is EnumValidationStage.SYNTAX:
                left.append(_UNKNOWN.at(comment.file, comment.line, f"there is no rule {shown(comment.rule)!r}"))
        applied.append(result.model_copy(update={"findings": in_order(left), "suppressed": in_order(suppressed)}))
    return applied


def _about(comment: _Suppression) -> ModelFinding:
    if not comment.reason:
        return _REASON.at(comment.file, comment.line, f"allows {shown(comment.rule)} without a reason")
    return _UNUSED.at(comment.file, comment.line, f"allows {shown(comment.rule)}, which is not found here")


def _comments(path: str, text: str) -> list[_Suppression]:
    if _MARK not in text:
        return []
    found: list[_Suppression] = []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):  # the syntax tree exists, so this is a difference of the tokenizers
        return []
    for token in tokens:
        if token.type == tokenize.COMMENT and (match := _COMMENT.search(token.string)):
            rules = [rule.strip() for rule in match["rules"].split(",")]
            found += [_Suppression(path, token.start[0], rule, match["reason"].strip(" -:")[:200]) for rule in rules]
    return found
