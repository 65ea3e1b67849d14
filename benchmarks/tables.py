"""Tables of figures on a terminal."""


def print_table(title: str, rows: list[dict]) -> None:
    """Print rows of the same columns under their names: words to the left, numbers to the right."""
    columns = list(rows[0])
    cells = [columns, *([_in_words(row[column]) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    sides = ["<" if isinstance(rows[0][column], str) else ">" for column in columns]
    print(f"\n{title}")
    for line in cells:
        print("  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)))


def _in_words(value) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
