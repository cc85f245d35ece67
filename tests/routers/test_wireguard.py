"""The controller's configuration as text."""

from ipaddress import IPv4Address, IPv4Interface

from hotspot.routers.wireguard import Peer, Tunnel, diff, new_private_key, public_key_of, render, shown

PRIVATE = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="  # RFC 7748 §6.1, Alice
PUBLIC = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
NEAR = Peer("alun-alun-1", "A" * 43 + "=", (IPv4Address("10.253.0.2"),))
FAR = Peer("pasar-1", "B" * 43 + "=", (IPv4Address("10.253.1.9"), IPv4Address("10.253.0.7")))


def tunnel(*peers: Peer, private_key: str = PRIVATE) -> Tunnel:
    return Tunnel(private_key, IPv4Interface("10.253.0.1/16"), 51820, peers)


def test_the_file_says_who_may_come_from_which_address() -> None:
    assert render(tunnel(FAR, NEAR)) == (
        "# Written by hotspot; what is changed here by hand is lost.\n"
        "[Interface]\n"
        f"PrivateKey = {PRIVATE}\n"
        "ListenPort = 51820\n"
        "Address = 10.253.0.1/16\n"
        "\n"
        "# alun-alun-1\n"
        "[Peer]\n"
        f"PublicKey = {NEAR.public_key}\n"
        "AllowedIPs = 10.253.0.2/32\n"
        "\n"
        "# pasar-1\n"
        "[Peer]\n"
        f"PublicKey = {FAR.public_key}\n"
        "AllowedIPs = 10.253.1.9/32, 10.253.0.7/32\n"
    )
    assert "Address" not in render(tunnel(NEAR), for_quick=False)


def test_the_same_peers_in_another_order_are_the_same_file() -> None:
    assert render(tunnel(NEAR, FAR)) == render(tunnel(FAR, NEAR))


def test_what_is_shown_and_what_changes_never_tells_the_private_key() -> None:
    now, then = render(tunnel(NEAR)), render(tunnel(NEAR, FAR, private_key=new_private_key()))

    lines = diff(now, then, name="hotspot.conf")

    assert PRIVATE not in shown(now)
    assert "PrivateKey = (hidden)" in shown(now)
    assert "-PrivateKey = (hidden)" in lines
    assert "+PrivateKey = (hidden)" in lines
    assert "+AllowedIPs = 10.253.1.9/32, 10.253.0.7/32" in lines
    assert not any(PRIVATE in line for line in lines)
    assert diff(now, now, name="x") == []
    assert shown("") == ""
    assert PRIVATE not in repr(tunnel())


def test_keys_are_those_of_x25519() -> None:
    assert public_key_of(PRIVATE) == PUBLIC
    assert new_private_key() != new_private_key()
