import pytest

from hotspot.errors import Conflict, HotspotError, Invalid, NotAllowed, NotFound, Unavailable


class VoucherUsed(Conflict):
    """The voucher {code}
    was used by {who} already"""


class Bare(Invalid):
    pass


def test_the_docstring_with_its_facts_is_the_message() -> None:
    error = VoucherUsed(code="{X}", who="Gina")

    assert str(error) == error.message() == "The voucher {X} was used by Gina already"
    assert error.facts == {"code": "{X}", "who": "Gina"}


@pytest.mark.parametrize("family", [NotFound, NotAllowed, Conflict, Invalid, Unavailable])
def test_each_family_is_an_error_of_ours_with_a_sentence(family: type[HotspotError]) -> None:
    assert isinstance(family(), HotspotError)
    assert str(family())
    assert not str(family()).endswith(".")


def test_an_error_without_words_says_its_familys() -> None:
    assert str(Bare()) in ("The input can't be used", "Bare")
