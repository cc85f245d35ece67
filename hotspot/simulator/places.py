"""The demo city's places: invented hotspots, at least one in every kelurahan of the packaged area tree, and how busy each kind is."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice


class Kind(StrEnum):
    """What a place is, which decides when people are there."""

    SQUARE = "square"
    LIBRARY = "library"
    OFFICE = "office"
    CLINIC = "clinic"
    MARKET = "market"
    PARK = "park"
    BEACH = "beach"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True)
class Place:
    """A demo site: its name, the code of its kelurahan, its kind and its size (1: an ordinary office)."""

    name: str
    area: str
    kind: Kind
    size: float = 1.0


PLACES = (
    Place("Alun-Alun", "19.71.02.1002", Kind.SQUARE, 3.0),
    Place("Perpustakaan", "19.71.04.1001", Kind.LIBRARY, 2.0),
    Place("Kantor Lurah Semabung Lama", "19.71.01.1004", Kind.OFFICE),
    Place("Taman Bacang", "19.71.01.1006", Kind.PARK),
    Place("Pantai Pasir Padi", "19.71.01.1007", Kind.BEACH, 2.5),
    Place("Kantor Lurah Pasir Putih", "19.71.01.1008", Kind.OFFICE),
    Place("Balai Warga Temberan", "19.71.01.1009", Kind.PARK),
    Place("Kantor Lurah Sinar Bulan", "19.71.01.1010", Kind.OFFICE),
    Place("Puskesmas Air Mawar", "19.71.01.1011", Kind.CLINIC),
    Place("Taman Opas Indah", "19.71.02.1001", Kind.PARK),
    Place("Pasar Batin Tikal", "19.71.02.1003", Kind.MARKET, 1.6),
    Place("Kantor Lurah Rawa Bangun", "19.71.02.1004", Kind.OFFICE),
    Place("Puskesmas Kejaksaan", "19.71.02.1005", Kind.CLINIC),
    Place("Dermaga Pasir Garam", "19.71.03.1004", Kind.TERMINAL, 1.5),
    Place("Kantor Lurah Lontong Pancur", "19.71.03.1005", Kind.OFFICE),
    Place("Terminal Ketapang", "19.71.03.1006", Kind.TERMINAL, 1.8),
    Place("Kantor Lurah Ampui", "19.71.03.1007", Kind.OFFICE),
    Place("Taman Rejosari", "19.71.03.1008", Kind.PARK),
    Place("Pasar Bintang", "19.71.04.1002", Kind.MARKET, 1.4),
    Place("Serambi Masjid Jamik", "19.71.04.1005", Kind.SQUARE, 1.5),
    Place("Kantor Lurah Asam", "19.71.04.1006", Kind.OFFICE),
    Place("Puskesmas Melintang", "19.71.04.1007", Kind.CLINIC, 1.2),
    Place("Taman Parit Lalang", "19.71.04.1008", Kind.PARK),
    Place("Kantor Lurah Keramat", "19.71.04.1009", Kind.OFFICE),
    Place("Lapangan Gajah Mada", "19.71.04.1010", Kind.SQUARE),
    Place("Taman Bunga", "19.71.05.1001", Kind.PARK, 1.4),
    Place("Kantor Lurah Bukit Merapen", "19.71.05.1002", Kind.OFFICE),
    Place("Balai Warga Bukit Sari", "19.71.05.1004", Kind.PARK),
    Place("Hutan Kota Tua Tunu", "19.71.05.1005", Kind.PARK, 1.3),
    Place("Puskesmas Kacang Pedang", "19.71.05.1006", Kind.CLINIC),
    Place("Kantor Lurah Air Kepala Tujuh", "19.71.05.1007", Kind.OFFICE),
    Place("Puskesmas Selindung", "19.71.06.1001", Kind.CLINIC),
    Place("Kantor Lurah Selindung Baru", "19.71.06.1002", Kind.OFFICE),
    Place("Taman Gabek", "19.71.06.1003", Kind.PARK),
    Place("Kantor Lurah Gabek Dua", "19.71.06.1004", Kind.OFFICE),
    Place("Kantor Lurah Air Salemba", "19.71.06.1005", Kind.OFFICE),
    Place("Lapangan Jerambah Gantung", "19.71.06.1006", Kind.SQUARE),
    Place("Pasar Padi", "19.71.07.1001", Kind.MARKET, 1.7),
    Place("Kantor Lurah Batu Intan", "19.71.07.1002", Kind.OFFICE),
    Place("Taman Bukit Besar", "19.71.07.1003", Kind.PARK),
    Place("Puskesmas Sriwijaya", "19.71.07.1004", Kind.CLINIC),
    Place("Kantor Lurah Semabung Baru", "19.71.07.1005", Kind.OFFICE),
    Place("Mal Pelayanan Publik", "19.71.02.1002", Kind.OFFICE, 2.0),
    Place("Gedung Olahraga", "19.71.05.1006", Kind.SQUARE, 1.2),
)

# Arrivals by local hour, 0 to 23, relative to the kind's busiest hour.
RHYTHM = {
    Kind.SQUARE: (1, 0, 0, 0, 0, 2, 4, 4, 4, 4, 4, 4, 5, 4, 4, 5, 7, 9, 9, 10, 10, 9, 6, 3),
    Kind.LIBRARY: (0, 0, 0, 0, 0, 0, 0, 1, 6, 9, 10, 9, 6, 9, 10, 7, 3, 1, 0, 0, 0, 0, 0, 0),
    Kind.OFFICE: (0, 0, 0, 0, 0, 0, 0, 3, 9, 10, 9, 7, 4, 7, 6, 3, 1, 0, 0, 0, 0, 0, 0, 0),
    Kind.CLINIC: (0, 0, 0, 0, 0, 0, 1, 7, 10, 10, 9, 6, 4, 4, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    Kind.MARKET: (0, 0, 0, 1, 4, 8, 10, 10, 9, 8, 6, 4, 3, 3, 3, 4, 4, 3, 2, 1, 1, 0, 0, 0),
    Kind.PARK: (0, 0, 0, 0, 0, 3, 5, 5, 4, 3, 3, 3, 3, 3, 4, 7, 10, 10, 6, 5, 5, 3, 1, 0),
    Kind.BEACH: (0, 0, 0, 0, 0, 2, 4, 4, 4, 4, 4, 4, 4, 4, 6, 8, 10, 10, 7, 4, 3, 2, 1, 0),
    Kind.TERMINAL: (1, 1, 1, 1, 3, 7, 9, 9, 8, 7, 6, 6, 6, 6, 6, 7, 8, 8, 7, 6, 5, 4, 2, 1),
}
WEEKEND = {Kind.SQUARE: 1.7, Kind.LIBRARY: 0.5, Kind.OFFICE: 0.0, Kind.CLINIC: 0.3, Kind.PARK: 1.8, Kind.BEACH: 2.6}


def choose_places(count: int) -> Iterator[Place]:
    """Return `count` places; beyond those listed, further access points of the same ones."""
    for number, place in enumerate(islice(cycle(PLACES), count)):
        again = number // len(PLACES)
        yield place if not again else Place(f"{place.name} {again + 1}", place.area, place.kind, place.size)


def busyness(place: Place, *, weekday: int, hour: int) -> float:
    """Return how busy the place is, 0 to about 8; Monday is 0, Friday's noon prayer empties all but the squares."""
    value = RHYTHM[place.kind][hour] / 10 * place.size
    if weekday >= 5:
        value *= WEEKEND.get(place.kind, 1.0)
    if weekday == 4 and hour == 12 and place.kind is not Kind.SQUARE:
        value *= 0.3
    return value
