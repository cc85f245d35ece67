"""A box's configuration decides what phones see."""

from datetime import timedelta
from ipaddress import IPv4Address

import httpx
import pytest

from hotspot.radius.attributes import Attr, MikroTik, StatusType, TerminateCause, make
from hotspot.simulator.gateway import NoSuchNetwork
from hotspot.simulator.kinds import APPLE, Verdict
from hotspot.simulator.phones import Phone
from hotspot.simulator.reading import read_setup
from hotspot.simulator.routeros.sessions import Session
from tests.simulator.configured import SSID, UPLINK, Place, configured, fresh
from tests.simulator.scene import GINA, GINAS_PHONE, HADI, HADIS_PHONE, SECRET, Portal, portal, radius_server, scenario

OLD_TREE = "RB951Ui-2HnD"


def gina(place: Place, city: Portal) -> Phone:
    return Phone(APPLE, GINA, GINAS_PHONE, city.url, clock=place.clock)


def hadi(place: Place, city: Portal) -> Phone:
    return Phone(APPLE, HADI, HADIS_PHONE, city.url, clock=place.clock)


@scenario
async def test_a_box_from_the_shop_has_no_network_and_no_portal() -> None:
    async with portal() as city, fresh() as place:
        assert place.box.gateway.networks == frozenset()
        with pytest.raises(NoSuchNetwork):
            await gina(place, city).join(place.box.gateway)
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://{place.box.gateway.login_host}/login")


@scenario
@pytest.mark.parametrize("model", ["hAP ax^2", OLD_TREE])
async def test_a_configured_one_gets_phones_online(model: str) -> None:
    async with portal() as city, configured(city.url, model=model) as place:
        phone = gina(place, city)
        await phone.join(place.box.gateway, ssid=SSID)

        visit = await phone.get_online()

        assert visit.is_online, visit
        (asked,) = place.radius.asked
        assert asked.text(Attr.NAS_IDENTIFIER) == "alun-alun-1"
        assert asked.text(Attr.CALLED_STATION_ID) == "guests"
        assert asked.text(Attr.NAS_PORT_ID) == "guests"
        assert asked.address(Attr.NAS_IP_ADDRESS) == IPv4Address(UPLINK)
        assert asked.address(Attr.FRAMED_IP_ADDRESS) == IPv4Address("10.5.50.2")
        await phone.close()


RADIO = "/interface wifi set wifi1"
SHUT = {
    "the radio is off": f"{RADIO} disabled=yes",
    "the radio is a client": f"{RADIO} configuration.mode=station",
    "the network wants a password": f"{RADIO} security.authentication-types=wpa2-psk",
    "the radio leads elsewhere": f"/interface bridge add name=office; {RADIO} datapath.bridge=office",
    "the radio is a port of another bridge": "/interface bridge add name=office; /interface bridge port add bridge=office interface=wifi1",
    "the radio leads nowhere": f"{RADIO} datapath.bridge=none",
    "the bridge is off": "/interface bridge set guests disabled=yes",
    "the hotspot is off": "/ip hotspot set guests disabled=yes",
    "the hotspot is gone": "/ip hotspot remove guests",
    "the hotspot is elsewhere": "/interface bridge add name=office; /ip hotspot set guests interface=office",
}
MUTE = {
    "no DHCP server": "/ip dhcp-server set guests disabled=yes",
    "DHCP without a pool": "/ip dhcp-server set guests address-pool=static-only",
    "no address": "/ip address remove [find interface=guests]",
    "no gateway": '/ip dhcp-server network set [find] gateway=""',
    "a gateway of another network": "/ip dhcp-server network set [find] address=10.9.9.0/24",
}


@scenario
@pytest.mark.parametrize("change", SHUT.values(), ids=SHUT)
async def test_what_is_missing_on_the_way_leaves_phones_without_a_network(change: str) -> None:
    async with portal() as city, configured(city.url) as place:
        await place.run(change)

        with pytest.raises(NoSuchNetwork):
            await gina(place, city).join(place.box.gateway)


@scenario
@pytest.mark.parametrize("change", MUTE.values(), ids=MUTE)
async def test_without_an_address_a_phone_finds_no_portal(change: str) -> None:
    async with portal() as city, configured(city.url) as place:
        await place.run(change)
        phone = gina(place, city)
        await phone.join(place.box.gateway)

        assert await phone.probe() is Verdict.NO_NETWORK
        await phone.close()


@scenario
async def test_device_mode_keeps_a_hotspot_from_running() -> None:
    async with portal() as city, configured(city.url) as place:
        asked = {"hotspot": "no"}
        place.box.router.run("/system/device-mode", "update", asked, session=Session("admin"))
        place.box.router.press_button()
        await place.box.settled()

        assert place.box.gateway.networks == frozenset()


def ssids(place: Place) -> frozenset[str]:
    return read_setup(place.box.router, own_address=UPLINK).ssids


@scenario
async def test_what_stands_on_the_radio_wins_over_the_profiles_it_names() -> None:
    async with portal() as city, configured(city.url) as place:
        await place.run(
            "/interface wifi datapath add name=d bridge=guests;"
            "/interface wifi configuration add name=c ssid=Profil datapath=d security.authentication-types=wpa2-psk;"
            "/interface wifi set wifi2 configuration=c disabled=no"
        )
        assert ssids(place) == {SSID}

        await place.run('/interface wifi configuration set c security.authentication-types=""')
        assert ssids(place) == {SSID, "Profil"}

        await place.run("/interface wifi set wifi2 configuration.ssid=Radio")
        assert ssids(place) == {SSID, "Radio"}


@scenario
async def test_a_radio_of_the_old_tree_is_open_when_its_security_profile_is() -> None:
    async with portal() as city, configured(city.url, model=OLD_TREE) as place:
        assert ssids(place) == {SSID}

        await place.run("/interface wireless security-profiles set default mode=dynamic-keys")

        assert ssids(place) == frozenset()


@scenario
async def test_a_new_name_of_the_network_leaves_the_phones_of_the_old_one_behind() -> None:
    async with portal() as city, configured(city.url) as place:
        first = gina(place, city)
        await first.join(place.box.gateway)
        assert (await first.get_online()).is_online

        await place.run(f"{RADIO} configuration.ssid=Baru")

        assert not first.is_associated
        assert await first.probe() is Verdict.NO_NETWORK
        with pytest.raises(NoSuchNetwork):
            await first.join(place.box.gateway, ssid=SSID)
        later = hadi(place, city)
        await later.join(place.box.gateway, ssid="Baru")
        assert (await later.get_online()).is_online
        await place.forward(121)
        ended = [told for told in place.radius.told if told.integer(Attr.ACCT_STATUS_TYPE) == StatusType.STOP]
        assert [told.integer(Attr.ACCT_TERMINATE_CAUSE) for told in ended] == [TerminateCause.LOST_SERVICE]
        await later.close()


@scenario
async def test_a_hotspot_that_is_switched_off_ends_its_sessions() -> None:
    async with portal() as city, configured(city.url) as place:
        phone = gina(place, city)
        await phone.join(place.box.gateway)
        assert (await phone.get_online()).is_online

        await place.run("/ip hotspot set guests disabled=yes")
        await place.box.gateway.router.told()

        assert place.radius.statuses == [StatusType.START, StatusType.STOP]
        assert await phone.probe() is Verdict.NO_NETWORK
        await phone.close()


@scenario
async def test_without_its_rule_in_the_walled_garden_nobody_reaches_the_portal() -> None:
    async with portal() as city, configured(city.url) as place:
        await place.run("/ip hotspot walled-garden ip remove [find]")
        phone = gina(place, city)
        await phone.join(place.box.gateway)

        visit = await phone.get_online()

        assert visit.verdict is Verdict.CAPTIVE
        assert "reset" in visit.problem
        assert city.seen == []
        await phone.close()


@scenario
async def test_rules_for_others_free_nothing_here() -> None:
    async with portal() as city, configured(city.url) as place:
        for other in ("server=!guests", "src-address=10.9.9.9", "src-address-list=staff", "disabled=yes"):
            await place.run(f"/ip hotspot walled-garden ip remove [find]; /ip hotspot walled-garden ip add {other}")
            phone = gina(place, city)
            await phone.join(place.box.gateway)
            assert (await phone.get_online()).verdict is Verdict.CAPTIVE, other
            await phone.close()


@scenario
async def test_a_host_in_the_walled_garden_is_free_before_log_in() -> None:
    async with portal() as city, configured(city.url) as place:
        phone = gina(place, city)
        await phone.join(place.box.gateway)
        assert (await phone.browser.get("http://lapor.go.id/")).status_code == 302

        await place.run("/ip hotspot walled-garden add dst-host=lapor.go.id")

        assert "simulation" in (await phone.browser.get("http://lapor.go.id/")).text
        with pytest.raises(httpx.ConnectError):
            await phone.browser.get("https://lapor.go.id/")
        assert await phone.probe() is Verdict.CAPTIVE
        await phone.close()


@scenario
async def test_pages_are_the_files_on_the_box() -> None:
    async with portal() as city, configured(city.url) as place:
        base = f"http://{place.box.gateway.login_host}"
        async with httpx.AsyncClient() as client:
            place.box.router.files.write("pages/login.html", b"<html><body>Halo $(identity)</body></html>")
            assert "Halo alun-alun-1" in (await client.get(f"{base}/login")).text

            place.box.router.files.delete("pages/rlogin.html")
            assert (await client.get(base, headers={"Host": "example.com"})).status_code == 302  # redirect.html

            place.box.router.files.delete("pages")
            assert (await client.get(f"{base}/login")).status_code == 404


@scenario
async def test_the_directory_that_overrides_comes_first() -> None:
    async with portal() as city, configured(city.url) as place:
        place.box.router.files.write("ours/login.html", b"ours")
        await place.run("/ip hotspot profile set guests html-directory-override=ours")
        base = f"http://{place.box.gateway.login_host}"

        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{base}/login")).text.endswith("ours")
            assert (await client.get(f"{base}/status")).status_code == 302  # the other one has it


async def online(place: Place, city: Portal) -> Phone:
    phone = gina(place, city)
    await phone.join(place.box.gateway)
    assert (await phone.get_online()).is_online
    return phone


@scenario
async def test_another_name_and_another_secret_are_those_of_the_next_question() -> None:
    async with portal() as city, configured(city.url) as place:
        first = await online(place, city)
        await first.leave(logout=True)

        await place.run("/system identity set name=baru")
        await (await online(place, city)).leave(logout=True)
        assert [asked.text(Attr.NAS_IDENTIFIER) for asked in place.radius.asked] == ["alun-alun-1", "baru"]

        for wrong in ("address=127.0.0.9", "src-address=198.51.100.9"):  # nobody is there; nobody can ask from there
            await place.run(f"/radius set [find] {wrong}")
            phone = gina(place, city)
            await phone.join(place.box.gateway)
            visit = await phone.get_online()
            assert visit.page is not None
            assert visit.page.title == "RADIUS server is not responding"
            await phone.close()


@scenario
async def test_the_second_server_is_asked_when_the_first_is_silent() -> None:
    async with portal() as city, configured(city.url) as place, radius_server() as silent:
        silent.is_silent = True
        port = silent.address[1]
        where = f'address=127.0.0.1 secret="{SECRET.decode()}" authentication-port={port} accounting-port={port} timeout=20ms'
        await place.run(f"/radius add service=login {where}")
        assert len(place.box.gateway.router.radius.entries) == 1

        await place.run(
            f"/radius remove [find service=login]; /radius add service=login,hotspot {where} place-before=0"
        )
        phone = await online(place, city)

        assert len(silent.asked) == 3
        assert len(place.radius.asked) == 1
        await phone.close()


@scenario
async def test_radius_off_in_the_profile_asks_nobody() -> None:
    async with portal() as city, configured(city.url) as place:
        await place.run("/ip hotspot profile set guests use-radius=no")
        phone = gina(place, city)
        await phone.join(place.box.gateway)

        assert not (await phone.get_online()).is_online
        assert place.radius.asked == []
        await phone.close()


@scenario
async def test_the_monitor_counts_what_was_asked() -> None:
    async with portal() as city, configured(city.url) as place:
        phone = await online(place, city)
        await place.forward(1)

        (number,) = [row.id for row in place.box.router.config.rows("/radius")]
        counters = place.box.router.radius_counters[number]
        assert (counters["requests"], counters["accepts"], counters["bad-replies"]) == ("2", "1", "0")
        await phone.close()


@scenario
async def test_reports_come_as_often_as_the_profile_says() -> None:
    async with portal() as city, configured(city.url, make(Attr.ACCT_INTERIM_INTERVAL, 600)) as place:
        await place.run("/ip hotspot profile set guests radius-interim-update=1m")
        phone = await online(place, city)
        await place.forward(60)
        assert place.radius.statuses == [StatusType.START, StatusType.INTERIM_UPDATE]

        await place.run("/ip hotspot profile set guests radius-accounting=no")
        await place.forward(60)
        assert len(place.radius.told) == 2
        await phone.close()


@scenario
async def test_the_user_profile_limits_what_radius_leaves_open() -> None:
    async with portal() as city, configured(city.url, make(MikroTik.RATE_LIMIT, "1M/1M")) as place:
        await place.run(
            "/ip hotspot user profile set default session-timeout=10m rate-limit=64k/64k keepalive-timeout=none"
        )
        phone = await online(place, city)

        session = place.box.gateway.router.sessions[GINA]
        assert session.accept.session_timeout == timedelta(minutes=10)
        assert session.accept.rate_limit == "1M/1M"
        assert session.keepalive is None
        await place.forward(600)
        assert place.radius.statuses[-1] is StatusType.STOP
        await phone.close()


@scenario
async def test_the_controller_is_heard_at_the_port_of_radius_incoming() -> None:
    async with portal() as city, configured(city.url) as place:
        phone = await online(place, city)
        incoming = place.box.gateway.incoming
        assert incoming.address == (UPLINK, 3799)

        await place.run("/radius incoming set port=3800")
        assert incoming.address == (UPLINK, 3800)
        await place.run("/radius incoming set accept=no")
        assert incoming.address is None
        await phone.close()


@scenario
async def test_its_api_lets_a_phone_in_and_shows_it() -> None:
    async with portal() as city, configured(city.url) as place:
        phone, me = gina(place, city), Session("somebody")
        await phone.join(place.box.gateway, ssid=SSID)
        await phone.probe()

        fields = {"user": "gina", "password": "s3sam", "ip": "10.5.50.2", "mac-address": str(GINA)}
        place.box.router.run("/ip/hotspot/active", "login", fields, session=me)
        await place.radius.until(lambda: bool(place.radius.told))

        (active,) = place.box.router.run("/ip/hotspot/active", "print", {}, session=me).rows
        assert active["user"] == "gina"
        assert (await phone.get_online()).page is None, "it has nothing to press"
        await phone.close()


@scenario
async def test_a_restart_forgets_sessions_and_keeps_the_configuration() -> None:
    async with portal() as city, configured(city.url) as place:
        phone = await online(place, city)

        place.box.power_cut()
        await place.box.settled()
        assert place.box.gateway.networks == frozenset()
        assert await phone.probe() is Verdict.NO_NETWORK
        place.box.power_back()

        assert await phone.probe() is Verdict.CAPTIVE
        assert (await phone.get_online()).is_online
        assert place.radius.statuses == [StatusType.START, StatusType.START]
        await phone.close()
