"""The methods that this program has, and those of them that a site offers."""

from collections.abc import Sequence
from typing import Final

from hotspot.portal.code_methods import RESIDENT, VOUCHER
from hotspot.portal.explanations import NO_SIGN_IN, OTHER_SIGN_IN
from hotspot.portal.handoff import Stop
from hotspot.portal.methods import Method, OneTap
from hotspot.portal.phone import PhoneCode
from hotspot.portal.service import Place
from hotspot.sites.models import home

METHODS: Final[tuple[Method, ...]] = (OneTap(), VOUCHER, PhoneCode(), RESIDENT)


def methods_of(place: Place) -> Sequence[Method]:
    """Return the methods of a site, the one to show first in front.

    Raises:
        Stop: it names only such as this program does not have. Never another one instead: that would let in whom it keeps out.
    """
    known = {method.name: method for method in METHODS}
    offered = [known[name] for name in place.settings.ways_to_sign_in if name in known]
    if not offered:
        raise Stop(NO_SIGN_IN)
    return offered


def method_named(place: Place, name: str) -> Method:
    """Return the method that a form names.

    Raises:
        Stop: the site does not offer it.
    """
    for method in methods_of(place):
        if method.name == name:
            return method
    raise Stop(OTHER_SIGN_IN, again=home(place.site.slug))
