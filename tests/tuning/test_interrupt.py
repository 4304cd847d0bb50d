"""Ctrl-C ends a search, wherever Python was when it came."""

import os
import signal
import threading

import pytest

from tests.tuning import toy
from tests.tuning.simulated import without_collecting_garbage
from tfrs_ext import tuning
from tfrs_ext._keras import keras


class Finalizer:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # Signals are handled between two steps of Python: within here.
            pass


class PressesCtrlC(keras.callbacks.Callback):
    """Presses Ctrl-C while Python finalizes an object, where it drops all exceptions."""

    batches = 0

    def on_train_batch_begin(self, batch, logs=None):
        PressesCtrlC.batches += 1
        if PressesCtrlC.batches == 2:
            Finalizer()


def search(folder, callbacks):
    data = toy.interactions()
    objective = tuning.Objective(toy.OBJECTIVE, "max")
    tuner = tuning.RandomSearch(toy.build, objective, max_trials=2, seed=5, directory=folder)
    callbacks = [toy.Evaluation(data), *callbacks]
    return tuning.search(tuner, data, epochs=2, callbacks=callbacks, print_fn=lambda line: None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_is_not_lost_in_a_finalizer_and_the_search_resumes(tmp_path, monkeypatch):
    without_collecting_garbage(monkeypatch)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, [PressesCtrlC()])
    assert PressesCtrlC.batches == 2
    assert signal.getsignal(signal.SIGINT) is before
    assert [row["status"] for row in search(tmp_path, []).trials] == ["COMPLETED"] * 2


def test_a_search_outside_of_the_main_thread_leaves_signals_alone(tmp_path, monkeypatch):
    without_collecting_garbage(monkeypatch)
    found = []
    thread = threading.Thread(target=lambda: found.append(search(tmp_path, [])))
    thread.start()
    thread.join()
    assert len(found[0].trials) == 2


def test_a_handler_of_the_programs_own_stays(tmp_path, monkeypatch):
    without_collecting_garbage(monkeypatch)
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        search(tmp_path, [Looks()])
    finally:
        signal.signal(signal.SIGINT, before)
    assert set(seen) == {signal.SIG_IGN}
