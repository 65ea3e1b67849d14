"""How code is changed: operators of cosmic-ray, and what it lacks, as operators of the same kind.

cosmic-ray reads code with parso, whose trees know every space of the text. An operator names the places at which it
changes something (`mutation_positions`) and changes one of them (`mutate`); `examples` shows it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Name
from parso.tree import NodeOrLeaf

# Not used: bits and shifts, identity of numbers, and `+x`, which is x. Tensors refuse most of them at once.
SENSELESS = re.compile(
    r"(BitOr|BitAnd|BitXor|[LR]Shift|Invert|UAdd|USub_Not|_Is|_IsNot)(_|$)|Variable|Exception|Decorator"
)
COMPOUND = {"for_stmt", "if_stmt", "while_stmt", "with_stmt", "try_stmt"}
ROOTS = {"F", "math", "nn", "self", "torch", "tv_tensors", "v2"}  # what follows their dots is no method of a tensor
ANOTHER = {
    '"bilinear"': '"bicubic"', '"sum"': '"mean"', "BILINEAR": "BICUBIC", "NEAREST": "NEAREST_EXACT",
    "BatchNorm2d": "InstanceNorm2d", "IMAGENET_MEAN": "IMAGENET_STD", "IMAGENET_STD": "IMAGENET_MEAN",
    "argmax": "argmin", "eval": "train", "float32": "float64", "gelu": "relu", "int64": "int32",
    "long": "int", "mean": "sum", "no_grad": "enable_grad", "relu": "gelu", "softmax": "log_softmax", "sqrt": "exp",
    "sum": "mean", "zeros": "ones",
}  # fmt: skip


class Rewrite(Operator):
    """An operator that says for a node of the tree by which texts it may be replaced."""

    shown: Sequence[tuple[str, str]] = ()  # code before and after the first of its changes

    def variants(self, node: NodeOrLeaf) -> Iterable[str]:
        """The texts that may take the place of `node`."""
        raise NotImplementedError

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        for _ in self.variants(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        return Name(list(self.variants(node))[index], node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return [Example(before, after) for before, after in cls.shown]


class DeleteStatement(Rewrite):
    """A statement, or a whole loop or condition, becomes `pass`; docstrings stay."""

    shown = (("a = 1\n", "pass\n"), ("for i in a:\n    b(i)\nc\n", "pass\nc\n"))

    def variants(self, node):
        if node.type in COMPOUND:
            yield "pass\n"
        elif node.parent and node.parent.type == "simple_stmt" and node.type not in {"newline", "string"}:
            yield "pass"


class LeaveContext(Rewrite):
    """What stands in a `with` is done without it."""

    shown = (("with a():\n    b\n", "if True:\n    b\n"),)

    def variants(self, node):
        if node.type == "with_stmt":
            yield "if True" + "".join(child.get_code() for child in node.children[-2:])


class DropArgument(Rewrite):
    """A call does without one of its arguments."""

    shown = (("f(a, b=2)", "f( b=2)"), ("f(a)", "f()"))

    def variants(self, node):
        if _is_call(node):
            items = _arguments(node)
            for place in range(len(items)):
                rest = [item.get_code() for item in items[:place] + items[place + 1 :]]
                yield "(" + ",".join(rest) + node.children[-1].get_code()


class SwapNeighbours(Rewrite):
    """Two neighbours of a list of arguments, of a tuple or of a list change places."""

    shown = (("f(a, b)", "f(b, a)"), ("a, b = c", "b, a = c"))

    def variants(self, node):
        if node.type not in {"arglist", "testlist_comp", "testlist_star_expr", "exprlist"} or _order_is_nothing(node):
            return
        items = node.children[::2]
        if any(comma.get_code() != "," for comma in node.children[1::2]):
            return  # a comprehension
        for place, (first, second) in enumerate(pairwise(items)):
            if "argument" not in {first.type, second.type}:
                yield _with_leaves(node, {2 * place: second, 2 * place + 2: first})


class DropCall(Rewrite):
    """`f(x, ...)` becomes x, and so does `x.f(...)`."""

    shown = (("F.relu(x)", "x"), ("f(a + b, c)", "(a + b)"), ("x.flatten(2).sum()", "x.sum()"), ("self.f(x)", "x"))

    def variants(self, node):
        if node.type != "atom_expr":
            return
        parts = node.children
        for place in [place for place, part in enumerate(parts) if _is_call(part)]:
            after = "".join(part.get_code() for part in parts[place + 1 :])
            if _is_method(parts[:place]):
                yield "".join(part.get_code() for part in parts[: place - 1]).lstrip() + after
            elif (items := _arguments(parts[place])) and items[0].type != "argument":
                yield _as_operand(items[0]) + after


class DropSubscript(Rewrite):
    """`x[i]` becomes x."""

    shown = (("x[0].y[1:]", "x.y[1:]"),)

    def variants(self, node):
        if node.type == "atom_expr":
            for part in node.children:
                if part.type == "trailer" and part.children[0].get_code() == "[":
                    yield "".join(other.get_code() for other in node.children if other is not part).lstrip()


class DropOperand(Rewrite):
    """A sum, a product, a power, an `and` or an `or` does without one of its parts."""

    shown = (("a + b", "b"), ("a @ b * c", "b * c"), ("a or b", "b"))

    def variants(self, node):
        if node.type in {"arith_expr", "term", "power", "or_test", "and_test"}:
            codes = [child.get_code() for child in node.children]
            for place in range(0, len(codes), 2):
                without = slice(place, place + 2) if place == 0 else slice(place - 1, place + 1)
                rest = codes.copy()
                del rest[without]
                yield "".join(rest).strip()


class ChangeAugmented(Rewrite):
    """`+=` becomes `-=` and `=`."""

    shown = (("a += 1", "a -= 1"),)

    def variants(self, node):
        if node.type == "operator" and node.value == "+=":
            yield from ("-=", "=")


class AnotherValue(Rewrite):
    """A name or a string becomes another one that is possible in its place."""

    shown = (('f(x, mode="bilinear")', 'f(x, mode="bicubic")'), ("x.argmax()", "x.argmin()"))

    def variants(self, node):
        if node.type in {"name", "string"} and node.value in ANOTHER:
            yield ANOTHER[node.value]


OWN = (
    DeleteStatement, LeaveContext, DropArgument, SwapNeighbours, DropCall, DropSubscript, DropOperand, ChangeAugmented,
    AnotherValue,
)  # fmt: skip


def all_operators() -> dict[str, Operator]:
    """Every operator that is used, by its name."""
    provider = OperatorProvider()
    theirs = {name: provider[name]() for name in provider if not SENSELESS.search(name)}
    return theirs | {operator.__name__: operator() for operator in OWN}


def _is_call(node: NodeOrLeaf) -> bool:
    return node.type == "trailer" and node.children[0].get_code().strip() == "("


def _arguments(call: NodeOrLeaf) -> list[NodeOrLeaf]:
    """The arguments of a call, from its brackets and what is between them."""
    inside = call.children[1:-1]
    if inside and inside[0].type == "arglist":
        return inside[0].children[::2]
    return inside


def _is_method(callee: list[NodeOrLeaf]) -> bool:
    """Whether what is called is a method of some value, as in `x.sum` and `f(x).sum`, and not `F.relu` or `f`."""
    if len(callee) < 2 or callee[-1].children[0].get_code() != ".":
        return False
    dots_only = all(part.children[0].get_code() == "." for part in callee[1:])
    return not (dots_only and callee[0].get_code().strip() in ROOTS)


def _as_operand(node: NodeOrLeaf) -> str:
    code = node.get_code(include_prefix=False)
    return code if node.type in {"atom", "atom_expr", "name", "number", "string"} else f"({code})"


def _order_is_nothing(node: NodeOrLeaf) -> bool:
    """Whether neighbours may stand in any order: the axes of `transpose`, and those of `dim=(...)`."""
    holder = node.parent
    before = holder.get_previous_sibling()
    axes = holder.parent.type == "argument" and holder.parent.children[0].get_code().strip() == "dim"
    return axes or (before is not None and before.get_code() == ".transpose")


def _with_leaves(node: NodeOrLeaf, changed: dict[int, NodeOrLeaf]) -> str:
    """The code of a node, some of whose children are replaced by others."""
    codes = []
    for place, child in enumerate(node.children):
        prefix = child.get_first_leaf().prefix if place else ""
        codes.append(prefix + changed.get(place, child).get_code(include_prefix=False))
    return "".join(codes)
