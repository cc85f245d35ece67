"""Terms of use: documents with versions. What was drafted is never changed; a consent names it by its SHA-256.

One person drafts a version, a second one approves it, and only then it holds, from the moment that the draft says. A site's setting
`terms` says which document it uses. A new installation starts with the packaged document "public", which nobody but the installation
itself has approved; that is what its first version says.
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
from typing import Final, NamedTuple

from sqlalchemy import func, text
from sqlmodel import Session, col, select

from hotspot.errors import Conflict, Invalid, NotAllowed, NotFound
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
    """These terms can't be used: {problem}"""


class NoSuchTerms(NotFound):
    """No terms named {name} hold; draft them and have them approved"""


class NoSuchVersion(NotFound):
    """There is no version {version} of the terms {name}; see: hotspot terms list"""


class SameWords(Conflict):
    """These are the very words of version {version} of {name}; there is nothing to draft"""

    def __init__(self, *, name: str, version: int) -> None:
        super().__init__(name=name, version=version)
        self.version = version


class OwnDraft(NotAllowed):
    """{who} drafted this version; somebody else has to approve it"""


class OtherWords(Conflict):
    """This is not the text that was looked at; show version {version} of {name} again, then approve what it says"""


class AlreadyApproved(Conflict):
    """Version {version} of {name} is approved already, or a later one is"""


class Person(NamedTuple):
    """Who does something, and by which way they said who they are."""

    name: str
    through: str


PACKAGE: Final = Person("hotspot (packaged document)", "installation")
INSTALLATION: Final = Person("installation", "installation")


def draft(
    db: Session,
    name: str,
    texts: Texts,
    *,
    by: Person,
    now: datetime,
    effective_at: datetime | None = None,
    is_material: bool = True,
) -> Terms:
    """Write a new version down for somebody else to approve; it holds from `effective_at`, or as soon as it is approved.

    `texts` maps a language to {title, summary, body}, plain text in the form `portal.prose.blocks` reads. After a material change
    every guest is asked again; otherwise who agreed to the version before need not.

    Raises:
        BadTerms: a name, a language or a text that can't be used.
        SameWords: the latest version says the same.
    """
    clean = _checked(name, texts)
    digest = sha256_of(clean)
    # One version at a time.
    db.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"terms {name}"})
    last = _latest(db, name)
    if last is not None and last.sha256 == digest:
        raise SameWords(version=last.version, name=name)
    terms = Terms(
        name=name,
        version=last.version + 1 if last else 1,
        texts=clean,
        sha256=digest,
        is_material=is_material,
        effective_at=max(effective_at or now, now),
        drafted_by=by.name,
        drafted_at=now,
        drafted_through=by.through,
    )
    db.add(terms)
    db.flush()
    return terms


APPROVE: Final = """
    UPDATE terms SET approved_by = :who, approved_at = :now, approved_through = :through,
        effective_at = GREATEST(effective_at, :now)
    WHERE name = :name AND version = :version AND sha256 = :sha256 AND approved_at IS NULL AND drafted_by <> :who
        AND NOT EXISTS (
            SELECT FROM terms AS later WHERE later.name = :name AND later.version > :version AND later.approved_at IS NOT NULL)
"""


def approve(db: Session, name: str, version: int, *, sha256: str, by: Person, now: datetime) -> Terms:
    """Approve a draft of somebody else; `sha256` says which text was looked at.

    One approval wins. A version can't be approved any more once a later one is: guests have moved on.

    Raises:
        NoSuchVersion, OtherWords, OwnDraft, AlreadyApproved: it can't be, and stays as it was.
    """
    facts = {
        "name": name,
        "version": version,
        "sha256": sha256,
        "who": by.name,
        "through": by.through,
        "now": now,
    }
    won = db.connection().execute(text(APPROVE), facts).rowcount
    terms = get_version(db, name, version)
    db.refresh(terms)
    if won:
        return terms
    if terms.sha256 != sha256:
        raise OtherWords(version=version, name=name)
    if terms.drafted_by == by.name:
        raise OwnDraft(who=by.name)
    raise AlreadyApproved(version=version, name=name)


def publish(db: Session, name: str, texts: Texts, now: datetime, *, is_material: bool = True) -> Terms:
    """Publish a version that holds at once and that only the installation approves, as it says; the same words change nothing."""
    try:
        terms = draft(db, name, texts, by=PACKAGE, now=now, is_material=is_material)
    except SameWords as same:
        return get_version(db, name, same.version)
    return approve(db, name, terms.version, sha256=terms.sha256, by=INSTALLATION, now=now)


def get_version(db: Session, name: str, version: int) -> Terms:
    """Return one version, approved or not.

    Raises:
        NoSuchVersion: there is none.
    """
    found = db.exec(select(Terms).where(Terms.name == name, Terms.version == version)).first()
    if found is None:
        raise NoSuchVersion(name=name, version=version)
    return found


def find_approved_before(db: Session, terms: Terms) -> Terms | None:
    """Return the approved version that this one follows, or None when it is the first."""
    return db.exec(
        select(Terms)
        .where(Terms.name == terms.name, Terms.version < terms.version, col(Terms.approved_at).is_not(None))
        .order_by(col(Terms.version).desc())
        .limit(1)
    ).first()


def current(db: Session, name: str, now: datetime) -> Terms:
    """Return the version that holds now.

    Raises:
        NoSuchTerms: no version of that document is approved and holds yet.
    """
    found = db.exec(
        select(Terms)
        .where(Terms.name == name, col(Terms.approved_at).is_not(None), col(Terms.effective_at) <= now)
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
    WITH held AS (SELECT * FROM terms WHERE name = :name AND approved_at IS NOT NULL AND effective_at <= :now)
    SELECT sha256 FROM held WHERE version >= (SELECT COALESCE(MAX(version), 1) FROM held WHERE is_material)
"""


def still_agreed(db: Session, name: str, now: datetime) -> frozenset[str]:
    """Return the SHA-256 of each version a consent may name and still hold: those since the last material change."""
    return frozenset(db.execute(text(STILL_AGREED), {"name": name, "now": now}).scalars())


def all_versions(db: Session) -> Sequence[Terms]:
    """Return every version of every document, oldest first."""
    return db.exec(select(Terms).order_by(Terms.name, col(Terms.version))).all()


class Use(NamedTuple):
    """Where a document is asked for: what an area or a site says, or nobody where it is what holds by default."""

    document: str
    place: str


USES: Final = """
    SELECT value #>> '{}' AS document, COALESCE(area.name || ' (' || area.code || ')', site.name || ' (' || site.slug || ')') AS place
    FROM setting LEFT JOIN area ON area.id = setting.area_id LEFT JOIN site ON site.id = setting.site_id
    WHERE key = 'terms' ORDER BY setting.area_id NULLS LAST, setting.site_id
"""


def uses(db: Session) -> list[Use]:
    """Return which areas and sites name a document; what lies below them inherits it, and all others use the default one."""
    return [Use(*row) for row in db.execute(text(USES))]


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
