"""Which expressions hold data of a message."""

import ast

from onex.codegen.validate.names import Place

_MESSAGES = frozenset({"command", "event", "request", "message", "msg", "payload", "run"})


def is_from_message(node: ast.expr, place: Place) -> bool:
    """Return whether an expression contains a field of a message: a parameter, or a variable that has its value.

    A message is a parameter with one of the usual names.
    """
    messages = _messages(place)
    carriers = _carriers(place, messages)
    return _contains(node, messages, carriers)


def _messages(place: Place) -> frozenset[str]:
    found: set[str] = set()
    for scope in place.scopes:
        parameters = [*scope.function.args.posonlyargs, *scope.function.args.args]
        found |= {p.arg for p in parameters if p.arg in _MESSAGES}
    return frozenset(found)


def _carriers(place: Place, messages: frozenset[str]) -> frozenset[str]:
    """Return the variables of the outermost function that are assigned a field of a message."""
    found: set[str] = set()
    if not place.scopes or not messages:
        return frozenset()
    for node in ast.walk(place.scopes[0].function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _contains(value, messages, frozenset(found)):
                found.add(name)
    return frozenset(found)


def _contains(node: ast.expr, messages: frozenset[str], carriers: frozenset[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in carriers
        case ast.Attribute(value=ast.Name(id=name)) if name in messages:
            return True
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return _contains(value, messages, carriers)
        case ast.JoinedStr(values=values):
            return any(_contains(v.value, messages, carriers) for v in values if isinstance(v, ast.FormattedValue))
        case ast.BinOp(left=left, right=right):
            return _contains(left, messages, carriers) or _contains(right, messages, carriers)
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "strip" | "lower" | "removeprefix" | "lstrip")):
            return _contains(value, messages, carriers) or any(_contains(a, messages, carriers) for a in node.args)
        case ast.Call(func=ast.Name(id="str"), args=[value]):
            return _contains(value, messages, carriers)
        case _:
            return False
