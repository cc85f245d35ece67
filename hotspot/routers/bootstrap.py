"""The script that a router enrols itself with: to paste, for Netinstall, or fetched by one line.

It makes the WireGuard key and the api-ssl certificate on the router, tells the controller what the router is, and sets up the tunnel
and the bootstrap's log-in from the answer. Each step finds what an earlier run made or makes it, so it may be run again at any time.
Only features of RouterOS 7.19 are used. The private keys never leave the router; the token goes in the request's body.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from hotspot.routers.handover import API_SSL_PORT, BOOTSTRAP, CERTIFICATE, INTERFACE, SCHEDULE, SCRIPT_FILE, TUNNEL_MARK
from hotspot.routers.script import quote

KEEP_ALIVE: Final = "25s"  # shorter than the 30 s after which address translators forget a UDP flow
RETRY: Final = "2m"
FEATURES: Final = ("mode", "hotspot", "fetch", "scheduler", "flagged")
BUTTON: Final = (
    "Type: /system/device-mode/update fetch=yes hotspot=yes scheduler=yes - and within 5 minutes press the button on the box once,"
    " or cut its power. It restarts; then run this again."
)
POLICIES: Final = "ftp,reboot,read,write,policy,test,password,sniff,sensitive,romon"
UNSAFE_SERVICES: Final = ("telnet", "ftp", "www", "api", "ssh")
NTP_SERVER: Final = "pool.ntp.org"  # a box without a battery wakes up in the past, where no certificate is valid yet


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What one router's script carries: where to call, the token, and the CA of a controller whose certificate is private.

    `radius_servers` are those beside the controller that are reached through the tunnel.
    """

    base_url: str
    token: str = field(repr=False)
    ca: str = ""
    radius_servers: tuple[IPv4Address, ...] = ()

    @property
    def contact_url(self) -> str:
        return f"{self.base_url}/api/enrol/v1/contact"

    @property
    def script_url(self) -> str:
        return f"{self.base_url}/api/enrol/v1/script"


def script(bootstrap: Bootstrap) -> str:
    """Return the ``.rsc`` to paste or import: one block, so that a failure ends it even when pasted line by line."""
    lines = [
        *_facts(),
        *_button(),
        *_key(),
        *_certificate(),
        *_trust(bootstrap.ca),
        *_call(bootstrap),
        *_login(),
        *_firewall(),
        *_tunnel(bootstrap.radius_servers),
        *_farewell(),
    ]
    return "\n".join(["# hotspot: enrols this router; may be run again.", "{", *lines, "}", ""])


def netinstall(bootstrap: Bootstrap) -> str:
    """Return the file for Netinstall: safe defaults at first boot, and a scheduler that enrols and then removes itself."""
    run = quote(f"/system/script/run {quote(SCHEDULE)}")
    every = quote(RETRY)
    policy = f"policy={quote(POLICIES)}"
    lines = [
        *_safe_defaults(),
        f":if ([:len [/system/script/find where name={quote(SCHEDULE)}]] = 0) do={{",
        f"/system/script/add name={quote(SCHEDULE)} {policy} source={quote(script(bootstrap))}",
        "}",
        f":if ([:len [/system/scheduler/find where name={quote(SCHEDULE)}]] = 0) do={{",
        f'/system/scheduler/add name={quote(SCHEDULE)} start-time="startup" interval={every} {policy} on-event={run}',
        "}",
    ]
    return "\n".join(["# hotspot: first configuration, for Netinstall.", "{", *lines, "}", ""])


def one_line(bootstrap: Bootstrap) -> str:
    """Return the line that fetches the script and runs it. The token is in a header field: addresses are logged everywhere."""
    return (
        f"/tool/fetch url={quote(bootstrap.script_url)} "
        f"http-header-field={quote(f'Authorization: Bearer {bootstrap.token}')} "
        f'check-certificate="yes" dst-path={quote(SCRIPT_FILE)}; /import {quote(SCRIPT_FILE)}'
    )


def _tell(words: str, *more: str) -> Iterator[str]:
    """Say something on the terminal and in the log; `more` are expressions of the script."""
    said = " . ".join((quote(f"hotspot: {words}"), *more))
    yield f":put ({said})"
    yield f":log info ({said})"


def _give_up(words: str, *more: str) -> Iterator[str]:
    yield from _tell(words, *more)
    yield f":error {quote('hotspot: not enrolled')}"


def _facts() -> Iterator[str]:
    """Read what the router is into variables that each hold a part of the JSON."""
    yield ':local serial ""'
    for source in ("/system/routerboard/get serial-number", "/system/license/get system-id"):  # a CHR has no board
        yield f":if ([:len $serial] = 0) do={{ :do {{ :set serial [:tostr [{source}]] }} on-error={{}} }}"
    yield ":local model [/system/resource/get board-name]"
    yield ":local version [/system/resource/get version]"
    yield ':local licence ""'
    for source in ("nlevel", "level"):
        yield (
            f":if ([:len $licence] = 0) do={{ :do {{ :set licence [:tostr [/system/license/get {source}]] }} on-error={{}} }}"
        )
    yield ':local packages ""'
    yield ":foreach one in=[/system/package/find where !available] do={"
    yield f":if ([:len $packages] > 0) do={{ :set packages ($packages . {quote(',')}) }}"
    mark = quote('"')
    yield f":set packages ($packages . {mark} . [/system/package/get $one name] . {mark})"
    yield "}"
    yield ':local features ""'
    for name in FEATURES:
        yield f':local is{name} ""'
        yield f":do {{ :set is{name} [:tostr [/system/device-mode/get {name}]] }} on-error={{}}"
        yield f":if ([:len $is{name}] > 0) do={{"
        yield f":if ([:len $features] > 0) do={{ :set features ($features . {quote(',')}) }}"
        opening = quote(f'"{name}":"')
        yield f":set features ($features . {opening} . $is{name} . {mark})"
        yield "}"


def _button() -> Iterator[str]:
    for name, what_now in (("fetch", _give_up), ("hotspot", _tell)):
        yield f":if (($is{name} = {quote('false')}) || ($is{name} = {quote('no')})) do={{"
        yield from what_now(f"this router's device-mode forbids {name}. {BUTTON}")
        yield "}"


def _key() -> Iterator[str]:
    name = quote(INTERFACE)
    yield f":if ([:len [/interface/wireguard/find where name={name}]] = 0) do={{"
    yield f"/interface/wireguard/add name={name} comment={quote(TUNNEL_MARK)}"
    yield "}"
    yield f":local key [/interface/wireguard/get [/interface/wireguard/find where name={name}] public-key]"


def _certificate() -> Iterator[str]:
    """A template that was not signed yet has no fingerprint."""
    name = quote(CERTIFICATE)
    yield f":if ([:len [/certificate/find where name={name}]] = 0) do={{"
    yield f'/certificate/add name={name} common-name={name} key-size="prime256v1" days-valid="3650"'
    yield "}"
    get = f"[:tostr [/certificate/get [/certificate/find where name={name}] fingerprint]]"
    yield ':local fingerprint ""'
    yield f":do {{ :set fingerprint {get} }} on-error={{}}"
    yield ":if ([:len $fingerprint] = 0) do={"
    yield f"/certificate/sign {name}"
    yield f":do {{ :set fingerprint {get} }} on-error={{}}"
    yield "}"


def _trust(ca: str) -> Iterator[str]:
    """Import the controller's own CA, under a name that changes with it."""
    if not ca:
        return
    name = f"hotspot-ca-{hashlib.sha256(ca.encode()).hexdigest()[:8]}"
    file = quote(f"{name}.pem")
    yield f":if ([:len [/certificate/find where name={quote(name)}]] = 0) do={{"
    yield f"/file/remove [/file/find where name={file}]"
    yield f"/file/add name={file} contents={quote(ca)}"
    yield ':delay "2s"'
    yield f'/certificate/import file-name={file} name={quote(name)} passphrase=""'
    yield f"/file/remove [/file/find where name={file}]"
    yield "}"


def _call(bootstrap: Bootstrap) -> Iterator[str]:
    """Compose the JSON, send it, and leave unless the answer leads on."""
    pieces = [f'{{"token":"{bootstrap.token}","serial":"', "$serial"]
    for name, variable in (
        ("model", "model"),
        ("version", "version"),
        ("licence", "licence"),
        ("wireguard_key", "key"),
        ("fingerprint", "fingerprint"),
    ):
        pieces += [f'","{name}":"', f"${variable}"]
    pieces += ['","packages":[', "$packages", '],"device_mode":{', "$features", "}}"]
    body = " . ".join(piece if piece.startswith("$") else quote(piece) for piece in pieces)
    yield f":local body ({body})"
    yield ':local text ""'
    yield (
        f":do {{ :set text ([/tool/fetch url={quote(bootstrap.contact_url)} "
        f'http-method="post" http-header-field={quote("Content-Type: application/json")} http-data=$body '
        f'check-certificate="yes" output="user" as-value]->"data") }} on-error={{'
    )
    yield from _give_up(
        "the controller can't be reached safely. Look at the way to the internet, at DNS, at the clock, and at the controller's"
        " certificate. Here it is ",
        "[:tostr [/system/clock/get date]]",
        quote(" "),
        "[:tostr [/system/clock/get time]]",
    )
    yield "}"
    yield ":local answer [:deserialize from=json value=$text]"
    yield ':if (($answer->"next") != "tunnel") do={'
    yield from _give_up("", '($answer->"say")')
    yield "}"
    yield ':local controller (($answer->"controller") . "/32")'


def _find_or_make(menu: str, where: str, variable: str, fields: str, *, only_new: str = "") -> Iterator[str]:
    yield f":local {variable} [{menu}/find where {where}]"
    yield f":if ([:len ${variable}] = 0) do={{ {menu}/add {only_new}{fields} }} else={{ {menu}/set ${variable} {fields} }}"


def _login() -> Iterator[str]:
    """Let the controller in through the tunnel: a user that the hand-over removes, and api-ssl for the controller alone."""
    fields = f'group="full" password=($answer->"password") address=$controller comment={quote("hotspot:bootstrap")}'
    name = f"name={quote(BOOTSTRAP)}"
    yield from _find_or_make("/user", name, "users", fields, only_new=f"{name} ")
    yield f'/ip/service/set "api-ssl" disabled="no" address=$controller certificate={quote(CERTIFICATE)}'


def _firewall() -> Iterator[str]:
    """Accept the controller before whatever the box's firewall says."""
    comment = quote("hotspot:api")
    rule = (
        f'/ip/firewall/filter/add chain="input" action="accept" protocol="tcp" dst-port={quote(str(API_SSL_PORT))} '
        f"src-address=$controller in-interface={quote(INTERFACE)} comment={comment}"
    )
    yield f":if ([:len [/ip/firewall/filter/find where comment={comment}]] = 0) do={{"
    yield ':local rules [/ip/firewall/filter/find where chain="input" !dynamic]'
    yield f":if ([:len $rules] = 0) do={{ {rule} }} else={{ {rule} place-before=($rules->0) }}"
    yield "}"


def _tunnel(radius_servers: Sequence[IPv4Address]) -> Iterator[str]:
    """The peer, our address, and the routes to the controller and to further RADIUS servers."""
    further = "".join(f",{address}/32" for address in radius_servers)
    allowed = f"($controller . {quote(further)})" if further else "$controller"
    interface = f"interface={quote(INTERFACE)}"
    peer = (
        f'{interface} public-key=($answer->"public_key") endpoint-address=($answer->"endpoint_host") '
        f'endpoint-port=($answer->"endpoint_port") allowed-address={allowed} persistent-keepalive={quote(KEEP_ALIVE)}'
    )
    to_controller, tunnel = f"comment={quote('hotspot:controller')}", f"comment={quote(TUNNEL_MARK)}"
    made = (
        ("/interface/wireguard/peers", to_controller, "peers", peer),
        ("/ip/address", tunnel, "addresses", f'{interface} address=(($answer->"address") . "/32")'),
        ("/ip/route", to_controller, "routes", f"dst-address=$controller gateway={quote(INTERFACE)}"),
    )
    for menu, comment, variable, fields in made:
        yield from _find_or_make(menu, comment, variable, fields, only_new=f"{comment} ")
    for number, address in enumerate(radius_servers, 2):
        comment = f"comment={quote(f'hotspot:radius-{number}')}"
        fields = f"dst-address={quote(f'{address}/32')} gateway={quote(INTERFACE)}"
        yield from _find_or_make("/ip/route", comment, f"radius{number}", fields, only_new=f"{comment} ")


def _farewell() -> Sequence[str]:
    stop = f"/system/scheduler/remove [/system/scheduler/find where name={quote(SCHEDULE)}]"
    return [stop, *_tell("the tunnel is set up as ", '($answer->"address")', quote(". The controller takes over now."))]


def _safe_defaults() -> Iterator[str]:
    """An address by DHCP on the first port, the time, and nothing open but Winbox from inside; what is there already stays."""
    uplink = quote("ether1")
    yield ':for i from=1 to=30 do={ :if ([:len [/interface/find]] < 2) do={ :delay "1s" } }'
    yield f":if ([:len [/ip/dhcp-client/find where interface={uplink}]] = 0) do={{"
    yield f':do {{ /ip/dhcp-client/add interface={uplink} disabled="no" comment={quote("hotspot:uplink")} }} on-error={{}}'
    yield "}"
    yield f'/system/ntp/client/set enabled="yes" servers={quote(NTP_SERVER)}'
    for name in UNSAFE_SERVICES:
        yield f'/ip/service/set {quote(name)} disabled="yes"'
    yield ":if ([:len [/ip/firewall/filter/find where !dynamic]] = 0) do={"
    add, mark = '/ip/firewall/filter/add chain="input"', f"comment={quote('hotspot:first-boot')}"
    yield f'{add} action="accept" connection-state="established,related" {mark}'
    yield f'{add} action="drop" in-interface={uplink} {mark}'
    yield "}"
