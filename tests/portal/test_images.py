"""Pictures that staff bring: whatever it was, a small JPEG of our own making is kept, or nothing is."""

import random
import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from hotspot.portal.images import LARGEST, LARGEST_FILE, WIDTH, BadImage, redraw

SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9" height="9"/></svg>'
)


def picture(width: int = 800, height: int = 400, mode: str = "RGB", kind: str = "PNG", **more: object) -> bytes:
    image = Image.new(mode, (width, height))
    ImageDraw.Draw(image).ellipse((0, height // 4, width // 2, height // 2))
    kept = BytesIO()
    image.save(kept, kind, **more)
    return kept.getvalue()


def noise(width: int, height: int) -> bytes:
    image = Image.frombytes("RGB", (width, height), random.Random(1971).randbytes(width * height * 3))
    kept = BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_allowed_kind_becomes_a_small_jpeg(kind: str) -> None:
    made = redraw(picture(1600, 800, kind=kind))

    with Image.open(BytesIO(made.content)) as image:
        assert (image.format, image.size) == ("JPEG", (WIDTH, WIDTH // 2))
    assert (made.width, made.height) == (WIDTH, WIDTH // 2)
    assert len(made.content) <= LARGEST


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_colour_becomes_a_small_jpeg(mode: str) -> None:
    assert redraw(picture(100, 100, "L" if mode == "I;16" else mode)).content.startswith(b"\xff\xd8\xff")


def test_what_is_transparent_is_white() -> None:
    with Image.open(BytesIO(redraw(picture(100, 100, "RGBA")).content)) as image:
        assert image.getpixel((0, 0)) > (250, 250, 250)


def test_a_picture_that_compresses_badly_gets_smaller() -> None:
    made = redraw(noise(640, 640))

    assert len(made.content) <= LARGEST
    assert made.width < WIDTH


def test_nothing_of_the_file_but_its_pixels_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Alice's telephone <script>alert(1)</script>"
    exif[0x0112] = 6  # lies on its side
    file = picture(300, 100, kind="JPEG", exif=exif, comment=b"GPS 2.12 S") + b"<?php system($_GET[0]); ?>"

    made = redraw(file)

    assert (made.width, made.height) == (100, 300)
    for left in (b"Alice", b"script", b"GPS", b"php", b"Exif"):
        assert left not in made.content


def test_the_same_picture_has_the_same_name() -> None:
    assert redraw(picture()).sha256 == redraw(picture()).sha256


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few octets that says it has as many pixels."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("svg", SVG),
        ("html", b"<html><script>alert(1)</script></html>"),
        ("gif", picture(kind="GIF")),
        ("bmp", picture(kind="BMP")),
        ("tiff", picture(kind="TIFF")),
        ("svg after the first octets of a GIF", b"GIF89a" + SVG),
        ("svg after the first octets of a JPEG", b"\xff\xd8\xff\xe0" + SVG),
        ("svg after the first octets of a PNG", b"\x89PNG\r\n\x1a\n" + SVG),
        ("zip", b"PK\x03\x04" + bytes(100)),
        ("nothing", b""),
        ("half", picture()[:400]),
        ("bomb", bomb(20_000, 20_000)),
        ("flood", bomb(6_000, 6_000)),
        ("line", picture(2000, 20)),
        ("dot", picture(3, 3)),
        ("large", bytes(LARGEST_FILE + 1)),
    ],
)
def test_what_is_no_small_raster_picture_is_refused_before_it_is_unpacked(name: str, file: bytes) -> None:
    with pytest.raises(BadImage):
        redraw(file)


def test_damaged_pictures_are_refused_or_drawn_and_nothing_else() -> None:
    chance = random.Random(1971)
    files = [picture(60, 40, kind=kind) for kind in ("JPEG", "PNG", "WEBP")]
    for number in range(300):
        damaged = bytearray(files[number % 3])
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            made = redraw(bytes(damaged[: chance.randint(10, len(damaged))] if number % 2 else damaged))
        except BadImage:
            continue
        assert made.content.startswith(b"\xff\xd8\xff")
