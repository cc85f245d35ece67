"""Two holders of a secret, cut anywhere: one of the two always opens the door."""

from hypothesis import given
from hypothesis import strategies as st

from hotspot.routers.rotation import Credential, abandon, begin, confirm


@given(st.lists(st.sampled_from(["begin", "told", "confirm", "abandon"]), max_size=30))
def test_whatever_is_cut_the_router_knows_one_of_the_secrets_we_would_try(steps: list[str]) -> None:
    credential, router = Credential("s0"), "s0"
    for number, step in enumerate(steps, 1):
        if step == "begin":
            credential = begin(credential, f"s{number}")
        elif step == "told" and credential.next is not None:
            router = credential.next
        elif step == "confirm" and router == credential.next:
            credential = confirm(credential)
        elif step == "abandon" and router == credential.current:
            credential = abandon(credential)

        assert router in credential.to_try


def test_a_rotation_that_was_begun_goes_on_with_its_own_secret() -> None:
    begun = begin(Credential("old"), "new")

    assert begin(begun, "newer") == begun
    assert begun.to_try == ("new", "old")
    assert begun.is_rotating
    assert confirm(begun) == Credential("new")
    assert confirm(confirm(begun)) == Credential("new"), "said twice"
    assert abandon(begun) == Credential("old")
    assert not abandon(begun).is_rotating


def test_a_credential_never_shows_its_secrets() -> None:
    assert "old" not in repr(begin(Credential("old"), "new"))
    assert "new" not in repr(begin(Credential("old"), "new"))
