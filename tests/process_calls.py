"""Calls that a test makes in other processes, which import them from here."""

import os
import threading
import time

from bimodal.envs.errors import BimodalError


def count(to, report):
    for done in range(to):
        report(done + 1, to, 0.5 * done)
    return os.getpid()


def fail(report):
    report(3)
    raise BimodalError("no luck")


def die(report):
    os._exit(7)


def lock(report):
    return threading.Lock()


class Picky(Exception):
    def __init__(self, first, second):
        super().__init__(first)


def pick(report):
    raise Picky("a", "b")


def slow(report):
    report(1)
    time.sleep(0.3)
    report(2)


def say_who_and_wait(file, report):
    file.write_text(str(os.getpid()))
    time.sleep(10_000)
