"""Students' code without what is private or beside the point: comments, docstrings, type hints, layout."""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterable, Iterator

_NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)


def parsed(source: str) -> ast.Module | None:
    """The syntax tree, or None if it is no Python; nothing that somebody wrote makes this raise or warn."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except _NO_PYTHON:
        return None


def canonical(source: str) -> str:
    """The same program without docstrings and type hints, laid out in one way; as it is if it is no Python."""
    tree = parsed(source)
    if tree is None:
        return source
    try:
        for node in ast.walk(tree):
            _simplify(node)
        return ast.unparse(tree)
    except _NO_PYTHON:  # nested too deeply
        return source


def _simplify(node: ast.AST) -> None:
    body = getattr(node, "body", None)
    if isinstance(body, list):
        node.body = [line for line in body if not _is_text(line)] or [ast.Pass()] * bool(body)
    if isinstance(node, ast.arg):
        node.annotation = None
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node.returns = None


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant | ast.JoinedStr)


def readable(source: str) -> str | None:
    """The code as it was laid out, without comments and docstrings; None if it is no Python."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    tree = parsed(source)
    if tree is None:
        return None
    lines = source.split("\n")
    try:
        _cut(lines, [*_texts(tree, lines), *_comments(source)])
    except (tokenize.TokenError, IndexError, *_NO_PYTHON):  # IndexError: a comment within a text that is cut out
        return None
    return "\n".join(_without_gaps(lines))


def _cut(lines: list[str], cuts: Iterable[tuple[int, int, int, int, str]]) -> None:
    """Take pieces out of the lines, the last first: its first line and place, its last ones, what comes instead."""
    for first, start, last, end, instead in sorted(cuts, reverse=True):
        kept = lines[first - 1][:start] + instead + lines[last - 1][end:]
        lines[first - 1 : last] = [kept] if kept.strip() else []


def _comments(source: str) -> Iterator[tuple[int, int, int, int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield *token.start, *token.end, ""


def _texts(tree: ast.Module, lines: list[str]) -> Iterator[tuple[int, int, int, int, str]]:
    """Where texts stand by themselves, and what to put there: something must be left of a body."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for number, text in enumerate(body if isinstance(body, list) else []):
            if _is_text(text):
                start = _characters(lines[text.lineno - 1], text.col_offset)
                end = _characters(lines[text.end_lineno - 1], text.end_col_offset)
                left = "..." if number == 0 and all(map(_is_text, body)) and node is not tree else ""
                yield text.lineno, start, text.end_lineno, end, left


def _characters(line: str, offset: int) -> int:
    """The place in characters of what `ast` counts in bytes."""
    return len(line.encode()[:offset].decode(errors="ignore"))


def _without_gaps(lines: Iterable[str]) -> Iterator[str]:
    """Lines without what stands at their ends, no two empty ones in a row, none first."""
    before = ""
    for line in lines:
        line = line.rstrip()
        if line or before:
            yield line
        before = line
