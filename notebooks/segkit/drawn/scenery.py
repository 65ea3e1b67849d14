"""What scenes stand on and in: sky, ground, buildings, furniture, none of which the course looks for."""

from random import Random

from segkit.drawn import things
from segkit.drawn.canvas import Canvas, class_id, shade, vary

SKY, MOUNTAIN, ROCK, FENCE = map(class_id, ("sky", "mountain", "rock", "fence"))
BUILDING, SKYSCRAPER, HOUSE, STREETLIGHT = map(class_id, ("building", "skyscraper", "house", "streetlight"))
WINDOW, CURTAIN, SOFA, TABLE, CHAIR, LAMP = map(class_id, ("window", "curtain", "sofa", "table", "chair", "lamp"))
UNLABELLED = class_id("unlabelled")


class Ground:
    """Level ground seen from `eye` metres above it, with things on it: what stands nearer is larger and in front."""

    def __init__(self, canvas: Canvas, horizon: float, eye: float):
        self.canvas, self.horizon, self.eye = canvas, horizon, eye
        self._standing = []

    def metre(self, y: float) -> float:
        """Length of a metre in pixels where the ground is at height `y` of the picture."""
        return (y - self.horizon) / self.eye

    def y(self, depth: float) -> float:
        """Where in the picture the ground is: depth 0 is the horizon, 1 the lower edge."""
        return self.horizon + (self.canvas.height - self.horizon) * depth

    def add(self, thing, near: float, far: float, count=1, x=(0.0, 1.0), **form) -> None:
        """Put `count` things between `far` and `near` (fractions of the picture's height), at any `x` of that range."""
        draw, canvas = self.canvas.draw, self.canvas
        for _ in range(count):
            place = draw.uniform(*x) * canvas.width, draw.uniform(far, near) * canvas.height
            self._standing.append((place[1], len(self._standing), thing, place, form))

    def stand(self, thing, x: float, y: float, **form) -> None:
        """Put one thing at (x, y) in pixels."""
        self._standing.append((y, len(self._standing), thing, (x, y), form))

    def paint(self) -> None:
        """Draw everything, the farthest first."""
        for y, _, thing, place, form in sorted(self._standing, key=lambda entry: entry[:2]):
            thing(self.canvas, *place, self.metre(y), self.canvas.draw, **form)


def sky(canvas: Canvas, horizon: float, draw: Random) -> None:
    kinds = [((96, 150, 215), (196, 220, 240)), ((70, 120, 190), (225, 225, 220)), ((170, 176, 184), (205, 208, 210))]
    kinds += [((90, 100, 150), (245, 190, 140)), ((130, 180, 230), (230, 240, 248))]
    top, bottom = draw.choice(kinds)
    canvas.gradient(0, horizon + 1, (vary(top, draw, 10), vary(bottom, draw, 10)), SKY)
    for _ in range(draw.choice([0, 2, 4, 6])):
        x, y, size = draw.uniform(0, 1) * canvas.width, draw.uniform(0, 0.7) * horizon, draw.uniform(5, 16)
        tone = vary((236, 238, 240), draw, 8)
        for _ in range(5):
            canvas.ellipse(
                x + draw.uniform(-2, 2) * size, y + draw.uniform(-0.3, 0.3) * size, size * 1.2, size * 0.45, tone
            )


def hills(canvas: Canvas, horizon: float, draw: Random, label=MOUNTAIN, rows=2) -> None:
    for row in range(rows):
        base = [(108, 122, 138), (92, 108, 96), (120, 104, 88)][(row + draw.randint(0, 2)) % 3]
        colour, high = vary(base, draw), horizon * draw.uniform(0.15, 0.5) * (1 - 0.3 * row)
        steps = draw.randint(5, 9)
        ridge = [(canvas.width * i / steps, horizon - high * draw.uniform(0.3, 1)) for i in range(steps + 1)]
        canvas.polygon([(0, horizon + 1), *ridge, (canvas.width, horizon + 1)], colour, label)


def surface(canvas: Canvas, top: float, draw: Random, colour, label: int, bottom=None) -> None:
    colour = vary(colour, draw, 14)
    canvas.gradient(top, canvas.height if bottom is None else bottom, (shade(colour, 0.9), colour), label)


def windows(canvas: Canvas, box, rows: int, columns: int, draw: Random) -> None:
    left, top, right, bottom = box
    wide, high = (right - left) / columns, (bottom - top) / rows
    for row in range(rows):
        for column in range(columns):
            x, y = left + wide * (column + 0.25), top + high * (row + 0.2)
            lit = draw.choice([things.GLASS, things.GLASS, (96, 112, 126), (212, 190, 130)])
            canvas.box(x, y, x + wide * 0.5, y + high * 0.55, vary(lit, draw, 8))


def building(canvas: Canvas, left, right, top, bottom, draw: Random, label=BUILDING) -> None:
    walls = [(176, 150, 128), (150, 92, 76), (196, 190, 178), (128, 128, 132), (206, 184, 140), (112, 98, 92)]
    wall = vary(draw.choice(walls), draw)
    canvas.box(left, top, right, bottom, wall, label)
    floor = draw.uniform(13, 20)
    rows, columns = max(1, int((bottom - top) / floor)), max(1, int((right - left) / draw.uniform(10, 16)))
    windows(canvas, (left + 2, top + 2, right - 2, bottom - (bottom - top) * 0.12), rows, columns, draw)
    canvas.box(left, top, right, top + 2, shade(wall, 0.7))


def skyline(canvas: Canvas, base: float, lowest: float, draw: Random) -> None:
    """A row of buildings from side to side, standing on y = `base` and at least `lowest` pixels high."""
    left = -draw.uniform(0, 30)
    while left < canvas.width:
        width, high = draw.uniform(36, 80), draw.uniform(lowest, base * 1.05)
        label = SKYSCRAPER if high > base * 0.95 else BUILDING
        if draw.random() < 0.88:
            building(canvas, left, left + width, base - high, base, draw, label)
        left += width + draw.choice([0, 0, 6])


def house(canvas: Canvas, x, y, metre, draw: Random) -> None:
    width, high = draw.uniform(6, 10) * metre, draw.uniform(3, 5) * metre
    wall = vary(draw.choice([(222, 214, 198), (186, 128, 104), (206, 196, 160), (170, 176, 182)]), draw)
    canvas.box(x - width / 2, y - high, x + width / 2, y, wall, HOUSE)
    roof = [
        (x - width * 0.58, y - high),
        (x, y - high - width * draw.uniform(0.25, 0.42)),
        (x + width * 0.58, y - high),
    ]
    canvas.polygon(roof, vary(draw.choice([(140, 70, 56), (84, 82, 88), (110, 84, 66)]), draw), HOUSE)
    windows(canvas, (x - width * 0.48, y - high * 0.9, x + width * 0.48, y - high * 0.2), 1, 3, draw)
    canvas.box(x - metre * 0.45, y - 2 * metre, x + metre * 0.45, y, (92, 66, 50))


def streetlight(canvas: Canvas, x, y, metre, draw: Random) -> None:
    top = y - 5.5 * metre
    canvas.line([(x, y), (x, top), (x + metre, top)], max(1, 0.12 * metre), (78, 80, 84), STREETLIGHT)
    canvas.ellipse(x + metre, top, 0.35 * metre, 0.15 * metre, (236, 232, 210), STREETLIGHT)


def fence(canvas: Canvas, y: float, high: float, draw: Random) -> None:
    colour = vary(draw.choice([(140, 110, 80), (225, 222, 214), (92, 88, 84)]), draw)
    for rail in (0.35, 0.85):
        canvas.line([(0, y - high * rail), (canvas.width, y - high * rail)], high * 0.14, colour, FENCE)
    for post in range(0, canvas.width + 12, 12):
        canvas.line([(post, y), (post, y - high)], high * 0.16, colour, FENCE)


def rock(canvas: Canvas, x, y, metre, draw: Random) -> None:
    size, colour = draw.uniform(0.3, 1.2) * metre, vary((124, 118, 110), draw)
    corners = [(0, 0), (0.05, 0.5), (0.3, 0.9), (0.6, 1), (0.9, 0.6), (1, 0)]
    canvas.outline([(u + draw.uniform(-0.06, 0.06), v) for u, v in corners], (x, y, size * 1.8, size), colour, ROCK)


def clutter(canvas: Canvas, draw: Random) -> None:
    """A thing that nobody has labelled, as every annotated data set has some."""
    x, y, size = draw.uniform(0.1, 0.9) * canvas.width, draw.uniform(0.7, 0.95) * canvas.height, draw.uniform(6, 16)
    colour = vary(draw.choice([(170, 140, 100), (90, 100, 120), (180, 60, 60), (200, 200, 190)]), draw)
    canvas.outline(
        [(0, 0), (1, 0.05), (0.95, 1), (0.1, 0.9)], (x, y, size * draw.uniform(0.8, 2), size), colour, UNLABELLED
    )


def room_window(canvas: Canvas, left, base, draw: Random) -> None:
    right, top, bottom = left + canvas.width * 0.24, base * 0.16, base * 0.62
    canvas.box(left, top, right, bottom, vary((196, 216, 232), draw), WINDOW)
    for bar in (left, (left + right) / 2, right):
        canvas.line([(bar, top), (bar, bottom)], 2, (240, 238, 232), WINDOW)
    cloth = vary(draw.choice(things.CLOTHES), draw)
    for edge in (left, right):
        canvas.box(edge - 6, top - 5, edge + 6, bottom + 14, cloth, CURTAIN)


def sofa(canvas: Canvas, x, y, metre, draw: Random) -> None:
    cloth = vary(draw.choice(things.CLOTHES), draw)
    place = (x, y, 1.9 * metre, 0.85 * metre)
    canvas.outline([(0.05, 0.4), (0.05, 1), (0.95, 1), (0.95, 0.4)], place, shade(cloth, 0.85), SOFA)
    canvas.outline([(0.1, 0.08), (0.1, 0.5), (0.9, 0.5), (0.9, 0.08)], place, cloth, SOFA)
    for side in (0, 0.88):
        canvas.outline(
            [(side, 0), (side, 0.66), (side + 0.12, 0.66), (side + 0.12, 0)], place, shade(cloth, 0.75), SOFA
        )


def table(canvas: Canvas, x, y, metre, draw: Random) -> None:
    wood, place = vary((132, 94, 62), draw), (x, y, 1.3 * metre, 0.75 * metre)
    for leg in (0.06, 0.88):
        canvas.outline([(leg, 0), (leg, 0.95), (leg + 0.06, 0.95), (leg + 0.06, 0)], place, shade(wood, 0.8), TABLE)
    canvas.outline([(0, 0.9), (0.06, 1.05), (0.94, 1.05), (1, 0.9)], place, wood, TABLE)


def chair(canvas: Canvas, x, y, metre, draw: Random) -> None:
    wood, place = (
        vary(draw.choice([(112, 78, 52), (60, 58, 60), (200, 190, 172)]), draw),
        (x, y, 0.5 * metre, 0.95 * metre),
    )
    for leg in (0, 0.85):
        canvas.outline([(leg, 0), (leg, 0.5), (leg + 0.15, 0.5), (leg + 0.15, 0)], place, wood, CHAIR)
    canvas.outline([(0, 0.45), (0, 0.54), (1, 0.54), (1, 0.45)], place, wood, CHAIR)
    canvas.outline([(0, 0.5), (0, 1), (0.15, 1), (0.15, 0.5)], place, wood, CHAIR)


def lamp(canvas: Canvas, x, y, metre, draw: Random) -> None:
    canvas.line([(x, y), (x, y - 1.4 * metre)], 2, (70, 66, 62), LAMP)
    canvas.outline(
        [(0, 0), (0.2, 1), (0.8, 1), (1, 0)], (x, y - 1.2 * metre, 0.5 * metre, 0.4 * metre), (236, 220, 170), LAMP
    )
