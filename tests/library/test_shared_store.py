"""The document that workers share: no word is lost, and no process that dies holds the others up."""

import os
import signal
import time

import pytest

from flask_management_endpoints.outofband import shared as module
from flask_management_endpoints.outofband.shared import SharedStore
from flask_management_endpoints.state import AppState, forget, speakers

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def fork(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def say(store, app, **words):
    store.change(lambda records: records.setdefault(app, {}).update(words))


def test_what_many_processes_say_at_once_is_all_there():
    store = SharedStore()

    def work(number):
        for turn in range(20):
            say(store, f"app{number}", **{f"word{turn}": True})

    for pid in [fork(lambda number=number: work(number)) for number in range(6)]:
        os.waitpid(pid, 0)
    assert {app: len(record) for app, record in store.read().items()} == {f"app{number}": 20 for number in range(6)}


def test_a_process_that_dies_with_the_lock_holds_nobody_up():
    store = SharedStore()
    say(store, "shop", started=True)

    def work():
        with store.exclusively():
            os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(fork(work), 0)
    started = time.monotonic()
    say(store, "shop", passed=True)
    assert (store.read(), time.monotonic() - started < 5) == ({"shop": {"started": True, "passed": True}}, True)


def test_a_process_that_dies_in_the_middle_of_writing_leaves_the_last_words_readable():
    store = SharedStore()
    say(store, "shop", started=True)
    assert store.read() == {"shop": {"started": True}}
    module._HEAD.pack_into(store._memory, 0, 7, 3)
    store._memory[module._HEAD.size : module._HEAD.size + 3] = b'{"s'
    assert store.read() == {"shop": {"started": True}}
    say(store, "shop", passed=True)
    assert store.read() == {"shop": {"started": True, "passed": True}}


def test_what_does_not_fit_is_told_and_changes_nothing(caplog):
    store = SharedStore()
    say(store, "shop", started=True)
    say(store, "x" * module.SIZE, started=True)
    assert store.read() == {"shop": {"started": True}}
    assert "the last change isn't shared" in caplog.text


def test_what_a_process_said_can_be_forgotten_and_what_has_started_stays():
    records = {"shop": {"started": True, "broken": {"1": "it", "2": "it"}, "refused": {"1": "it"}}}
    assert speakers(records) == {"1", "2"}
    forget(records, "1".__eq__)
    assert records == {"shop": {"started": True, "broken": {"2": "it"}, "refused": {}}}


@pytest.mark.parametrize("reason", ["it", "", "x" * 1000])
def test_a_reason_is_given_and_taken_back(reason):
    state = AppState("shop/z")
    state.set_broken(reason)
    assert state.broken == reason[:300]
    state.set_broken(None)
    assert state.broken is None
