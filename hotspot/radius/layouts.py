"""Packets read fast by their layout: the types and lengths of all their attributes, in order. Pure.

A city's routers send the same few layouts again and again. So a layout is parsed and judged once; a later packet whose types and
lengths are exactly those is read by one precompiled struct. Everything else goes the long way, which is also how a layout is learnt.
"""

import struct
from collections.abc import Callable, Container, Sequence
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

from hotspot.radius.attributes import Attr
from hotspot.radius.packet import RawAttribute, signature_offset

MOST_LAYOUTS: Final = 1_024
"""Statuses × lengths of names: a city has dozens."""

Said = TypeVar("Said")


class _Layout(NamedTuple):
    """How packets of one layout are read: types and lengths as they alternate with values, and which values we want.

    `signature_at` is where the value of Message-Authenticator begins, if there is one.
    """

    unpack: Callable[[bytes], tuple[Any, ...]]
    heads: tuple[int, ...]
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    signature_at: int | None


class Layouts(Generic[Said]):
    """Remember the layouts of packets of one code that were authentic; a stranger can't fill it.

    `fields` are the attributes that are wanted, in the order in which `said` takes their values: numbers for `integers`, else octets,
    None for what is absent.
    """

    def __init__(
        self, code: int, fields: Sequence[int], said: Callable[..., Said], *, integers: Container[int] = ()
    ) -> None:
        self._code, self._fields, self._said, self._integers = code, fields, said, integers
        self._by_length: dict[int, tuple[_Layout, ...]] = {}
        self._count = 0

    def read(self, octets: bytes) -> tuple[Said, int | None] | None:
        """Read a packet of a known layout, and say where its signature is, if it has one.

        None: another code, padded (RFC 2865 §3), or of no known layout, which says nothing against the packet.
        """
        length = len(octets)
        for layout in self._by_length.get(length, ()):
            values = layout.unpack(octets)
            if values[::2] == layout.heads:
                if octets[0] != self._code or (octets[2] << 8 | octets[3]) != length:
                    return None
                return self._said(*layout.pick((*values, None))), layout.signature_at
        return None

    def learn(self, octets: bytes, attributes: Sequence[RawAttribute]) -> None:
        """Remember the layout of this packet, which was parsed, is authentic, and repeats no attribute that is wanted."""
        kinds = [kind for kind, _ in attributes]
        if Attr.PROXY_STATE in kinds or self.read(octets) is not None:  # its values go into the reply
            return
        if self._count >= MOST_LAYOUTS:
            self._by_length.clear()
            self._count = 0
        form = "".join(f"H{'I' if kind in self._integers else f'{len(value)}s'}" for kind, value in attributes)
        heads = tuple(kind << 8 | len(value) + 2 for kind, value in attributes)
        missing = 2 * len(kinds)
        places = [2 * kinds.index(field) + 1 if field in kinds else missing for field in self._fields]
        layout = _Layout(struct.Struct(f"!20x{form}").unpack, heads, itemgetter(*places), signature_offset(attributes))
        self._by_length[len(octets)] = (*self._by_length.get(len(octets), ()), layout)
        self._count += 1
