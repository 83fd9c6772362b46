"""The queue: each key by one worker at a time, failures with back-off, nothing lost."""

import asyncio
import contextlib
import itertools
import logging

import pytest

from apphealth.controller.queue import Backoff, WorkQueue

QUICK = Backoff(first=0.01, longest=0.08)


class Work:
    """Notes what was worked on; what it returns or raises comes from a list by key."""

    def __init__(self, answers=None, takes=0.0):
        self.answers = answers or {}
        self.takes = takes
        self.done = []
        self.running = set()
        self.most_at_once = 0

    async def __call__(self, key):
        assert key not in self.running, "two workers on one key"
        self.running.add(key)
        self.most_at_once = max(self.most_at_once, len(self.running))
        try:
            await asyncio.sleep(self.takes)
            self.done.append(key)
            answers = self.answers.get(key)
            answer = answers.pop(0) if answers else None
            if isinstance(answer, BaseException):
                raise answer
            return answer
        finally:
            self.running.discard(key)


async def until(condition):
    """Wait until something is so; the test's own time limit is what ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - the work says nothing of its own accord
        await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def working(queue):
    task = asyncio.create_task(queue.run())
    queue.resume()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_key_added_many_times_is_worked_on_once():
    work = Work()
    queue = WorkQueue(work)
    for _ in range(5):
        queue.add("a")
    async with working(queue):
        await queue.drained()
    assert work.done == ["a"]


async def test_a_key_added_while_it_is_worked_on_is_worked_on_again_afterwards():
    work = Work(takes=0.02)
    queue = WorkQueue(work)
    async with working(queue):
        queue.add("a")
        await until(lambda: work.running)
        queue.add("a")
        queue.add("a")
        await queue.drained()
    assert work.done == ["a", "a"]


async def test_keys_are_taken_in_the_order_they_came():
    work = Work()
    queue = WorkQueue(work, workers=1)
    queue.add_all("cab")
    async with working(queue):
        await queue.drained()
    assert work.done == ["c", "a", "b"]


@pytest.mark.parametrize("workers", [1, 3, 8])
async def test_there_are_never_more_workers_than_asked_for(workers):
    work = Work(takes=0.005)
    queue = WorkQueue(work, workers=workers)
    queue.add_all(range(30))
    async with working(queue):
        await queue.drained()
    assert work.most_at_once == workers
    assert sorted(work.done) == list(range(30))


async def test_a_paused_queue_takes_nothing_and_forgets_nothing():
    work = Work()
    queue = WorkQueue(work)
    async with working(queue):
        queue.pause()
        queue.add("a")
        await asyncio.sleep(0.02)
        assert work.done == []
        queue.resume()
        await queue.drained()
    assert work.done == ["a"]


async def test_failures_are_tried_again_later_and_later():
    loop = asyncio.get_running_loop()
    times = []
    enough = asyncio.Event()

    async def fail_thrice(key):
        times.append(loop.time())
        if len(times) < 4:
            raise OSError("no")
        enough.set()

    queue = WorkQueue(fail_thrice, backoff=Backoff(first=0.02, longest=1), expected=(OSError,))
    async with working(queue):
        queue.add("a")
        await enough.wait()
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert [wait >= least for wait, least in zip(waits, (0.02, 0.04, 0.08), strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 0.5), (2, 1), (3, 2), (8, 64), (9, 120), (10_000, 120)],
)
def test_the_back_off_doubles_up_to_a_limit(failures, seconds):
    assert Backoff(first=0.5, longest=120).after(failures) == seconds


async def test_adding_a_key_ends_its_wait():
    work = Work({"a": [3600.0]})
    queue = WorkQueue(work)
    async with working(queue):
        queue.add("a")
        await queue.drained()
        queue.add("a")
        await queue.drained()
    assert work.done == ["a", "a"]


async def test_a_wait_asked_for_is_kept():
    work = Work({"a": [0.05]})
    queue = WorkQueue(work)
    async with working(queue):
        queue.add("a")
        await queue.drained()
        assert work.done == ["a"]
        await until(lambda: len(work.done) > 1)
    assert work.done == ["a", "a"]


async def test_of_two_times_the_earlier_counts():
    work = Work()
    queue = WorkQueue(work)
    async with working(queue):
        queue.add("a", after=3600)
        queue.add("a", after=0.01)
        queue.add("a", after=7200)
        queue.add("b", after=0.02)
        await until(lambda: len(work.done) > 1)
    assert work.done == ["a", "b"]


async def test_a_key_that_waits_is_not_busy():
    queue = WorkQueue(Work())
    queue.add("now")
    queue.add("later", after=3600)
    assert queue.busy("now")
    assert not queue.busy("later")


async def test_one_that_fails_keeps_nobody_else_from_being_worked_on(caplog):
    work = Work({"bad": [ValueError("a bug")]})
    queue = WorkQueue(work, workers=1, backoff=QUICK)
    queue.add_all(["bad", "good"])
    async with working(queue):
        await until(lambda: len(work.done) > 2)
    assert work.done == ["bad", "good", "bad"]
    assert "a bug" in caplog.text


async def test_an_expected_failure_is_one_line(caplog):
    work = Work({"a": [OSError("the server is away")]})
    queue = WorkQueue(work, backoff=QUICK, expected=(OSError,))
    queue.add("a")
    with caplog.at_level(logging.INFO):
        async with working(queue):
            await queue.drained()
    assert [record.getMessage() for record in caplog.records] == ["a: the server is away; again in 0.01 s"]
    assert caplog.records[0].exc_info is None


async def test_a_worker_survives_a_cancellation_that_is_not_its_own():
    """Whatever else runs in the loop may cancel a request of ours; only cancelling the worker itself ends it."""
    work = Work({"a": [asyncio.CancelledError()]})
    queue = WorkQueue(work, workers=1, backoff=QUICK)
    queue.add("a")
    async with working(queue):
        await until(lambda: len(work.done) > 1)
    assert work.done == ["a", "a"]


async def test_what_is_under_way_can_be_waited_for():
    work = Work(takes=0.03)
    queue = WorkQueue(work, workers=1)
    async with working(queue):
        queue.add_all("ab")
        await until(lambda: work.running)
        queue.pause()
        await queue.quiet()
    assert work.done == ["a"]


async def test_interrupted_work_is_cancelled_and_done_again_after_a_resume():
    work = Work(takes=0.05)
    queue = WorkQueue(work, workers=2, backoff=QUICK)
    async with working(queue):
        queue.add_all(["a", "b", "c"])
        await until(lambda: len(work.running) == 2)
        queue.interrupt()
        await queue.quiet()
        assert work.done == []
        await asyncio.sleep(0.1)
        assert work.done == [], "it is paused, too"
        queue.resume()
        await queue.drained()
    assert sorted(work.done) == ["a", "b", "c"]


async def test_interrupted_work_does_not_look_drained():
    work = Work(takes=0.05)
    queue = WorkQueue(work, workers=1, backoff=QUICK)
    async with working(queue):
        queue.add("a")
        await until(lambda: work.running)
        drained = asyncio.create_task(queue.drained())
        queue.interrupt()
        await asyncio.sleep(0.02)
        assert not drained.done()
        drained.cancel()


async def test_keys_that_need_no_io_leave_the_event_loop_to_others():
    """Measured before: 4,000 settled keys kept the loop for 2.8 s while other workers waited for answers."""
    turns = []

    async def work(key):
        if key < 7:
            await asyncio.sleep(60)
        turns.append(key)

    async def others():
        while True:
            turns.append("other")
            await asyncio.sleep(0)

    queue = WorkQueue(work)
    async with working(queue):
        queue.add_all(range(207))
        await asyncio.sleep(0)
        beside = asyncio.create_task(others())
        await until(lambda: 206 in turns)
        beside.cancel()
    assert turns.count("other") > 150
