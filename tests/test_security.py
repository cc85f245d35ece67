from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.security import CannotUnseal, Keys, new_token, token_hash
from tests.conftest import SECRET_KEY

KEYS = Keys.derive(SECRET_KEY)
MAC = bytes.fromhex("bc2411eb564d")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_is_unsealed_with_the_same_key_and_context(plain: str, context: str) -> None:
    sealed = KEYS.seal(plain, context=context)

    assert KEYS.unseal(sealed, context=context) == plain
    assert KEYS.seal(plain, context=context) != sealed, "equal secrets don't look equal"


@given(st.integers(0), st.integers(1, 255))
def test_an_altered_octet_is_noticed(position: int, change: int) -> None:
    sealed = bytearray(KEYS.seal("the secret", context="router:a"))
    sealed[position % len(sealed)] ^= change

    with pytest.raises(CannotUnseal, match="HOTSPOT_SECRET_KEY"):
        KEYS.unseal(bytes(sealed), context="router:a")


@given(st.binary(max_size=40))
def test_no_octets_that_we_did_not_seal_are_unsealed(sealed: bytes) -> None:
    with pytest.raises(CannotUnseal):
        KEYS.unseal(sealed, context="router:a")


def test_another_context_or_key_does_not_unseal() -> None:
    sealed = KEYS.seal("the secret", context="router:a")

    with pytest.raises(CannotUnseal):
        KEYS.unseal(sealed, context="router:b")
    with pytest.raises(CannotUnseal):
        Keys.derive("another").unseal(sealed, context="router:a")


def test_each_purpose_has_its_own_key_and_none_is_shown() -> None:
    keys = [KEYS.sealing, KEYS.device, KEYS.password, KEYS.ticket]

    assert len(set(keys)) == 4
    assert {len(key) for key in keys} == {32}
    assert repr(KEYS) == "Keys()"
    assert Keys.derive(SECRET_KEY) == KEYS


def test_a_device_has_one_pseudonym_an_installation() -> None:
    assert KEYS.device_id(MAC) == KEYS.device_id(MAC)
    assert KEYS.device_id(MAC) != KEYS.device_id(MAC[:-1] + b"\0")
    assert KEYS.device_id(MAC) != Keys.derive("another city").device_id(MAC)
    assert MAC not in KEYS.device_id(MAC).bytes


def test_a_one_time_password_belongs_to_its_credential() -> None:
    one, other = uuid4(), uuid4()

    assert KEYS.one_time_password(one) == KEYS.one_time_password(one) != KEYS.one_time_password(other)
    assert len(KEYS.one_time_password(one)) == 16
    assert KEYS.one_time_password(one).isalnum()
    assert KEYS.one_time_password(UUID(int=0)) != Keys.derive("another").one_time_password(UUID(int=0))


def test_a_tag_holds_for_its_purpose_and_values_only() -> None:
    tag = KEYS.sign("ticket", 1, "gina")

    assert KEYS.is_signed(tag, "ticket", 1, "gina")
    assert not KEYS.is_signed(tag, "form", 1, "gina")
    assert not KEYS.is_signed(tag, "ticket", 1, "bob")
    assert not KEYS.is_signed(tag, "ticket", 1)
    assert not KEYS.is_signed(tag + "A", "ticket", 1, "gina")
    assert not Keys.derive("another").is_signed(tag, "ticket", 1, "gina")


values = st.lists(st.text(st.sampled_from("ab\x1f\0:"), max_size=4), max_size=4)


@given(values, values)
def test_different_values_never_share_a_tag(one: list[str], other: list[str]) -> None:
    assert (KEYS.sign(*["p", *one]) == KEYS.sign(*["p", *other])) == (one == other)


@given(st.text())
def test_no_text_from_a_stranger_is_a_tag_or_an_error(tag: str) -> None:
    assert not KEYS.is_signed(tag, "ticket", tag)


def test_tokens_are_long_never_the_same_and_stored_as_hashes() -> None:
    tokens = {new_token() for _ in range(50)}

    assert len(tokens) == 50
    assert all(len(token) >= 43 for token in tokens)
    for token in tokens:
        assert len(token_hash(token)) == 32
        assert token.encode() not in token_hash(token)
