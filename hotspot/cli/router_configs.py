"""Commands about router configs: what they can make us send to routers."""

from collections.abc import Callable
from typing import Final

from hotspot.cli.output import AsJson, print_rows, telling_errors
from hotspot.paths import shipped
from hotspot.routers.configs import load
from hotspot.routers.items import emitted


def list_emitted(as_json: AsJson = False) -> None:
    """List every menu and attribute that the router configs write, and since which RouterOS they exist."""
    with telling_errors():
        sent = emitted(load(shipped("router_configs")).items)
    if as_json:
        rows: list[dict[str, object]] = [
            {"menu": each.menu, "attributes": list(each.attributes), **({"since": each.since} if each.since else {})}
            for each in sent
        ]
    else:
        rows = [
            {"menu": each.menu, "attributes": ", ".join(each.attributes), "since": each.since or "the floor"}
            for each in sent
        ]
    print_rows(rows, as_json=as_json, title="What router configs write", empty="There are no router configs.")


COMMANDS: Final[dict[str, Callable[..., None]]] = {"emitted": list_emitted}
