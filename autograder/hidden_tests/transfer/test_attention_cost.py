"""5.8 attention_cost, a bonus: multiply-adds of an attention whose keys and values come from a reduced map."""

from autograder.testing import graded
from segkit.tasks.segformer.probes import result

NUMBER = dict(name="attention_cost", what="the number of multiply-adds")


def sizes(draw, reduction: int = 1, rest: tuple[int, int] = (0, 0)) -> list[int]:
    """Height, width, channels, heads and reduction ratio; `rest` rows and columns fill no square."""
    heads = draw.choose(2, 3, 5)
    rows, columns = draw.choose((3, 5), (4, 7), (6, 5))
    return [rows * reduction + rest[0], columns * reduction + rest[1], heads * draw.choose(4, 7), heads, reduction]


@graded("no reduction", share=1)
def test_no_reduction(judge, draw):
    judge.same(result, arguments=sizes(draw), **NUMBER)


@graded("with a reduction", share=1.5)
def test_reduction(judge, draw):
    judge.same(result, arguments=sizes(draw, 2), **NUMBER)
    judge.same(result, arguments=sizes(draw, draw.choose(3, 4)), **NUMBER)


@graded("sides that do not divide by the ratio", share=0.5)
def test_rest(judge, draw):
    judge.same(result, arguments=sizes(draw, 4, draw.choose((1, 2), (3, 1), (2, 3))), **NUMBER)


@graded("a large image: the number is exact", share=0.5)
def test_large(judge, draw):
    side = draw.choose(1001, 1501, 2003)
    judge.same(result, arguments=[side, side + 2, 64, 2, 1], **NUMBER)


@graded("the ratio may be left out", share=0.5)
def test_default(judge, draw):
    judge.same(result, arguments=sizes(draw)[:4], **NUMBER)
