"""One line when the API server can't be reached any more, and one when it answers again."""

import logging

import aiohttp
import pytest

from apphealth.controller.contact import Contact


@pytest.fixture
def clock():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def closed_port(unused_tcp_port):
    """Provide the address of a server that isn't there."""
    return f"http://127.0.0.1:{unused_tcp_port}"


async def test_an_outage_is_two_lines_however_often_it_is_tried(caplog, clock, closed_port):
    caplog.set_level(logging.INFO)
    contact = Contact(closed_port, clock)

    async def answers(_):
        return None

    async with aiohttp.ClientSession(middlewares=(contact,)) as session:
        for _ in range(5):
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(closed_port)
    clock.now = 20
    await contact(None, answers)
    await contact(None, answers)
    assert [record.getMessage() for record in caplog.records] == [
        f"no contact to the API server {closed_port}: Connection refused (trying again)",
        "the API server answers again, after 20 s",
    ]
