"""Small mistakes in code: cosmic-ray's operators for Python, statements left out, and the same for Lua."""

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes, is_number
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

# What a person gets wrong. Each comparison by each other one would only repeat these.
_FROM_COSMIC_RAY = (
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_FloorDiv", "Div_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("FloorDiv_Mul", "Mod_FloorDiv", "BitXor_BitOr")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("BitAnd_BitOr", "BitOr_BitAnd")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("RShift_LShift", "LShift_RShift")),
    *("AddNot", "ReplaceUnaryOperator_Delete_Not", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("ExceptionReplacer", "ZeroIterationForLoop"),
)
_LUA: tuple[tuple[str, str | None], ...] = (
    *((r" == ", " ~= "), (r" ~= ", " == "), (r" and ", " or "), (r" or ", " and "), (r"\bnot ", "")),
    *((r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > ")),
    *((r" \+ ", " - "), (r" - ", " + "), (r"\btrue\b", "false"), (r"\bfalse\b", "true")),
    (r"(?<![\w'\[.%])[0-3](?![\w'\]])", None),  # a number: one more, and one less
    (r"^\s+return\b[^(]*$|^\s*(?:redis\.call|log|forget)\(.*\)$", "-- left out"),
)
_ASSERTED = {("strict", "True"), ("usedforsecurity", "False")}
_NOT_MINDED = re.compile(r"\blog\.\w+\(|^@|^if TYPE_CHECKING:")


@dataclass(frozen=True)
class Mutant:
    path: str
    first: int  # of the lines that it changes
    last: int
    before: str  # these lines, and what stands there instead
    after: str
    nth: int  # of those in this file that read the same
    code: str  # the whole file

    @property
    def name(self) -> str:
        return f"{self.path}: {self.before}  ->  {self.after}" + (f"  ({self.nth})" if self.nth else "")


def mutants(root: Path, path: str, share: float, seed: str) -> Iterator[Mutant]:
    """Of the file at `path`: a share of all, the same ones for the same seed."""
    code = (root / path).read_text(encoding="utf-8")
    lines = code.splitlines()
    seen: Counter[tuple[str, str]] = Counter()
    for place, changed in _lua(code) if path.endswith(".lua") else _python(code):
        if not _drawn(f"{seed} {path} {place}", share):
            continue
        new = changed() if callable(changed) else changed
        if new is None or (path.endswith(".py") and not _compiles(new)):
            continue
        first, last, after = _changed(lines, new.splitlines())
        before = " ".join(line.strip() for line in lines[first - 1 : last])
        if before == after:
            continue
        yield Mutant(path, first, last, before, after, seen[before, after], new)
        seen[before, after] += 1


def _compiles(code: str) -> bool:
    """Not always: cosmic-ray takes the star of `def f(*, x)` for an operator."""
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def _drawn(place: str, share: float) -> bool:
    return int.from_bytes(hashlib.sha256(place.encode()).digest()[:4]) < share * 2**32


def _changed(old: list[str], new: list[str]) -> tuple[int, int, str]:
    """First and last line of `old` that changed, from 1, and what stands there in `new`."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    after = " ".join(line.strip() for line in new[head : len(new) - tail])
    return head + 1, max(len(old) - tail, head + 1), after


def _python(code: str) -> Iterator[tuple[str, Any]]:
    nodes = list(ast_nodes(parso.parse(code)))
    tree = ast.parse(code)
    left = _types(tree) + _constants(tree) + _assertions(tree)
    for name, operator in _operators():
        counted: Counter[str] = Counter()
        occurrence = 0
        for node in nodes:
            for position in operator.mutation_positions(node):
                (line, column), _ = position
                text = code.splitlines()[line - 1].strip()
                is_left = any(begin <= (line, column) < end for begin, end in left)
                if not is_left and not _NOT_MINDED.search(text):
                    yield (
                        f"{name} {text} {counted[text]}",
                        lambda operator=operator, nth=occurrence: _mutated(code, operator, nth),
                    )
                counted[text] += 1
                occurrence += 1


def _mutated(code: str, operator: Operator, occurrence: int) -> str | None:
    with suppress(AttributeError):  # ExceptionReplacer knows no dotted names
        return mutate_code(code, operator, occurrence)  # type: ignore[no-any-return]
    return None


Span = tuple[tuple[int, int], tuple[int, int]]  # from line and column on, to before these


def _types(tree: ast.AST) -> list[Span]:
    """Annotations and other unions of types: a mistake there is mypy's."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            found.append(node.returns)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and _is_type(node.right):
            found.append(node)
    return [_span(node) for node in found]


def _constants(tree: ast.Module) -> list[Span]:
    """Values that were chosen: a test that knows them would be a copy. Their use is another matter."""
    classes = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = (node for body in (tree.body, *classes) for node in body)
    return [_span(node) for node in found if isinstance(node, ast.Assign | ast.AnnAssign)]


def _assertions(tree: ast.AST) -> list[Span]:
    """What `zip` and `hashlib` are told of our own code: nobody could see that it is not said."""
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    found = [node.value for node in keywords if (node.arg, ast.unparse(node.value)) in _ASSERTED]
    return [_span(node) for node in found]


def _span(node: ast.expr | ast.stmt) -> Span:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def _is_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        return _is_type(node.value)
    return (
        isinstance(node, ast.Name)
        and (node.id in ("str", "int", "bytes", "float") or (node.id[0].isupper() and not node.id.isupper()))
    ) or (isinstance(node, ast.Constant) and node.value is None)


def _operators() -> Iterable[tuple[str, Operator]]:
    yield from ((name, get_operator(f"core/{name}")()) for name in _FROM_COSMIC_RAY)
    yield from ((kind.__name__, kind()) for kind in (OtherNumber, LeftOut))


class OtherNumber(Operator):  # type: ignore[misc]
    """One more and one less of a small number; the double and the half of a greater one.

    A test that knows a limit of 30 seconds from one of 31 would be a copy of the code.
    """

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if is_number(node):
            yield node.start_pos, node.end_pos
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        value = ast.literal_eval(node.value)
        if isinstance(value, int) and value <= 3:
            other = value + (1, -1)[index]
        elif isinstance(value, int):
            other = (value * 2, value // 2)[index]
        else:
            other = (value * 2 or 1.0, value / 2 or -1.0)[index]
        return parso.python.tree.Number(
            f"({other})" if other < 0 else str(other), node.start_pos, node.prefix
        )

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class LeftOut(Operator):  # type: ignore[misc]
    """A call, a raise, or an assignment to what outlives the function is left out."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if node.type == "expr_stmt":
            inside = parso.python.tree.search_ancestor(node, "funcdef")
            target = node.children[0]
            if inside and inside.name.value != "__init__" and target.type in ("atom_expr", "power"):
                yield node.start_pos, node.end_pos
        elif node.type in ("atom_expr", "power", "raise_stmt", "del_stmt", "await") and (
            node.parent.type == "simple_stmt" and "super" not in node.get_code()
        ):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        lines = node.end_pos[0] - node.start_pos[0]  # those that follow keep their numbers
        code = "pass" if not lines else "(" + "\n" * lines + ")"
        return parso.python.tree.Name(code, node.start_pos, node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def _lua(code: str) -> Iterator[tuple[str, str]]:
    start = 0
    for line in code.splitlines(keepends=True):
        text = line.split("--")[0].rstrip()
        for pattern, other in _LUA:
            for found in re.finditer(pattern, text):
                for new in [other] if other is not None else [str(int(found[0]) + 1), str(int(found[0]) - 1)]:
                    at = start + found.start()
                    yield (
                        f"{text.strip()} {found.start()} {new}",
                        code[:at] + new + code[at + len(found[0]) :],
                    )
        start += len(line)
