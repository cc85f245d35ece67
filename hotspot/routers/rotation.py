"""Changing a secret that two sides hold, in two phases, so that a cut at any moment leaves one that works.

1. `begin` stores the next secret before the router hears of it. 2. The router is told. 3. Whoever then gets through with the next one
may `confirm`, and the current one is forgotten. When the router is known to have kept the current one, `abandon` forgets the next.
Until then both may be true: `to_try` says in which order.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret by its two phases: `current` was confirmed, `next` may have reached the router."""

    current: str = field(repr=False)
    next: str | None = field(default=None, repr=False)

    @property
    def is_rotating(self) -> bool:
        return self.next is not None

    @property
    def to_try(self) -> tuple[str, ...]:
        """What may open the door: the next one first, for it is what the router was told last."""
        return (self.current,) if self.next is None else (self.next, self.current)


def begin(credential: Credential, fresh: str) -> Credential:
    """Start a rotation to `fresh`; one that is under way goes on with its own, which the router may have already."""
    return credential if credential.is_rotating else replace(credential, next=fresh)


def confirm(credential: Credential) -> Credential:
    """The router was seen with the next secret; without a rotation nothing changes, so that a repeated word does no harm."""
    return credential if credential.next is None else Credential(credential.next)


def abandon(credential: Credential) -> Credential:
    """The router was seen with the current secret, and is not told the next one any more."""
    return replace(credential, next=None)
