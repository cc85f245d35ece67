"""More people at once than there are threads and connections to the database."""

import asyncio

import httpx

from hotspot.app import create_app
from hotspot.db import Database
from hotspot.settings import Settings
from tests.portal.visit import Visit, handed

MANY = 80  # the server has 40 threads and 20 connections


def test_each_of_many_gets_their_page_soon(visit: Visit, settings: Settings, database: Database) -> None:
    """Once all threads waited for connections, which were held by requests that waited for a thread: to begin, or to explain a Stop."""
    transport = httpx.ASGITransport(create_app(settings, database, now=visit.clock))

    async def crowd() -> list[httpx.Response]:
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client,
            asyncio.timeout(20),
        ):
            asking = (client.get("/p/alun-alun/online", params=handed()) for _ in range(MANY))
            return await asyncio.gather(*asking)

    assert {answer.status_code for answer in asyncio.run(crowd())} == {404}
