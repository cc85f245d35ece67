"""Pictures of the city's information: whatever was brought becomes a small JPEG of our own making, named by its content.

What leaves here was drawn anew from pixels: no metadata, no profile, nothing that hid behind the picture. JPEG, because every phone
shows it. A file's size and a picture's measures are looked at before any of it is unpacked (OWASP ASVS 5.2).
"""

import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps
from sqlalchemy import text
from sqlmodel import Session

from hotspot.guests.refusals import N_
from hotspot.portal.banners import BadBanner
from hotspot.portal.models import BannerImage

FORMATS: Final = ("JPEG", "PNG", "WEBP")  # raster only: an SVG is a program
LARGEST_FILE: Final = 8 * 1024 * 1024  # a phone's photo
MOST_PIXELS: Final = 25_000_000  # as well; unpacked they take 100 MB for a moment
LARGEST: Final = 25_000  # octets on the page
WIDTH: Final = 640  # for a phone of 320 px with two pixels each
TALLEST: Final = 640
QUALITIES: Final = (82, 72, 62, 52, 42, 32)
LEAST_SIDE: Final = 16
LONGEST_SIDE: Final = 30  # times the other
# What Pillow's readers come upon in damaged files.
DAMAGED: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
ORPHANS_KEPT: Final = timedelta(days=1)  # pages that show it may still be open


class BadImage(BadBanner):
    """This picture can't be used: {problem}"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as pages show it."""

    content: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def redraw(content: bytes) -> Picture:
    """Make a JPEG of at most 25 kB of a JPEG, PNG or WebP file.

    Raises:
        BadImage: too large, of another kind, damaged, or a picture that stays large however small it gets.
    """
    if len(content) > LARGEST_FILE:
        raise BadImage(N_("the file is larger than %(most)s MB"), most=LARGEST_FILE // 1024 // 1024)
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            _check_measures(*opened.size)
            opened.draft("RGB", (WIDTH * 2, TALLEST * 2))  # a large JPEG is unpacked smaller
            flat = _flattened(opened)
    except DAMAGED as error:
        raise BadImage(N_("it is not a whole JPEG, PNG or WebP picture")) from error
    flat.thumbnail((WIDTH, TALLEST), Image.Resampling.LANCZOS)
    return _small(flat)


def _check_measures(width: int, height: int) -> None:
    measures = {"width": width, "height": height}
    if width * height > MOST_PIXELS:
        raise BadImage(
            N_("it has %(width)s × %(height)s pixels, more than %(most)s million"),
            **measures,
            most=MOST_PIXELS // 1_000_000,
        )
    if min(width, height) < LEAST_SIDE or max(width, height) > LONGEST_SIDE * min(width, height):
        raise BadImage(N_("%(width)s × %(height)s pixels are too narrow to see anything"), **measures)


def _flattened(image: Image.Image) -> Image.Image:
    """Draw it upright, on white, because JPEG knows no transparency, and anew: what hung on the picture stays behind."""
    clear = image.convert("RGBA" if image.has_transparency_data else "RGB")
    upright = ImageOps.exif_transpose(clear)
    flat = Image.new("RGB", upright.size, "white")
    flat.paste(upright, mask=upright.getchannel("A") if upright.mode == "RGBA" else None)
    return flat


def _small(image: Image.Image) -> Picture:
    while min(image.size) >= LEAST_SIDE:
        for quality in QUALITIES:
            kept = BytesIO()
            image.save(kept, "JPEG", quality=quality, optimize=True, progressive=True)
            if len(kept.getvalue()) <= LARGEST:
                return Picture(kept.getvalue(), *image.size)
        image = image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS)
    raise BadImage(N_("it can't be made small enough"))


def keep(db: Session, picture: Picture, *, now: datetime) -> str:
    """Store a picture once, however many show it, and return its name."""
    if db.get(BannerImage, picture.sha256) is None:
        db.execute(
            text("""
                INSERT INTO banner_image (sha256, content, width, height, added_at)
                VALUES (:sha256, :content, :width, :height, :now) ON CONFLICT DO NOTHING
            """),
            {
                "sha256": picture.sha256,
                "content": picture.content,
                "width": picture.width,
                "height": picture.height,
                "now": now,
            },
        )
    return picture.sha256


def find_image(db: Session, sha256: str) -> bytes | None:
    """Return the picture of that name."""
    found = db.get(BannerImage, sha256)
    return found.content if found else None


FORGET = """
    DELETE FROM banner_image WHERE added_at < :before
    AND NOT EXISTS (SELECT FROM banner WHERE banner.image = banner_image.sha256)
"""


def forget_images(db: Session, *, now: datetime) -> None:
    """Delete pictures that nothing shows any more."""
    db.execute(text(FORGET), {"before": now - ORPHANS_KEPT})
