"""A plan as it is stored and shown: no secret is in it, and it knows the router it was made for."""

from hotspot.routers import diff
from hotspot.routers.changes import Set, from_json, to_json
from hotspot.routers.desired import Desired
from hotspot.routers.plan import fingerprint, plan
from hotspot.routers.undo import inverse
from tests.routers.planning import FILTER, GARDEN, names, provisioned
from tests.routers.rows import CERTIFICATE, SECRET, Box, desired, facts

# --- secrets, storing, showing -----------------------------------------------------------------------------------------------


def test_no_secret_is_in_a_plan_its_text_or_what_is_stored() -> None:
    box = provisioned()
    for row in box.rows["/radius"]:
        row["secret"] = "the-router-knows-another-one"
    box.rows["/radius"].append({".id": "*FFF", "address": "10.9.9.9", "secret": "gone", "comment": "hotspot:gone"})

    changed = plan(desired(), box.actual)
    shown = "\n".join(diff.lines(changed))
    taken_back = list(diff.lines(inverse(changed, box.actual)))

    assert names(changed) == ["Set /radius server-10.90.0.1", "Set /radius server-10.90.0.2", "Remove /radius gone"]
    assert "~     secret: (changed)  (from router hs-1)" in shown
    for text in (shown, to_json(changed), repr(changed), repr(plan(desired(), Box().actual)), repr(desired())):
        assert SECRET not in text
        assert "another-one" not in text
    assert not any("another-one" in line or "gone" in line.partition("secret")[2] for line in taken_back)
    assert "+     secret: (changed)" in taken_back
    box.apply(changed.changes, desired())
    assert {row["secret"] for row in box.rows["/radius"]} == {SECRET}


def test_a_secret_that_the_router_hides_is_not_compared() -> None:
    box = provisioned()
    box.rows["/radius"][0].pop("secret")
    box.rows["/radius"][1]["secret"] = "*****"

    assert plan(desired(), box.actual).is_empty


def test_a_secret_that_is_not_wanted_goes_also_where_it_is_hidden() -> None:
    box = provisioned()
    box.rows["/interface/wifi"][0]["security.passphrase"] = "********"

    (change,) = plan(desired(), box.actual).changes

    assert isinstance(change, Set)
    assert (change.unset, change.secrets, change.fields, change.was) == (("security.passphrase",), (), {}, {})


def test_a_secret_is_given_to_a_row_that_is_taken_over() -> None:
    box = Box()
    box.put("/radius", address="10.90.0.1", service="hotspot")

    taken = plan(desired(), box.actual, accept=["/radius 10.90.0.1, hotspot"])

    (change,) = [change for change in taken.changes if isinstance(change, Set) and change.menu == "/radius"]
    assert change.secrets == ("secret",)


def test_a_stored_plan_is_the_same_plan() -> None:
    box = Box()
    box.put("/ip/pool", name="hotspot-guests")
    stored = plan(desired(certificate=CERTIFICATE), box.actual)
    removing = plan(Desired((), menus=desired().menus), provisioned().actual)

    assert from_json(to_json(stored)) == stored
    assert from_json(to_json(removing)) == removing


def test_the_diff_says_what_changes_where_it_comes_from_and_what_is_left_out() -> None:
    box = provisioned(ssid="WiFi Kota")
    box.rows[FILTER].sort(
        key=lambda row: row.get("comment") != "hotspot:input-rest"
    )  # as if somebody had moved it to the top
    box.put(GARDEN, dst_host="x\ny.example", comment="hotspot:elder")
    box.put("/ip/address", address="10.5.51.1/24")
    wanted = desired(
        facts(), ssid="Kantor Lurah", guest_network="10.5.51.0/24", guest_ports="ether2,ether9", certificate=CERTIFICATE
    )

    shown = list(diff.lines(plan(wanted, box.actual)))

    assert '~     configuration.ssid: "WiFi Kota" → "Kantor Lurah"  (from Gerunggang (19.71.05))' in shown
    assert "+ /interface/bridge/port port-ether2" in shown
    assert f"> {FILTER} input-rest (before hotspot:guests-apart)" in shown
    assert f"- {GARDEN} elder" in shown
    assert '-     dst-host: "x·y.example"' in shown
    assert any(line.startswith("! conflict: 10.5.51.1/24 in /ip/address") for line in shown)
    assert "  left out: /interface/bridge/port port-ether9: this router has no interface ether9" in shown
    assert any(line.startswith("  left out: /ip/dhcp-server/option/sets guests: attribute comment") for line in shown)


def test_the_diff_names_dangers_and_takes_back_in_words() -> None:
    box = provisioned()
    box.rows["/ip/service"][7]["disabled"] = "yes"
    actual, changed = box.actual, plan(desired(), box.actual)

    assert any(line.startswith("! danger api-service: changes disabled") for line in diff.lines(changed))
    back = inverse(plan(desired(), Box().actual), Box().actual)
    assert '~     configuration.ssid: "WiFi Publik" → nothing' in list(diff.lines(back))
    assert names(inverse(changed, actual)) == ["Set /ip/service api-ssl"]


# --- the fingerprint ---------------------------------------------------------------------------------------------------------


def test_the_fingerprint_changes_with_rows_and_their_order_and_not_with_what_the_router_makes() -> None:
    box, wanted = provisioned(), desired()
    first = fingerprint(wanted, box.actual)

    box.put("/ip/address", address="10.1.1.1/24", dynamic="true")
    assert fingerprint(wanted, box.actual) == first
    assert plan(wanted, box.actual).fingerprint == first

    box.rows[FILTER].reverse()
    turned = fingerprint(wanted, box.actual)
    box.rows["/ip/pool"][0]["ranges"] = "10.5.50.9-10.5.50.99"

    assert len({first, turned, fingerprint(wanted, box.actual)}) == 3
