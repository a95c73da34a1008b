"""Signs in to an MCP server with the client of the MCP SDK for Python, calls a tool, and calls it again an hour later.

It prints the address to sign in at, and waits for the browser on a port of its own.
"""

import asyncio
import sys
import time
from urllib.parse import parse_qs, urlsplit

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from mcp.shared.auth import OAuthClientMetadata

url, port = sys.argv[1], int(sys.argv[2])


class Memory(TokenStorage):
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


answer = asyncio.Queue()


async def take(reader, writer):
    target = (await reader.readline()).decode().split()[1]
    while (await reader.readline()).strip():
        pass
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    writer.close()
    query = parse_qs(urlsplit(target).query)
    await answer.put((query["code"][0], query["state"][0]))


async def show(address):
    print(address, flush=True)


async def call(auth, word):
    async with create_mcp_http_client(auth=auth) as http:
        async with streamable_http_client(url, http_client=http) as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                tools = (await session.list_tools()).tools
                result = await session.call_tool("echo", {"message": word})
                print(f"{len(tools)} tools, {result.content[0].text}", flush=True)


async def main():
    await asyncio.start_server(take, "127.0.0.1", port)
    metadata = OAuthClientMetadata(
        client_name="MCP SDK for Python",
        redirect_uris=[f"http://127.0.0.1:{port}/callback"],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
    )
    auth = OAuthClientProvider(url, metadata, Memory(), redirect_handler=show, callback_handler=answer.get)
    await call(auth, "first")
    print("an hour later", flush=True)
    # The test moves its clock by as much, then says so.
    await asyncio.to_thread(sys.stdin.readline)
    now = time.time
    time.time = lambda: now() + 3601
    await call(auth, "second")


asyncio.run(main())
