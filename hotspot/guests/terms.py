"""Terms of use: documents with versions. What was published is never changed; a consent names it by its SHA-256.

A site's setting `terms` says which document it uses. A new installation starts with the packaged document "public".
"""

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import func, text
from sqlmodel import Session, col, select

from hotspot.errors import Invalid, NotFound
from hotspot.guests.models import Terms

DEFAULT_NAME: Final = "public"
DOCUMENTS: Final = Path(__file__).parent / "documents"
NAME: Final = re.compile(r"[a-z0-9-]{1,40}")
LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
LIMITS: Final = {
    "title": 120,
    "summary": 1_000,
    "body": 20_000,
}  # the whole first view has to stay below 14 KB compressed

Texts = Mapping[str, Mapping[str, str]]


class BadTerms(Invalid):
    """These terms can't be published: {problem}"""


class NoSuchTerms(NotFound):
    """There are no terms named {name}; publish them first"""


def publish(db: Session, name: str, texts: Texts, now: datetime, *, is_material: bool = True) -> Terms:
    """Publish a new version that holds from now on; publishing the current words again changes nothing.

    `texts` maps a language to {title, summary, body}, plain text in the form `portal.prose.blocks` reads. After a material change
    every guest is asked again; otherwise who agreed to the version before need not.

    Raises:
        BadTerms: a name, a language or a text that can't be used.
    """
    clean = _checked(name, texts)
    digest = sha256_of(clean)
    db.execute(
        text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"terms {name}"}
    )  # one version at a time
    last = _latest(db, name)
    if last is not None and last.sha256 == digest:
        return last
    terms = Terms(
        name=name,
        version=last.version + 1 if last else 1,
        texts=clean,
        sha256=digest,
        is_material=is_material,
        effective_at=now,
    )
    db.add(terms)
    db.flush()
    return terms


def current(db: Session, name: str, now: datetime) -> Terms:
    """Return the version that holds now.

    Raises:
        NoSuchTerms: no version of that document holds yet.
    """
    found = db.exec(
        select(Terms)
        .where(Terms.name == name, col(Terms.effective_at) <= now)
        .order_by(col(Terms.version).desc())
        .limit(1)
    ).first()
    if found is None:
        raise NoSuchTerms(name=name)
    return found


def next_version_at(db: Session, name: str, now: datetime) -> datetime | None:
    """Return when the next version of the document begins to hold; None: none is published."""
    later = select(func.min(Terms.effective_at)).where(Terms.name == name, col(Terms.effective_at) > now)
    return db.exec(later).one()


STILL_AGREED = """
    SELECT sha256 FROM terms WHERE name = :name AND effective_at <= :now AND version >= (
        SELECT COALESCE(MAX(version), 1) FROM terms WHERE name = :name AND effective_at <= :now AND is_material
    )
"""


def still_agreed(db: Session, name: str, now: datetime) -> frozenset[str]:
    """Return the SHA-256 of each version a consent may name and still hold: those since the last material change."""
    return frozenset(db.execute(text(STILL_AGREED), {"name": name, "now": now}).scalars())


def all_versions(db: Session) -> Sequence[Terms]:
    """Return every version of every document, oldest first."""
    return db.exec(select(Terms).order_by(Terms.name, col(Terms.version))).all()


def ensure_default_terms(db: Session, now: datetime) -> None:
    """Publish the packaged document when the installation has none of its name; an operator's versions are left alone."""
    if _latest(db, DEFAULT_NAME) is None:
        publish(db, DEFAULT_NAME, packaged_texts(DEFAULT_NAME), now)


@cache
def packaged_texts(name: str) -> dict[str, dict[str, str]]:
    """Return the texts of a packaged document, its contact filled in."""
    document = tomllib.loads((DOCUMENTS / f"{name}.toml").read_text(encoding="utf-8"))
    contact = document.pop("contact")
    return {
        language: {part: words.replace("{contact}", contact[language]) for part, words in parts.items()}
        for language, parts in document.items()
    }


def sha256_of(texts: Texts) -> str:
    """Return the hash of all languages together: SHA-256 over JSON with sorted keys, no blanks, UTF-8, NFC."""
    canonical = json.dumps(texts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(unicodedata.normalize("NFC", canonical).encode()).hexdigest()


def _latest(db: Session, name: str) -> Terms | None:
    return db.exec(select(Terms).where(Terms.name == name).order_by(col(Terms.version).desc()).limit(1)).first()


def _checked(name: str, texts: Texts) -> dict[str, dict[str, str]]:
    if not NAME.fullmatch(name):
        raise BadTerms(problem="the name is 1 to 40 of a-z, 0-9 and dashes")
    if not texts:
        raise BadTerms(problem="no language is given")
    return {language: _checked_parts(language, parts) for language, parts in texts.items()}


def _checked_parts(language: str, parts: Mapping[str, str]) -> dict[str, str]:
    if not LANGUAGE.fullmatch(language):
        raise BadTerms(problem=f"{language!r} is not a language code such as id or en")
    if set(parts) != set(LIMITS):
        raise BadTerms(problem=f"{language}: needs exactly {', '.join(LIMITS)}")
    clean = {part: unicodedata.normalize("NFC", parts[part]).strip() for part in LIMITS}
    for part, words in clean.items():
        if not words or len(words) > LIMITS[part]:
            raise BadTerms(problem=f"{language}.{part}: needs 1 to {LIMITS[part]} characters")
        if any(unicodedata.category(character) == "Cc" and character != "\n" for character in words):
            raise BadTerms(problem=f"{language}.{part}: contains a control character")
    return clean
