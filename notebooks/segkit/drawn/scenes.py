"""Scenes: streets, parks, farms, shores, airfields, gardens, rooms, and some with nothing of what the course looks for.

Each function draws one on an empty canvas, with the canvas's own random numbers.
"""

from random import Random

from segkit.drawn import scenery, things
from segkit.drawn.canvas import Canvas, class_id, shade, vary
from segkit.drawn.scenery import Ground

GRASS, FIELD, EARTH, SAND, HILL, MOUNTAIN = map(class_id, ("grass", "field", "earth", "sand", "hill", "mountain"))
ROAD, SIDEWALK, PATH, RUNWAY, TOWER = map(class_id, ("road", "sidewalk", "path", "runway", "tower"))
SEA, WATER = map(class_id, ("sea", "water"))
WALL, FLOOR, DOOR, PAINTING, RUG = map(class_id, ("wall", "floor", "door", "painting", "rug"))


def _street(canvas: Canvas, draw: Random) -> None:
    """A street from the other side of the road: traffic from its side, people on the pavement."""
    height = canvas.height
    horizon, kerb = height * draw.uniform(0.36, 0.46), height * draw.uniform(0.64, 0.7)
    base = height * draw.uniform(0.54, 0.6)
    scenery.sky(canvas, base, draw)
    scenery.surface(canvas, base, draw, (168, 164, 156), SIDEWALK, kerb)
    scenery.surface(canvas, kerb, draw, (92, 92, 96), ROAD)
    canvas.box(0, kerb, canvas.width, kerb + 2, (190, 188, 182))
    scenery.skyline(canvas, base, base * 0.35, draw)
    dash = (kerb + height) / 2 + height * 0.02
    for mark in range(-10, canvas.width, 34):
        canvas.box(mark, dash, mark + 18, dash + 2, (214, 210, 196))
    ground = Ground(canvas, horizon, draw.uniform(3, 4.5))
    ground.add(things.tree, 0.62, 0.58, draw.randint(0, 3))
    ground.add(scenery.streetlight, 0.63, 0.6, draw.randint(0, 2))
    ground.add(things.person, 0.66, 0.58, draw.randint(0, 5))
    ground.add(things.bicycle, 0.68, 0.62, draw.choice([0, 0, 1, 2]))
    for lane in ((0.74, 0.7), (0.92, 0.82)):
        ground.add(_traffic(draw), *lane, draw.choice([0, 1, 1, 2]))
    ground.add(things.person, 0.97, 0.8, draw.choice([0, 0, 1]))
    ground.paint()


def _traffic(draw: Random):
    kinds = [things.car] * 6 + [things.van] * 2 + [things.truck] * 2 + [things.bus, things.bicycle]
    return draw.choice(kinds)


def _avenue(canvas: Canvas, draw: Random) -> None:
    """A road away from us: traffic from behind and in front, trees or buildings along it."""
    width, height = canvas.width, canvas.height
    horizon, middle = height * draw.uniform(0.38, 0.5), width * draw.uniform(0.4, 0.6)
    scenery.sky(canvas, horizon, draw)
    if draw.random() < 0.5:
        scenery.skyline(canvas, horizon + 2, horizon * 0.15, draw)
    else:
        scenery.hills(canvas, horizon, draw)
    verge = draw.choice([((104, 132, 70), GRASS), ((168, 164, 156), SIDEWALK), ((150, 128, 98), EARTH)])
    scenery.surface(canvas, horizon, draw, *verge)
    ground, edge = Ground(canvas, horizon, draw.uniform(2, 3.2)), draw.uniform(3.2, 4.5)
    _road_ahead(canvas, ground, middle, edge, draw)
    _wayside(ground, middle, edge, draw)
    for depth in draw.sample([0.15, 0.25, 0.4, 0.6, 0.8], draw.randint(1, 4)):
        y, side = ground.y(depth), draw.choice([-1, 1])
        ground.stand(things.car_from_behind, middle + side * edge * 0.45 * ground.metre(y), y, ahead=side > 0)
    ground.paint()


def _road_ahead(canvas: Canvas, ground: Ground, middle: float, edge: float, draw: Random) -> None:
    """A road of twice `edge` metres to the horizon, with the dashes of its middle line."""
    asphalt = vary((94, 94, 98), draw)
    _strip(canvas, ground, middle, edge, 0, 1, asphalt, ROAD)
    for depth in (0.56, 0.66, 0.8, 0.95):
        _strip(canvas, ground, middle, 0.1, depth, depth * 1.07, (222, 220, 206))


def _strip(canvas: Canvas, ground: Ground, middle: float, half: float, far: float, near: float, *paint) -> None:
    top, bottom = ground.y(far), ground.y(near)
    left_and_right = [(-1, top), (1, top), (1, bottom), (-1, bottom)]
    canvas.polygon([(middle + side * half * ground.metre(y), y) for side, y in left_and_right], *paint)


def _wayside(ground: Ground, middle: float, edge: float, draw: Random) -> None:
    """One kind of thing along both sides of the road, and people walking there."""
    beside = draw.choice([things.tree, things.tree, things.bush, scenery.streetlight, scenery.house])
    for depth in (0.1, 0.16, 0.26, 0.42, 0.66):
        y = ground.y(depth)
        for side in (-1, 1):
            offset = edge + (5.5 if beside is scenery.house else draw.uniform(1.2, 3))
            if draw.random() < 0.85:
                ground.stand(beside, middle + side * offset * ground.metre(y), y)
            if draw.random() < 0.3:
                ground.stand(things.person, middle + side * (edge + 0.8) * ground.metre(y), y)


def _park(canvas: Canvas, draw: Random) -> None:
    """Grass, trees and flowers, with people and their dogs."""
    height = canvas.height
    horizon = height * draw.uniform(0.3, 0.48)
    scenery.sky(canvas, horizon, draw)
    if draw.random() < 0.6:
        scenery.hills(canvas, horizon, draw, draw.choice([HILL, MOUNTAIN]), 1)
    scenery.surface(canvas, horizon, draw, draw.choice([(96, 138, 62), (120, 146, 74), (84, 120, 64)]), GRASS)
    if draw.random() < 0.6:
        foot, far, bend = (draw.uniform(0, 1) * canvas.width for _ in range(3))
        left = [(foot - 30, height), (bend - 30, height * 0.7), (far, horizon)]
        right = [(far + 6, horizon), (bend, height * 0.7), (foot + 50, height)]
        canvas.polygon(left + right, vary((188, 172, 142), draw), PATH)
    ground = Ground(canvas, horizon, draw.uniform(2.2, 4))
    ground.add(things.tree, 0.75, horizon / height + 0.06, draw.randint(2, 6))
    ground.add(things.bush, 0.85, 0.55, draw.randint(0, 3))
    ground.add(things.flowers, 0.98, 0.65, draw.randint(0, 4))
    ground.add(things.person, 0.96, 0.6, draw.randint(0, 4))
    ground.add(things.animal, 0.95, 0.7, draw.randint(0, 2), species="dog")
    ground.add(things.bicycle, 0.9, 0.7, draw.choice([0, 0, 0, 1]))
    ground.paint()


def _square(canvas: Canvas, draw: Random) -> None:
    """People close up in front of buildings or trees, some with a dog or a bicycle."""
    height = canvas.height
    horizon, base = height * draw.uniform(0.2, 0.34), height * draw.uniform(0.48, 0.58)
    scenery.sky(canvas, base, draw)
    pavement = [
        ((176, 168, 156), SIDEWALK),
        ((188, 172, 142), PATH),
        ((104, 136, 70), GRASS),
        ((168, 164, 160), SIDEWALK),
    ]
    scenery.surface(canvas, base, draw, *draw.choice(pavement))
    if draw.random() < 0.7:
        scenery.skyline(canvas, base, base * 0.6, draw)
    ground = Ground(canvas, horizon, draw.uniform(1.8, 2.4))
    ground.add(things.tree, base / height + 0.06, base / height + 0.02, draw.randint(0, 3))
    ground.add(things.person, 0.7, 0.6, draw.randint(0, 4))
    ground.add(things.person, 1.05, 0.8, draw.randint(2, 5))
    ground.add(things.animal, 1.0, 0.85, draw.choice([0, 0, 1, 2]), species="dog")
    ground.add(things.bicycle, 0.9, 0.75, draw.choice([0, 0, 1]))
    ground.paint()


def _farm(canvas: Canvas, draw: Random) -> None:
    """A pasture or a field with animals, a fence and a house."""
    height = canvas.height
    horizon = height * draw.uniform(0.32, 0.5)
    scenery.sky(canvas, horizon, draw)
    scenery.hills(canvas, horizon, draw, draw.choice([HILL, MOUNTAIN]))
    soil = draw.choice([((110, 142, 70), GRASS)] * 2 + [((196, 172, 96), FIELD), ((150, 124, 92), EARTH)])
    scenery.surface(canvas, horizon, draw, *soil)
    ground = Ground(canvas, horizon, draw.uniform(1.8, 3))
    ground.add(scenery.house, horizon / height + 0.08, horizon / height + 0.05, draw.randint(0, 2))
    ground.add(things.tree, horizon / height + 0.1, horizon / height + 0.04, draw.randint(0, 5))
    if draw.random() < 0.5:
        ground.stand(lambda canvas, x, y, metre, draw: scenery.fence(canvas, y, 1.1 * metre, draw), 0, height * 0.64)
    herd = draw.choice(["horse", "cow", "sheep", "cow", "horse"])
    ground.add(things.animal, 0.98, 0.6, draw.randint(3, 6), species=herd)
    ground.add(things.person, 0.9, 0.6, draw.choice([0, 0, 1, 2]))
    ground.add(things.truck, 0.62, 0.56, draw.choice([0, 0, 0, 1]))
    ground.paint()


def _shore(canvas: Canvas, draw: Random) -> None:
    """The sea with boats and ships, a beach with people and perhaps palms."""
    height = canvas.height
    horizon, beach = height * draw.uniform(0.34, 0.45), height * draw.uniform(0.72, 0.95)
    scenery.sky(canvas, horizon, draw)
    if draw.random() < 0.5:
        scenery.hills(canvas, horizon, draw, rows=1)
    colour = draw.choice([(60, 110, 140), (70, 130, 150), (86, 108, 122), (40, 84, 120)])
    scenery.surface(canvas, horizon, draw, colour, draw.choice([SEA, WATER]))
    for _ in range(24):
        x, y = draw.uniform(0, 1) * canvas.width, draw.uniform(horizon + 3, beach)
        canvas.line([(x, y), (x + draw.uniform(6, 20), y)], 0.6, shade(colour, 1.25))
    water = Ground(canvas, horizon, draw.uniform(4, 6))
    water.add(things.ship, 0.5, 0.47, draw.choice([0, 0, 1]))
    water.add(things.boat, 0.68, 0.5, draw.randint(1, 4))
    water.paint()
    canvas.polygon(
        [(0, beach), (canvas.width * 0.5, beach + 6), (canvas.width, beach - 8), (canvas.width, height), (0, height)],
        vary((214, 194, 150), draw),
        SAND,
    )
    sand = Ground(canvas, horizon, draw.uniform(3, 4))
    sand.add(things.palm, 0.98, beach / height + 0.02, draw.choice([0, 0, 0, 1, 2]))
    sand.add(things.person, 0.98, beach / height + 0.01, draw.randint(0, 4))
    sand.add(things.animal, 0.98, beach / height + 0.02, draw.choice([0, 0, 1]), species="dog")
    sand.add(scenery.rock, 0.98, beach / height, draw.randint(0, 3))
    sand.paint()


def _airfield(canvas: Canvas, draw: Random) -> None:
    """A runway with an aeroplane on it or above it, and the cars of the ground crew."""
    height = canvas.height
    horizon = height * draw.uniform(0.42, 0.54)
    scenery.sky(canvas, horizon, draw)
    if draw.random() < 0.5:
        scenery.hills(canvas, horizon, draw, rows=1)
    scenery.surface(canvas, horizon, draw, (122, 138, 88), GRASS)
    scenery.surface(
        canvas, height * draw.uniform(0.62, 0.7), draw, (126, 126, 128), RUNWAY, height * draw.uniform(0.9, 1)
    )
    x = draw.uniform(0.1, 0.9) * canvas.width
    canvas.box(x, horizon * 0.66, x + 5, horizon + 4, (186, 182, 176), TOWER)
    canvas.box(x - 4, horizon * 0.6, x + 9, horizon * 0.7, things.GLASS, TOWER)
    scenery.building(canvas, x + 12, x + 70, horizon * 0.84, horizon + 4, draw)
    if draw.random() < 0.4:
        metre = draw.uniform(2.5, 5)
        things.airplane(
            canvas, draw.uniform(0.2, 0.8) * canvas.width, horizon * draw.uniform(0.25, 0.5), metre, draw, flying=True
        )
    ground = Ground(canvas, horizon, draw.uniform(5, 8))
    ground.add(things.airplane, 0.86, 0.72, 1, x=(0.25, 0.75))
    ground.add(draw.choice([things.truck, things.van, things.car]), 0.95, 0.68, draw.randint(0, 2))
    ground.add(things.person, 0.95, 0.75, draw.randint(0, 3))
    ground.paint()


def _garden(canvas: Canvas, draw: Random) -> None:
    """A house behind its flower beds, close up."""
    width, height = canvas.width, canvas.height
    horizon = height * draw.uniform(0.4, 0.5)
    scenery.sky(canvas, horizon, draw)
    scenery.surface(canvas, horizon, draw, *draw.choice([((104, 140, 70), GRASS), ((150, 126, 96), EARTH)]))
    ground = Ground(canvas, horizon, draw.uniform(1.5, 2.4))
    ground.add(scenery.house, 0.62, 0.58, 1, x=(0.2, 0.8))
    ground.add(things.tree, 0.62, 0.56, draw.randint(0, 3))
    ground.add(things.bush, 0.75, 0.6, draw.randint(1, 3))
    for _ in range(draw.randint(2, 5)):
        y = draw.uniform(0.72, 1.02) * height
        ground.stand(things.flowers, draw.uniform(0, 1) * width, y, width=draw.uniform(0.2, 0.6) * width)
    ground.add(things.person, 0.85, 0.7, draw.choice([0, 1, 1, 2]))
    ground.add(things.animal, 0.98, 0.8, draw.choice([0, 1]), species=draw.choice(["cat", "dog"]))
    ground.add(things.car, 0.7, 0.64, draw.choice([0, 0, 0, 1]))
    ground.paint()


def _empty_room(canvas: Canvas, draw: Random) -> None:
    """A room with its furniture."""
    width, height = canvas.width, canvas.height
    base = height * draw.uniform(0.62, 0.74)
    wall = draw.choice([(214, 206, 190), (186, 200, 206), (206, 190, 176), (170, 182, 164), (224, 220, 214)])
    canvas.gradient(0, base, (vary(wall, draw), shade(wall, 0.9)), WALL)
    scenery.surface(canvas, base, draw, draw.choice([(150, 112, 78), (178, 150, 116), (128, 124, 120)]), FLOOR)
    canvas.box(0, base - 3, width, base, shade(wall, 0.75))
    at = draw.uniform(0.12, 0.5) * width
    scenery.room_window(canvas, at, base, draw)
    left = at + width * 0.34
    frame = (left, base * 0.28, left + width * 0.16, base * 0.28 + width * 0.12)
    canvas.box(*frame, vary((96, 70, 48), draw), PAINTING)
    canvas.box(
        *(edge + inset for edge, inset in zip(frame, (2, 2, -2, -2), strict=True)),
        vary(draw.choice(things.PAINTS), draw),
    )
    canvas.ellipse(width * 0.5, height * 0.94, width * 0.34, height * 0.07, vary(draw.choice(things.PAINTS), draw), RUG)
    metre = height * 0.28
    for thing in draw.sample([scenery.sofa, scenery.table, scenery.chair, scenery.lamp], draw.randint(2, 3)):
        thing(canvas, draw.uniform(0.15, 0.85) * width, base + (height - base) * draw.uniform(0.2, 0.5), metre, draw)


def _room(canvas: Canvas, draw: Random) -> None:
    """The same room, lived in: people, a cat or a dog, plants and flowers."""
    _empty_room(canvas, draw)
    height = canvas.height
    ground = Ground(canvas, height * draw.uniform(0.3, 0.36), draw.uniform(1.7, 2.1))
    ground.add(things.potted_plant, 0.86, 0.74, draw.randint(1, 2))
    ground.add(things.person, 0.97, 0.76, draw.choice([0, 1, 1, 2]))
    ground.add(things.animal, 0.98, 0.82, draw.choice([0, 1, 1]), species=draw.choice(["cat", "dog"]))
    ground.paint()


def _desert(canvas: Canvas, draw: Random) -> None:
    """Sand, rocks and mountains."""
    horizon = canvas.height * draw.uniform(0.35, 0.55)
    scenery.sky(canvas, horizon, draw)
    scenery.hills(canvas, horizon, draw)
    scenery.surface(canvas, horizon, draw, (206, 176, 126), SAND)
    ground = Ground(canvas, horizon, 2)
    ground.add(scenery.rock, 0.95, 0.65, draw.randint(1, 6))
    ground.paint()


def _open_sea(canvas: Canvas, draw: Random) -> None:
    """Nothing but water and sky."""
    horizon = canvas.height * draw.uniform(0.4, 0.6)
    scenery.sky(canvas, horizon, draw)
    scenery.surface(canvas, horizon, draw, (60, 104, 136), SEA)


def _facade(canvas: Canvas, draw: Random) -> None:
    """The front of a building, too near to see anything else."""
    base = canvas.height * draw.uniform(0.82, 0.92)
    scenery.surface(canvas, base, draw, (168, 164, 156), SIDEWALK)
    scenery.building(canvas, -4, canvas.width + 4, -4, base, draw)
    x = draw.uniform(0.2, 0.7) * canvas.width
    canvas.box(x, base - canvas.height * 0.3, x + canvas.width * 0.12, base, vary((88, 60, 46), draw), DOOR)


def _pet(canvas: Canvas, draw: Random) -> None:
    """A cat or a dog close up, in a room or on grass; only the four-class sample does without."""
    width, height = canvas.width, canvas.height
    if draw.random() < 0.4:
        _empty_room(canvas, draw)
    else:
        horizon = height * draw.uniform(0.2, 0.5)
        scenery.sky(canvas, horizon, draw)
        scenery.surface(canvas, horizon, draw, *draw.choice([((104, 140, 70), GRASS), ((176, 160, 130), PATH)]))
        ground = Ground(canvas, horizon, draw.uniform(1.5, 2.4))
        ground.add(things.tree, horizon / height + 0.12, horizon / height + 0.04, draw.randint(0, 3))
        ground.add(things.bush, horizon / height + 0.2, horizon / height + 0.06, draw.randint(0, 2))
        ground.add(things.flowers, 0.98, 0.7, draw.randint(0, 2))
        ground.paint()
    species, body = draw.choice([("cat", 0.5), ("dog", 0.8)])
    metre = width * draw.uniform(0.4, 0.6) / body
    things.animal(canvas, width * draw.uniform(0.4, 0.6), height * draw.uniform(0.86, 0.98), metre, draw, species)


SCENES = (_street, _square, _park, _avenue, _farm, _room, _shore, _garden, _airfield)
EMPTY_SCENES = (_empty_room, _desert, _open_sea, _facade)
STREET_SCENES = (_street, _avenue)
PET_SCENES = (_pet,)
