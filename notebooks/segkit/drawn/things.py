"""Plants, people and animals, vehicles: every stroke goes into the picture and, with its class id, into the annotation.

A thing stands at `(x, y)`, the point where it touches the ground, and `metre` is the length of a metre there in pixels.
`draw` is a `random.Random`: every thing comes in many forms and colours.
"""

import math
from random import Random

from segkit.drawn.canvas import Canvas, class_id, shade, vary

TREE, PALM, PLANT, FLOWER, POT = map(class_id, ("tree", "palm tree", "plant", "flower", "flowerpot"))
PERSON, ANIMAL = map(class_id, ("person", "animal"))
CAR, VAN, TRUCK, BUS, BICYCLE = map(class_id, ("car", "van", "truck", "bus", "bicycle"))
BOAT, SHIP, AIRPLANE = map(class_id, ("boat", "ship", "airplane"))

SKINS = [(246, 214, 188), (228, 184, 148), (196, 146, 108), (150, 102, 70), (104, 68, 46)]
CLOTHES = [(190, 40, 45), (38, 62, 130), (235, 235, 230), (32, 32, 38), (230, 180, 50), (60, 120, 80), (150, 90, 150)]
CLOTHES += [(90, 140, 190), (220, 120, 60), (120, 120, 125), (70, 50, 40)]
PAINTS = [(200, 30, 35), (25, 60, 140), (235, 235, 235), (28, 28, 32), (150, 155, 160), (215, 175, 40), (40, 100, 70)]
PAINTS += [(90, 25, 40), (110, 150, 190), (225, 110, 40)]
FOLIAGE = [(52, 96, 42), (72, 120, 50), (38, 80, 48), (96, 128, 58), (60, 104, 70)]
AUTUMN = [(190, 120, 40), (170, 80, 40), (200, 160, 60)]
BLOSSOMS = [(220, 40, 60), (240, 200, 40), (240, 130, 180), (245, 245, 240), (150, 90, 200), (240, 120, 40)]
COATS = [(110, 70, 40), (60, 44, 34), (200, 170, 130), (235, 230, 222), (34, 32, 32), (150, 110, 70), (140, 135, 130)]
GLASS, RUBBER, METAL = (70, 88, 104), (26, 26, 28), (150, 152, 156)


def shadow(canvas: Canvas, x, y, radius) -> None:
    """A dark patch on the ground."""
    canvas.ellipse(x, y, radius, radius * 0.16, (58, 58, 56))


# --- plants -------------------------------------------------------------------------------------------------------


def tree(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A broad-leaved tree or a conifer of 4 to 9 metres."""
    height = draw.uniform(4, 9) * metre
    colour = vary(draw.choice(AUTUMN if draw.random() < 0.15 else FOLIAGE), draw)
    shadow(canvas, x, y, height * 0.25)
    trunk = height * draw.uniform(0.02, 0.04)
    bark = vary((86, 66, 50), draw)
    if draw.random() < 0.3:
        canvas.box(x - trunk, y - height * 0.2, x + trunk, y, bark, TREE)
        for tier in range(5):
            half, low = height * (0.22 - 0.035 * tier), y - height * (0.1 + 0.17 * tier)
            corners = [(x - half, low), (x + half, low), (x, low - height * 0.32)]
            canvas.polygon(corners, vary(shade(colour, 0.75), draw, 10), TREE)
        return
    canvas.polygon(
        [(x - trunk, y), (x + trunk, y), (x + trunk / 2, y - height / 2), (x - trunk / 2, y - height / 2)], bark, TREE
    )
    spread = draw.uniform(0.9, 1.4)
    for _ in range(draw.randint(18, 26)):
        angle, distance = draw.uniform(0, 2 * math.pi), height * 0.26 * math.sqrt(draw.random())
        centre = x + math.cos(angle) * distance * spread, y - height * 0.68 + math.sin(angle) * distance
        radius = height * draw.uniform(0.06, 0.13)
        light = 1.12 if centre[1] < y - height * 0.7 else 0.88
        canvas.ellipse(*centre, radius * 1.1, radius, vary(shade(colour, light), draw, 12), TREE)


def palm(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A palm tree (in ADE20K a class of its own, not a tree)."""
    height, lean = draw.uniform(4, 7) * metre, draw.uniform(-0.15, 0.15)
    top = x + lean * height, y - height
    canvas.line(
        [(x, y), (x + lean * height * 0.3, y - height / 2), top], height * 0.035, vary((130, 104, 76), draw), PALM
    )
    for leaf in range(9):
        angle, length = math.pi * (leaf / 8 * 1.3 - 0.15), height * draw.uniform(0.28, 0.4)
        middle = top[0] + math.cos(angle) * length * 0.6, top[1] - math.sin(angle) * length * 0.5
        tip = top[0] + math.cos(angle) * length, top[1] - math.sin(angle) * length * 0.3 + length * 0.15
        canvas.line([top, middle, tip], height * 0.03, vary((70, 110, 60), draw), PALM)


def bush(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A bush or hedge of 0.6 to 1.8 metres."""
    height, colour = draw.uniform(0.6, 1.8) * metre, vary(draw.choice(FOLIAGE), draw)
    width = height * draw.uniform(0.8, 2.2)
    shadow(canvas, x, y, width * 0.6)
    for _ in range(draw.randint(7, 11)):
        at = x + draw.uniform(-0.5, 0.5) * width, y - draw.uniform(0.3, 0.7) * height
        canvas.ellipse(*at, width * 0.2, height * 0.3, vary(colour, draw, 14), PLANT)


def flowers(canvas: Canvas, x, y, metre, draw: Random, width=None) -> None:
    """A clump of flowers, half a metre high, stems and all."""
    height, width = 0.5 * metre, width or draw.uniform(0.5, 2.5) * metre
    blossom, radius = draw.choice(BLOSSOMS), max(0.8, 0.08 * metre)
    for _ in range(int(10 + 2.5 * width / radius)):
        left, top = x + draw.uniform(-0.5, 0.5) * width, y - draw.uniform(0.4, 1) * height
        canvas.line([(left + draw.uniform(-1, 1) * radius, y), (left, top)], radius, vary((70, 120, 60), draw), FLOWER)
        canvas.ellipse(left, top, radius * 1.5, radius * 1.4, vary(blossom, draw), FLOWER)
        canvas.ellipse(left, top, radius * 0.5, radius * 0.5, (220, 180, 60))


def potted_plant(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A plant in a pot, 0.8 to 1.6 metres together."""
    height, colour = draw.uniform(0.8, 1.6) * metre, vary(draw.choice(FOLIAGE), draw)
    pot = height * 0.32
    for _ in range(draw.randint(10, 16)):
        angle = draw.uniform(0.15, 0.85) * math.pi
        tip = x + math.cos(angle) * height * 0.5, y - pot - math.sin(angle) * (height - pot)
        side = height * 0.06
        canvas.polygon(
            [
                (x - side / 2, y - pot),
                ((x + tip[0]) / 2 - side, (y - pot + tip[1]) / 2),
                tip,
                ((x + tip[0]) / 2 + side, (y - pot + tip[1]) / 2),
                (x + side / 2, y - pot),
            ],
            vary(colour, draw),
            PLANT,
        )
    canvas.outline([(0.15, 0), (0.85, 0), (1, 1), (0, 1)], (x, y, pot * 0.9, pot), vary(draw.choice(PAINTS), draw), POT)


# --- people and animals -------------------------------------------------------------------------------------------


def person(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A grown-up or a child, standing or walking."""
    height = metre * draw.choice([1.75, 1.7, 1.65, 1.2]) * draw.uniform(0.95, 1.05)
    skin, coat, trousers = (
        vary(draw.choice(SKINS), draw),
        vary(draw.choice(CLOTHES), draw),
        vary(draw.choice(CLOTHES), draw),
    )
    stride, girth, turn = draw.uniform(0.02, 0.14), draw.uniform(0.85, 1.25), draw.choice([-1, 1])
    place = (x, y, turn * height * girth, height)
    shadow(canvas, x, y, height * 0.2)
    for side in (-1, 1):
        foot = 0.5 + side * stride
        canvas.outline([(0.46, 0.5), (0.54, 0.5), (foot + 0.035, 0.02), (foot - 0.035, 0.02)], place, trousers, PERSON)
        canvas.outline(
            [(foot - 0.04, 0), (foot + 0.07, 0), (foot + 0.03, 0.04), (foot - 0.04, 0.04)], place, RUBBER, PERSON
        )
    if draw.random() < 0.25:
        canvas.outline([(0.43, 0.55), (0.57, 0.55), (0.65, 0.25), (0.35, 0.25)], place, trousers, PERSON)
    for side in (-1, 1):
        hand = 0.5 + side * draw.uniform(0.14, 0.2), draw.uniform(0.42, 0.6)
        arm = [(0.5 + side * 0.09, 0.8), (0.5 + side * 0.13, 0.8), (hand[0] + 0.02, hand[1]), (hand[0] - 0.02, hand[1])]
        canvas.outline(arm, place, shade(coat, 0.85), PERSON)
        canvas.ellipse(
            x + (hand[0] - 0.5) * place[2], y - hand[1] * height, height * 0.025, height * 0.025, skin, PERSON
        )
    canvas.outline(
        [(0.38, 0.8), (0.46, 0.84), (0.54, 0.84), (0.62, 0.8), (0.58, 0.46), (0.42, 0.46)], place, coat, PERSON
    )
    canvas.outline([(0.48, 0.82), (0.52, 0.82), (0.52, 0.88), (0.48, 0.88)], place, shade(skin, 0.85), PERSON)
    hair = vary(draw.choice(COATS), draw)
    canvas.ellipse(x, y - height * 0.925, height * 0.066, height * 0.078, hair, PERSON)
    canvas.ellipse(x + turn * height * 0.012, y - height * 0.905, height * 0.054, height * 0.062, skin, PERSON)


# (height of the back in metres, length of the body, share of the height that is leg, neck upwards, snout)
_SPECIES = {
    "horse": (1.5, 1.8, 0.52, 0.32, 0.30),
    "cow": (1.4, 2.0, 0.42, 0.02, 0.26),
    "dog": (0.6, 0.8, 0.50, 0.15, 0.34),
    "cat": (0.32, 0.5, 0.45, 0.25, 0.12),
    "sheep": (0.85, 1.15, 0.34, 0.06, 0.20),
}


def animal(canvas: Canvas, x, y, metre, draw: Random, species=None) -> None:
    """A four-legged animal seen from its side."""
    back, length, leg, neck, snout = _SPECIES[species or draw.choice(sorted(_SPECIES))]
    back, length, facing = back * metre, length * metre, draw.choice([-1, 1])
    coat = vary(draw.choice(COATS), draw)
    middle, trunk = y - back * (1 + leg) / 2, back * (1 - leg) / 2
    shadow(canvas, x, y, length * 0.6)
    for at, tone in ((-0.42, 0.7), (-0.32, 1), (0.3, 0.7), (0.4, 1)):
        hip, hoof = x + at * length, x + (at + draw.uniform(-0.07, 0.07)) * length
        canvas.line([(hip, middle), (hoof, y)], max(0.9, length * 0.085), shade(coat, tone * 0.9), ANIMAL)
    canvas.ellipse(x, middle, length * 0.53, trunk * 1.05, coat, ANIMAL)
    for _ in range(draw.choice([0, 0, 4])):
        patch = x + draw.uniform(-0.3, 0.3) * length, middle + draw.uniform(-0.4, 0.3) * trunk
        canvas.ellipse(*patch, length * 0.1, trunk * 0.4, shade((235, 230, 222), 0.95))
    tail = x - facing * length * 0.52, middle - trunk * 0.4
    canvas.line(
        [tail, (tail[0] - facing * length * 0.12, tail[1] + back * draw.uniform(-0.2, 0.4))],
        length * 0.05,
        shade(coat, 0.7),
        ANIMAL,
    )
    head = x + facing * length * 0.68, y - back * (1 + neck)
    nape, chest = (x + facing * length * 0.28, middle - trunk * 0.8), (x + facing * length * 0.5, middle + trunk * 0.4)
    throat = head[0] + facing * length * 0.06, head[1] + length * 0.06
    canvas.polygon([nape, chest, throat, (head[0] - facing * length * 0.08, head[1] - length * 0.05)], coat, ANIMAL)
    canvas.ellipse(*head, length * 0.13, length * 0.1, coat, ANIMAL)
    canvas.ellipse(
        head[0] + facing * length * snout * 0.5,
        head[1] + length * 0.05,
        length * 0.1,
        length * 0.06,
        shade(coat, 0.85),
        ANIMAL,
    )
    canvas.polygon(
        [
            (head[0] - length * 0.07, head[1] - length * 0.05),
            (head[0], head[1] - length * 0.22),
            (head[0] + length * 0.05, head[1] - length * 0.06),
        ],
        shade(coat, 0.8),
        ANIMAL,
    )


# --- vehicles -----------------------------------------------------------------------------------------------------


def _wheel(canvas: Canvas, x, y, radius, label) -> None:
    canvas.ellipse(x, y - radius, radius, radius, RUBBER, label)
    canvas.ellipse(x, y - radius, radius * 0.55, radius * 0.55, METAL)


def car(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A car seen from its side: saloon, hatchback or estate."""
    length, height, facing = draw.uniform(3.9, 4.6) * metre, draw.uniform(1.4, 1.6) * metre, draw.choice([-1, 1])
    paint, place = vary(draw.choice(PAINTS), draw), (x, y, facing * length, height)
    rear = draw.choice([0.2, 0.1, 0.04])
    shadow(canvas, x, y, length * 0.52)
    roof = [(rear, 0.62), (rear + 0.1, 0.98), (0.6, 1.0), (0.78, 0.64)]
    canvas.outline(roof, place, paint, CAR)
    body = [(0, 0.3), (0.01, 0.6), (rear, 0.66), (0.8, 0.66), (0.97, 0.52), (1, 0.3), (0.97, 0.16), (0.02, 0.16)]
    canvas.outline(body, place, paint, CAR)
    canvas.outline([(rear + 0.06, 0.66), (rear + 0.12, 0.92), (0.42, 0.94), (0.42, 0.66)], place, GLASS)
    canvas.outline([(0.45, 0.66), (0.45, 0.94), (0.58, 0.94), (0.72, 0.66)], place, GLASS)
    canvas.outline([(0.02, 0.16), (0.97, 0.16), (0.97, 0.24), (0.02, 0.24)], place, shade(paint, 0.55))
    canvas.outline([(0.95, 0.42), (0.99, 0.42), (0.98, 0.5), (0.94, 0.52)], place, (250, 240, 200))
    canvas.outline([(0.0, 0.45), (0.03, 0.45), (0.03, 0.57), (0.01, 0.57)], place, (190, 30, 30))
    for at in (-0.31, 0.31):
        _wheel(canvas, x + at * length, y, height * 0.22, CAR)


def car_from_behind(canvas: Canvas, x, y, metre, draw: Random, ahead=None) -> None:
    """A car that drives away from us, or towards us (`ahead` False)."""
    width, height, paint = 1.8 * metre, draw.uniform(1.4, 1.6) * metre, vary(draw.choice(PAINTS), draw)
    ahead = draw.random() < 0.5 if ahead is None else ahead
    place = (x, y, width, height)
    shadow(canvas, x, y, width * 0.58)
    for left in (0.06, 0.74):
        canvas.outline([(left, 0), (left + 0.2, 0), (left + 0.2, 0.3), (left, 0.3)], place, RUBBER, CAR)
    canvas.outline([(0, 0.14), (1, 0.14), (1, 0.5), (0.93, 0.64), (0.07, 0.64), (0, 0.5)], place, paint, CAR)
    canvas.outline([(0.08, 0.62), (0.92, 0.62), (0.78, 1), (0.22, 1)], place, paint, CAR)
    canvas.outline([(0.14, 0.64), (0.86, 0.64), (0.75, 0.93), (0.25, 0.93)], place, GLASS)
    lamp = (200, 35, 35) if ahead else (252, 246, 220)
    for left in (0.04, 0.8):
        canvas.outline([(left, 0.4), (left + 0.16, 0.4), (left + 0.16, 0.52), (left, 0.52)], place, lamp)
    canvas.outline([(0.36, 0.24), (0.64, 0.24), (0.64, 0.34), (0.36, 0.34)], place, (235, 235, 225))
    canvas.outline([(0, 0.14), (1, 0.14), (1, 0.2), (0, 0.2)], place, shade(paint, 0.5))


def van(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A delivery van seen from its side."""
    length, height, facing = draw.uniform(4.8, 5.6) * metre, draw.uniform(2.1, 2.5) * metre, draw.choice([-1, 1])
    paint, place = vary(draw.choice(PAINTS + [(240, 240, 240)] * 4), draw), (x, y, facing * length, height)
    shadow(canvas, x, y, length * 0.52)
    canvas.outline([(0, 0.12), (0, 0.97), (0.7, 1), (0.86, 0.6), (0.98, 0.48), (1, 0.12)], place, paint, VAN)
    canvas.outline([(0.66, 0.56), (0.66, 0.86), (0.72, 0.86), (0.82, 0.58)], place, GLASS)
    canvas.outline([(0.1, 0.55), (0.45, 0.55), (0.45, 0.68), (0.1, 0.68)], place, vary(draw.choice(PAINTS), draw))
    for at in (-0.32, 0.32):
        _wheel(canvas, x + at * length, y, height * 0.16, VAN)


def truck(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A lorry with a box, seen from its side."""
    length, height, facing = draw.uniform(6.5, 8.5) * metre, draw.uniform(2.9, 3.4) * metre, draw.choice([-1, 1])
    paint, place = vary(draw.choice(PAINTS), draw), (x, y, facing * length, height)
    load = vary(draw.choice([(232, 232, 228), *PAINTS]), draw)
    shadow(canvas, x, y, length * 0.52)
    canvas.outline([(0, 0.1), (1, 0.1), (1, 0.24), (0, 0.24)], place, (52, 52, 56), TRUCK)
    canvas.outline([(0, 0.22), (0.7, 0.22), (0.7, 1), (0, 1)], place, load, TRUCK)
    for seam in (0.2, 0.4, 0.6):
        canvas.outline(
            [(seam, 0.24), (seam + 0.008, 0.24), (seam + 0.008, 0.98), (seam, 0.98)], place, shade(load, 0.8)
        )
    canvas.outline([(0.73, 0.14), (0.73, 0.8), (0.9, 0.8), (0.97, 0.5), (1, 0.45), (1, 0.14)], place, paint, TRUCK)
    canvas.outline([(0.8, 0.52), (0.8, 0.74), (0.88, 0.74), (0.94, 0.52)], place, GLASS)
    for at in (-0.38, -0.25, 0.36):
        _wheel(canvas, x + facing * at * length, y, height * 0.14, TRUCK)


def bus(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A bus seen from its side (in ADE20K a class that the course leaves in the background)."""
    length, height, facing = draw.uniform(9, 11) * metre, 3 * metre, draw.choice([-1, 1])
    paint, place = (
        vary(draw.choice([(225, 165, 40), (190, 40, 40), (60, 110, 170)]), draw),
        (x, y, facing * length, height),
    )
    shadow(canvas, x, y, length * 0.52)
    canvas.outline([(0, 0.1), (0, 0.98), (0.97, 0.98), (1, 0.5), (1, 0.1)], place, paint, BUS)
    for window in range(7):
        left = 0.04 + 0.125 * window
        canvas.outline([(left, 0.5), (left + 0.1, 0.5), (left + 0.1, 0.84), (left, 0.84)], place, GLASS)
    for at in (-0.32, 0.3):
        _wheel(canvas, x + facing * at * length, y, height * 0.15, BUS)


def bicycle(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A bicycle leaning on nothing, seen from its side."""
    radius, paint, thin = 0.34 * metre, vary(draw.choice(PAINTS), draw), max(0.7, 0.05 * metre)
    ground = vary((120, 118, 114), draw)
    hubs = [(x - 0.52 * metre, y - radius), (x + 0.52 * metre, y - radius)]
    for hub in hubs:  # annotators outline a wheel, they do not cut out what is seen between its spokes
        canvas.ellipse(*hub, radius, radius, RUBBER, BICYCLE)
        canvas.ellipse(*hub, radius * 0.78, radius * 0.78, ground)
    pedals, seat, bar = (
        (x - 0.05 * metre, y - 0.3 * metre),
        (x - 0.2 * metre, y - 0.9 * metre),
        (x + 0.4 * metre, y - 0.95 * metre),
    )
    for start, end in ((hubs[0], pedals), (pedals, seat), (hubs[0], seat), (seat, bar), (pedals, bar), (bar, hubs[1])):
        canvas.line([start, end], thin, paint, BICYCLE)
    canvas.line([(seat[0] - 0.15 * metre, seat[1]), (seat[0] + 0.12 * metre, seat[1])], thin * 1.6, RUBBER, BICYCLE)
    canvas.line([(bar[0] - 0.05 * metre, bar[1] - 0.1 * metre), (bar[0] + 0.1 * metre, bar[1])], thin, RUBBER, BICYCLE)


def boat(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A sailing boat, a motor boat or a rowing boat."""
    length, facing, paint = draw.uniform(5, 8) * metre, draw.choice([-1, 1]), vary(draw.choice(PAINTS), draw)
    height, kind = length * 0.16, draw.choice(["sail", "sail", "motor", "rowing"])
    place = (x, y, facing * length, height)
    canvas.ellipse(x, y, length * 0.5, height * 0.25, (70, 96, 112))
    if kind == "sail":
        mast = x + facing * length * 0.02
        canvas.line([(mast, y - height * 0.8), (mast, y - length * 1.15)], length * 0.02, METAL, BOAT)
        sail = vary(draw.choice([(245, 244, 238), (240, 238, 230), (200, 70, 60)]), draw, 8)
        canvas.polygon(
            [(mast, y - length * 1.1), (mast - facing * length * 0.42, y - height * 1.3), (mast, y - height * 1.3)],
            sail,
            BOAT,
        )
        canvas.polygon(
            [
                (mast + facing * 2, y - length),
                (mast + facing * length * 0.42, y - height),
                (mast + facing * 2, y - height * 1.2),
            ],
            shade(sail, 0.92),
            BOAT,
        )
    elif kind == "motor":
        canvas.outline([(0.25, 0.9), (0.3, 1.9), (0.6, 1.9), (0.72, 0.9)], place, (240, 240, 238), BOAT)
        canvas.outline([(0.32, 1.25), (0.33, 1.7), (0.58, 1.7), (0.65, 1.25)], place, GLASS)
    canvas.outline([(0.06, 0), (0.86, 0), (1, 1), (0, 0.85)], place, paint, BOAT)
    canvas.outline([(0.01, 0.7), (0.97, 0.82), (1, 1), (0, 0.85)], place, shade(paint, 1.25))


def ship(canvas: Canvas, x, y, metre, draw: Random) -> None:
    """A ship with its bridge, funnel and cargo."""
    length, facing, paint = draw.uniform(24, 34) * metre, draw.choice([-1, 1]), vary(draw.choice(PAINTS), draw)
    height = length * 0.13
    place = (x, y, facing * length, height)
    for box in range(draw.randint(3, 6)):
        left = 0.3 + 0.1 * box
        high = 1 + draw.choice([0.4, 0.7, 1.0])
        load = vary(draw.choice(PAINTS), draw)
        canvas.outline([(left, 0.9), (left + 0.09, 0.9), (left + 0.09, high), (left, high)], place, load, SHIP)
    canvas.outline([(0.06, 0.9), (0.06, 2.3), (0.24, 2.3), (0.27, 0.9)], place, (238, 238, 234), SHIP)
    for deck in (1.3, 1.8):
        canvas.outline([(0.08, deck), (0.23, deck), (0.23, deck + 0.2), (0.08, deck + 0.2)], place, GLASS)
    canvas.outline([(0.1, 2.3), (0.1, 2.9), (0.17, 2.9), (0.17, 2.3)], place, vary(draw.choice(PAINTS), draw), SHIP)
    canvas.outline([(0.03, 0), (0.93, 0), (1, 1.1), (0, 1)], place, paint, SHIP)
    canvas.outline([(0.03, 0), (0.93, 0), (0.945, 0.25), (0.02, 0.25)], place, (130, 40, 40))


def airplane(canvas: Canvas, x, y, metre, draw: Random, flying=False) -> None:
    """An airliner seen from its side; on its wheels unless it is `flying`."""
    length, facing = draw.uniform(16, 22) * metre, draw.choice([-1, 1])
    height, stripe = length * 0.13, vary(draw.choice(PAINTS), draw)
    base = y if flying else y - height * 0.55
    place, white = (x, base, facing * length, height), vary((228, 230, 233), draw, 8)
    if not flying:
        shadow(canvas, x, y, length * 0.28)
        for at in (-0.04, 0.34):
            canvas.line(
                [(x + facing * at * length, base - height * 0.2), (x + facing * at * length, y)],
                height * 0.1,
                METAL,
                AIRPLANE,
            )
            canvas.ellipse(x + facing * at * length, y - height * 0.12, height * 0.14, height * 0.14, RUBBER, AIRPLANE)
    canvas.outline([(0.02, 2.1), (0.09, 2.1), (0.2, 0.8), (0.06, 0.8)], place, stripe, AIRPLANE)
    hull = [
        (0, 0.75),
        (0.08, 0.35),
        (0.2, 0.08),
        (0.9, 0.08),
        (0.98, 0.3),
        (1, 0.45),
        (0.96, 0.72),
        (0.88, 0.95),
        (0.12, 0.95),
    ]
    canvas.outline(hull, place, white, AIRPLANE)
    canvas.outline([(0.05, 0.48), (0.99, 0.4), (1, 0.48), (0.02, 0.62)], place, stripe)
    for window in range(14):
        left = 0.2 + 0.05 * window
        canvas.outline([(left, 0.66), (left + 0.02, 0.66), (left + 0.02, 0.8), (left, 0.8)], place, GLASS)
    canvas.outline(
        [(0.3, 0.02), (0.38, -0.28), (0.44, -0.28), (0.6, 0.3), (0.45, 0.34)], place, shade(white, 0.72), AIRPLANE
    )
    canvas.outline([(0.46, -0.16), (0.58, -0.2), (0.58, 0.08), (0.46, 0.08)], place, shade(stripe, 0.8), AIRPLANE)
    canvas.outline([(-0.04, 0.95), (0.02, 0.95), (0.16, 0.62), (0.1, 0.6)], place, shade(white, 0.75), AIRPLANE)
