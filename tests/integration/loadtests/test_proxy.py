import asyncio
from collections.abc import AsyncIterator

import pytest

from loadtests.chaos.proxy import Proxy, proxied


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Before a server that says back what it hears."""

    async def say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(1_000):
            writer.write(heard)
        writer.close()

    server = await asyncio.start_server(say_back, "127.0.0.1", 0)
    async with server, proxied("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


async def test_without_a_fault_it_is_not_there(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"salem")
    assert await reader.readexactly(5) == b"salem"
    writer.close()


async def test_what_a_black_hole_swallowed_never_comes(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.black_hole = True
    writer.write(b"salem")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(5), 0.1)
    proxy.restore()
    assert await reader.read() == b""
    writer.close()


async def test_a_cut_ends_open_connections_and_refuses_new_ones_until_restored(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"salem")
    await reader.readexactly(5)
    proxy.cut()
    assert await reader.read() == b""
    refused, unheard = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await refused.read() == b""
    unheard.close()
    proxy.restore()
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"salem")
    assert await reader.readexactly(5) == b"salem"
    writer.close()


async def test_what_trickles_and_is_late_arrives_whole(proxy: Proxy) -> None:
    proxy.delay_ms, proxy.trickle_bytes_per_second = 10, 1_000
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(bytes(range(100)))
    assert await reader.readexactly(100) == bytes(range(100))
    writer.close()
