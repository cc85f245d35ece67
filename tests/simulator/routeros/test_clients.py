"""Independent clients do their usual work against the simulated router, over real sockets."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import librouteros
import pytest
import routeros_api
from librouteros.exceptions import TrapError
from librouteros.query import Key
from routeros_api.exceptions import RouterOsApiCommunicationError

from hotspot.simulator.routeros.server import ApiServer
from tests.simulator.routeros.scene import Box

NODE_ROUTEROS = "node-routeros@1.6.9"
NODE = """
const { RouterOSAPI } = require("node-routeros");
(async () => {
  const api = new RouterOSAPI({ host: process.argv[1], port: Number(process.argv[2]), user: "admin", password: "secret" });
  await api.connect();
  const added = await api.write("/ip/pool/add", ["=name=hs", "=ranges=10.5.50.2-10.5.50.254"]);
  await api.write("/ip/pool/set", ["=.id=" + added[0].ret, "=comment=ours"]);
  const found = await api.write("/ip/pool/print", ["?name=hs"]);
  let trap = "";
  try { await api.write("/ip/pool/add", ["=name=hs", "=ranges=10.0.0.1"]); } catch (error) { trap = error.message; }
  await api.write("/ip/pool/remove", ["=.id=" + added[0].ret]);
  await api.close();
  console.log(JSON.stringify({ comment: found[0].comment, trap }));
})().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A router at work in a thread of its own, with a certificate for api-ssl."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    box = Box(password="secret", version="7.17.1")  # RouterOS-api and node-routeros know no !empty
    box.do("/certificate/add", name="api", common_name="router", key_size="prime256v1")
    box.do("/certificate/sign", numbers="api")
    box.do("/ip/service/set", numbers="api-ssl", certificate="api")
    server = ApiServer(box.router, heartbeat=False)
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize("service", ["api", "api-ssl"])
def test_librouteros_does_its_usual_work(server: ApiServer, service: str) -> None:
    host, port = server.endpoint(service)
    wrapper = {"ssl_wrapper": unverified().wrap_socket} if service == "api-ssl" else {}
    api = librouteros.connect(host=host, port=port, username="admin", password="secret", **wrapper)
    pools = api.path("/ip/pool")

    number = pools.add(name="hs", ranges="10.5.50.2-10.5.50.254")
    pools.update(**{".id": number, "comment": "ours"})
    name, comment = Key("name"), Key("comment")
    assert [row["comment"] for row in pools.select(name, comment).where(name == "hs")] == ["ours"]
    with pytest.raises(TrapError, match="no such item"):
        pools.remove("*99")
    pools.remove(number)
    assert list(pools) == []
    api.close()


def test_librouteros_is_refused_with_the_wrong_password(server: ApiServer) -> None:
    host, port = server.endpoint()

    with pytest.raises(TrapError, match="invalid user name or password"):
        librouteros.connect(host=host, port=port, username="admin", password="guess")


def test_librouteros_async_does_its_usual_work(server: ApiServer) -> None:
    host, port = server.endpoint()

    async def work() -> list[str]:
        api = await librouteros.async_connect(host=host, port=port, username="admin", password="secret")
        pools = api.path("/ip/pool")
        number = await pools.add(name="hs", ranges="10.5.50.2-10.5.50.254")
        await pools.update(**{".id": number, "comment": "ours"})
        comments = [row["comment"] async for row in pools]
        with pytest.raises(TrapError, match="already"):
            await api.path("/interface/bridge").add(name="ether1")
        await pools.remove(number)
        await api.close()
        return comments

    assert asyncio.run(work()) == ["ours"]


def test_routeros_api_does_its_usual_work(server: ApiServer) -> None:
    host, port = server.endpoint()
    pool = routeros_api.RouterOsApiPool(host, port=port, username="admin", password="secret", plaintext_login=True)
    pools = pool.get_api().get_resource("/ip/pool")

    pools.add(name="hs", ranges="10.5.50.2-10.5.50.254")
    (row,) = pools.get(name="hs")
    pools.set(id=row["id"], comment="ours")
    assert pools.get(name="hs")[0]["comment"] == "ours"
    with pytest.raises(RouterOsApiCommunicationError, match="no such item"):
        pools.remove(id="*99")
    pools.remove(id=row["id"])
    assert pools.get() == []
    pool.disconnect()


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("node-routeros")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), NODE_ROUTEROS]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip(f"{NODE_ROUTEROS} can not be fetched here")
    return folder


def test_node_routeros_does_its_usual_work(server: ApiServer, node_modules: Path) -> None:
    host, port = server.endpoint()
    command = ["node", "-e", NODE, host, str(port)]

    done = subprocess.run(command, cwd=node_modules, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["comment"] == "ours"
    assert "pool with such name exists" in answer["trap"]
