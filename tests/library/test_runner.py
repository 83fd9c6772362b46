"""The runner by itself: sharing, deadlines, thresholds, bounded threads."""

import threading
import time

import pytest

from flask_management_endpoints.checks.definition import Policy
from flask_management_endpoints.checks.outcome import Result, Status
from flask_management_endpoints.execution.runner import Job, Runner

UP, DOWN = Result(Status.UP), Result(Status.DOWN, "no")
FOREVER = float("inf")


def ask(runner, job, until=FOREVER):
    return runner.collect(runner.start(job), until)


def test_jobs_run_at_the_same_time():
    runner, barrier = Runner(), threading.Barrier(10)

    def run(_until):
        barrier.wait(5)
        return UP

    tickets = [runner.start(Job(number, run, 5)) for number in range(10)]
    assert all(runner.collect(ticket, FOREVER).status is Status.UP for ticket in tickets)


def test_whoever_asks_meanwhile_shares_the_run():
    runner, gate, calls = Runner(), threading.Event(), []

    def run(_until):
        calls.append(1)
        gate.wait(5)
        return UP

    job = Job("it", run, 5)
    tickets = [runner.start(job) for _ in range(20)]
    gate.set()
    assert {runner.collect(ticket, FOREVER).status for ticket in tickets} == {Status.UP}
    assert len(calls) == 1
    ask(runner, job)
    assert len(calls) == 2


def test_a_hung_job_is_down_when_its_time_is_over_and_costs_one_thread():
    runner, gate = Runner(), threading.Event()
    job = Job("hung", lambda _until: gate.wait(30) and UP, 0.1)
    started = time.monotonic()
    first = ask(runner, job)
    assert 0.09 < time.monotonic() - started < 30
    assert (first.status, first.reason) == (Status.DOWN, "no answer within 0.1 s")
    for _ in range(200):
        assert ask(runner, job).status is Status.DOWN
    assert runner.pool.threads == 1
    gate.set()


def test_many_hung_jobs_take_as_long_as_one_and_leave_the_others_alone():
    runner, gate = Runner(max_threads=128), threading.Event()
    tickets = [runner.start(Job(number, lambda _until: gate.wait(60) and UP, 0.2)) for number in range(100)]
    healthy = runner.start(Job("well", lambda _until: UP, 60))
    started = time.monotonic()
    assert runner.collect(healthy, FOREVER).status is Status.UP
    assert [runner.collect(ticket, FOREVER).status for ticket in tickets] == [Status.DOWN] * 100
    assert time.monotonic() - started < 15  # one after another it would be 20
    gate.set()


def test_the_overall_deadline_ends_the_waiting_but_not_the_run():
    runner, gate = Runner(), threading.Event()
    job = Job("slow", lambda _until: gate.wait(5) and UP, 5)
    result = ask(runner, job, time.monotonic() + 0.05)
    assert (result.status, result.reason) == (Status.DOWN, "no answer within the overall deadline")
    gate.set()
    assert ask(runner, job).status is Status.UP


def test_threads_are_bounded_and_what_gets_none_is_down_in_time():
    runner, gate = Runner(max_threads=2), threading.Event()
    tickets = [runner.start(Job(number, lambda _until: gate.wait(30) and UP, 0.1)) for number in range(6)]
    assert [runner.collect(ticket, FOREVER).status for ticket in tickets] == [Status.DOWN] * 6
    assert runner.pool.threads == 2
    gate.set()


def test_the_clock_of_a_job_starts_when_it_has_a_thread():
    runner = Runner(max_threads=2)  # the last one waits for 1.2 s
    tickets = [runner.start(Job(number, lambda _until: time.sleep(0.1) or UP, 1.0)) for number in range(24)]
    assert {runner.collect(ticket, FOREVER).status for ticket in tickets} == {Status.UP}


def test_what_gets_no_thread_is_told_so():
    runner, gate = Runner(max_threads=1), threading.Event()
    tickets = [runner.start(Job(number, lambda _until: gate.wait(30) and UP, 0.1)) for number in range(2)]
    reasons = [runner.collect(ticket, FOREVER).reason for ticket in tickets]
    assert reasons == ["no answer within 0.1 s", "no thread (max_threads) was free for 0.1 s"]
    gate.set()


def test_jobs_that_probes_wait_for_have_threads_of_their_own():
    runner, gate = Runner(max_threads=2), threading.Event()
    for number in range(8):
        runner.start(Job(number, lambda _until: gate.wait(60) and UP, 5))
    assert ask(runner, Job("db", lambda _until: UP, 5, for_probes=True)).status is Status.UP
    gate.set()


def test_idle_threads_are_used_again():
    runner = Runner()
    for number in range(50):
        assert ask(runner, Job(number % 3, lambda _until: UP, 1)).status is Status.UP
    assert runner.pool.threads <= 2


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), RecursionError()])
def test_whatever_a_job_raises_is_down(error):
    def run(_until):
        raise error

    result = ask(Runner(), Job("it", run, 1))
    assert (result.status, result.reason.split(":")[0]) == (Status.DOWN, type(error).__name__)


def test_an_answer_that_comes_too_late_is_no_success():
    runner = Runner()
    gate = threading.Event()
    job = Job("late", lambda _until: gate.wait(60) and UP, 0.05, Policy(cache_seconds=60))
    assert ask(runner, job).status is Status.DOWN
    gate.set()
    limit = time.monotonic() + 30
    while not (result := ask(runner, job)).reason.startswith("took "):
        assert (result.status, time.monotonic() < limit) == (Status.DOWN, True)
    assert result.status is Status.DOWN


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_an_answer_is_used_again_for_as_long_as_the_cache_says():
    clock, calls = Clock(), []
    runner, job = Runner(clock=clock), Job("it", lambda _until: calls.append(1) or UP, 5, Policy(cache_seconds=10))
    ask(runner, job)
    clock.now += 9.9
    ask(runner, job)
    assert len(calls) == 1
    clock.now += 0.2
    ask(runner, job)
    assert len(calls) == 2


def test_a_background_answer_grows_stale():
    clock = Clock()
    runner, job = Runner(clock=clock), Job("it", lambda _until: UP, 5, Policy(refresh_seconds=10))
    assert ask(runner, job).status is Status.UP
    clock.now += 29
    assert ask(runner, job).status is Status.UP
    clock.now += 2
    result = ask(runner, job)
    assert (result.status, result.status.http_status, result.reason) == (
        Status.UNKNOWN,
        503,
        "the last answer is 31 s old",
    )


@pytest.mark.parametrize(
    ("policy", "answers", "reported"),
    [
        pytest.param(Policy(), "UDUD", "UDUD", id="believed at once"),
        pytest.param(Policy(failure_threshold=3), "UDDUDDDDU", "UUUUUUDDU", id="three failures in a row"),
        pytest.param(Policy(success_threshold=2), "DUDUUU", "DDDDUU", id="two successes in a row"),
        pytest.param(Policy(failure_threshold=2, success_threshold=2), "UDDUDUUD", "UUDDDDUU", id="both"),
        pytest.param(Policy(failure_threshold=3), "DD", "DD", id="the first answer is believed"),
    ],
)
def test_thresholds(policy, answers, reported):
    runner, queue = Runner(), list(answers)
    job = Job("it", lambda _until: UP if queue.pop(0) == "U" else DOWN, 5, policy)
    assert "".join(ask(runner, job).status.value[0] for _ in answers) == reported


def test_a_hung_job_counts_as_one_failure_for_each_timeout_it_hangs():
    clock, gate, hangs = Clock(), threading.Event(), threading.Event()
    runner = Runner(clock=clock)
    answers = iter([UP])

    def run(_until):
        return next(answers, None) or (hangs.set() or (gate.wait(30) and UP))

    job = Job("it", run, 1.0, Policy(failure_threshold=3))
    assert ask(runner, job).status is Status.UP
    seen = []
    runner.start(job)
    assert hangs.wait(5)
    for _ in range(4):
        clock.now += 1.0
        seen.append([ask(runner, job).status.value for _ in range(5)])
    assert seen == [["UP"] * 5, ["UP"] * 5, ["DOWN"] * 5, ["DOWN"] * 5]
    gate.set()
