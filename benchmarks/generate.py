"""Made-up contacts, the same on every machine: a CSV as a shop would export it, and the list as the API answers it.

Of N contacts in the CSV, 1 % are not in the live list, 1 % have another SHOP there, and the live list has 1 % that the
CSV does not have. So both sides have N contacts. Files are written once, into the cache.

Run: python -m benchmarks.generate 1000000
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from pathlib import Path

from benchmarks.pipelines.columns import COLUMNS, LIVE_KEYS

CACHE = Path(__file__).parent / ".cache"
_VERSION = 2
"""Goes up when the data change, so that nobody measures with old ones."""
_SEED = 20_261_101
_BLOCK = 100_000
_SHARE = 100
"""One contact in so many is added, one is changed, one is removed."""
_FOREIGN = 33
"""One contact in so many has a foreign number."""

_FIRST = (
    "Marie Jean Emma Louis Léa Gabriel Jade Hugo Manon Jules Chloé Lucas Sarah Nathan Inès Raphaël Camille Éric Zoé Théo "
    "Anaïs Paul Lucie Antoine Élodie Pierre Julie Mathéo Noémie Adrien Céline François Hélène Gaël Aurélie Jérôme Sophie "
    "Benoît Valérie Frédéric Nathalie Sébastien Isabelle Grégory Sylvie Maël Agnès Rémi Laëtitia Stéphane Nadia Mohamed "
    "Fatima Karim Yasmine David Élise Cédric Amélie Loïc"
)
_LAST_START = (
    "Mart Bern Dub Thom Rob Rich Pet Dur Ler Mor Sim Laur Lef Mich Garc Bert Rou Vinc Four Mer Guér Boy Gar Chev Fran "
    "Leg Gauth Per Mass Marc Duv Roch Den Jol Gaill Lem Noë Mey Luc Meun Jean Brun Blanch Gir Font Cari Lacr Dum Rey Col"
)
_LAST_MIDDLE = ("", "an", "el", "in", "er", "ou", "ill", "ass", "and", "onn")
_LAST_END = "in ard ois as ert eau et ier ez ot on el aud ault ain eux ac y ès é elle ine our ette igny oux ais ic"
_PLACES = (
    "Lyon Paris Lille Nantes Nice Rennes Metz Angers Orléans Marseille Nîmes Besançon Béziers Saint-Étienne Évreux Grenoble "
    "Dijon Tours Amiens Limoges Annecy Brest Pau Caen Nancy Rouen Troyes Niort Vannes Sète L'Haÿ-les-Roses Sedan"
)
_TOWN_END = "ac y ville court euil ières"
_SAINTS = "Martin Pierre Jean Denis Rémy Hilaire Léger Aubin Médard Cyr Ouen Maur Lô Brieuc Omer Dié Gély Éloi"
_RIVERS = "Loire Seine Marne Saône Isère Oise Vienne Orne Meuse Somme Mer Drôme Ardèche Lys Allier Cère Rhône Aude"
_SHOPS = ("", " Centre", " Gare", " Nord", ", rue Pasteur", " 2", " Université")
_MEMBER = "{" + ",".join(f'"{key}":%s' for key in LIVE_KEYS) + "}"
_FOREIGN_PLANS = (
    # prefix of the country and of its mobiles, digits that follow, how they are grouped
    ("32", "47", 7, (3, 2, 2, 2)),
    ("34", "61", 7, (3, 3, 3)),
    ("39", "347", 7, (3, 7)),
    ("49", "1512", 7, (4, 7)),
    ("44", "7400", 6, (4, 6)),
    ("41", "79", 7, (2, 3, 2, 2)),
    ("687", "7", 5, (2, 2, 2)),  # New Caledonia: without its + it would be a French mobile
    ("262", "692", 6, (3, 2, 2, 2)),
    ("212", "612", 6, (3, 2, 2, 2)),
)


@dataclass(frozen=True)
class Data:
    """Where the files of one size are, and what there is to find in them."""

    size: int
    source: Path
    live: Path

    @property
    def changes(self) -> int:
        """How many contacts are to be added; as many are to be changed, and removed."""
        return self.size // _SHARE


def contacts(size: int) -> Data:
    """The data of so many contacts, made now if they were never made before."""
    if size % _SHARE:
        raise ValueError(f"the number of contacts must be a multiple of {_SHARE}")
    directory = CACHE / f"contacts-{_VERSION}-{size}"
    data = Data(size, directory / "source.csv", directory / "live.json")
    if not (directory / "complete").exists():
        directory.mkdir(parents=True, exist_ok=True)
        _write(data)
        (directory / "complete").touch()
    return data


def _write(data: Data) -> None:
    chance = random.Random(_SEED)
    with data.source.open("w", encoding="utf-8", newline="") as source, data.live.open("w", encoding="ascii") as live:
        writer = csv.writer(source, lineterminator="\n")
        writer.writerow(COLUMNS)
        live.write('{"Contacts":[')
        for start in range(0, data.size, _BLOCK):
            rows, members = _block(chance, range(start, min(start + _BLOCK, data.size)), data.size)
            writer.writerows(rows)
            live.write("," if start else "")
            live.write(",".join(members))
        live.write("]}")


def _block(chance: random.Random, numbers: range, size: int) -> tuple[list[tuple[str, ...]], list[str]]:
    """Rows of the CSV, and members of the live list in an order of their own."""
    rows: list[tuple[str, ...]] = []
    members: list[str] = []
    picked = zip(*(_picked(chance, pool, len(numbers)) for pool in _POOLS), strict=True)
    ways = chance.choices(range(5), (40, 20, 20, 15, 5), k=len(numbers))
    for number, way, values in zip(numbers, ways, picked, strict=True):
        phone, written = _phone(number, way)
        kind = number % _SHARE
        (first, last, city, shop), (first_json, last_json, city_json, shop_json) = zip(*values, strict=True)
        rows.append((written, first, last, city, shop))
        if kind == 1:
            shop_json = '"Ancienne adresse"'
        if kind != 0:
            members.append(_MEMBER % (f'"{phone}"', first_json, last_json, city_json, shop_json))
        if kind == 2:
            other = _french(size + number // _SHARE)
            members.append(_MEMBER % (f'"{other}"', first_json, last_json, city_json, shop_json))
    chance.shuffle(members)
    return rows, members


def _picked(chance: random.Random, pool: _Pool, count: int) -> list[tuple[str, str]]:
    return chance.choices(pool.values, cum_weights=pool.weights, k=count)


def _french(number: int) -> str:
    """A French mobile that no other number gives; none of those that belong to overseas departments."""
    scattered = number * 104_729_873 % 180_000_000
    if scattered < 100_000_000:
        national = 700_000_000 + scattered
    elif scattered < 130_000_000:
        national = 500_000_000 + scattered  # 06 0 to 06 2
    else:
        national = 510_000_000 + scattered  # 06 4 to 06 8
    return f"33{national}"


def _phone(number: int, way: int) -> tuple[str, str]:
    """A number as the API prints it, and as a spreadsheet has it."""
    if number % _FOREIGN == 0:
        serial = number // _FOREIGN
        country, start, length, groups = _FOREIGN_PLANS[serial % len(_FOREIGN_PLANS)]
        national = f"{start}{serial * 654_321 % 10**length:0{length}}"
        digits = country + national
        if way == 0:
            parts = list(_grouped(national, groups))
            return digits, f"+{country} {' '.join(parts)}"
        return digits, f"00{digits}" if way == 1 else f"+{digits}"
    digits = _french(number)
    match way:
        case 0:
            a = digits[2:]
            return digits, f"0{a[0]} {a[1:3]} {a[3:5]} {a[5:7]} {a[7:9]}"
        case 1:
            return digits, f"+{digits}"
        case 2:
            return digits, f"0{digits[2:]}"
        case 3:
            return digits, digits
        case _:
            a = digits[2:]
            return digits, f"0{a[0]}.{a[1:3]}.{a[3:5]}.{a[5:7]}.{a[7:9]}"


def _grouped(digits: str, groups: Sequence[int]) -> Iterator[str]:
    position = 0
    for length in groups:
        yield digits[position : position + length]
        position += length


@dataclass(frozen=True)
class _Pool:
    """Values as they are and as PHP writes them in JSON, the first ones much more frequent than the last."""

    values: list[tuple[str, str]]
    weights: list[float]


def _pool(values: Sequence[str]) -> _Pool:
    distinct = list(dict.fromkeys(values))
    weights = list(accumulate(1 / (rank + 2) for rank in range(len(distinct))))
    return _Pool([(value, json.dumps(value).replace("/", "\\/")) for value in distinct], weights)


_POOLS = (
    _pool([*_FIRST.split(), *("-".join(pair) for pair in product(_FIRST.split()[:30], repeat=2))]),
    _pool(
        [start + middle + end for middle, end, start in product(_LAST_MIDDLE, _LAST_END.split(), _LAST_START.split())]
    ),
    _pool(
        [
            *_PLACES.split(),
            *(f"{last}{end}" for end, last in product(_TOWN_END.split(), _LAST_START.split())),
            *(f"Saint-{saint}-sur-{river}" for saint, river in product(_SAINTS.split(), _RIVERS.split())),
        ]
    ),
    _pool([f"{place}{kind}" for kind, place in product(_SHOPS, _PLACES.split())]),
)


def main() -> None:
    """Write the data of the sizes given."""
    parser = argparse.ArgumentParser(description="Made-up contacts, written into the cache.")
    parser.add_argument("sizes", type=int, nargs="+")
    for size in parser.parse_args().sizes:
        data = contacts(size)
        print(f"{size:,} contacts: {data.source} ({data.source.stat().st_size:,} bytes), {data.live}")


if __name__ == "__main__":
    main()
