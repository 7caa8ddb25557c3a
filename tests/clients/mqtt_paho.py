"""Runs paho's interoperability suites for MQTT 3.1.1 and 5, each test alone and for a minute at most.

Usage: mqtt_paho.py FOLDER PORT [NAME…], FOLDER being `interoperability` of eclipse-paho/paho.mqtt.testing.
"""

import importlib
import inspect
import logging
import subprocess
import sys
import unittest

SUITES = {"client_test": "", "client_test5": "client_test5/"}
TOPICS = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
WILD_TOPICS = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")


def load(suite, port):
    """The suite, with what it would set itself if it were the program."""
    module = importlib.import_module(suite)
    prefix = SUITES[suite]
    module.host, module.port, module.topic_prefix = "127.0.0.1", port, prefix
    module.topics = [prefix + topic for topic in TOPICS]
    module.wildtopics = [prefix + topic for topic in WILD_TOPICS]
    module.nosubscribe_topics = ("test/nosubscribe",)
    module.setData = lambda: None
    return module


def run_one(suite, port, name):
    """Runs one test in this process; a test that swallows its faults and answers False has failed too."""
    logging.getLogger().setLevel(logging.ERROR)
    module = load(suite, port)
    method = getattr(module.Test, name)

    def judged(self):
        assert method(self) is not False, "the test says that it failed"

    setattr(module.Test, name, judged)
    result = unittest.TextTestRunner().run(unittest.TestSuite([module.Test(name)]))
    return 0 if result.wasSuccessful() else 1


def run_all(folder, port, wanted):
    """Runs every test of both suites; answers how many failed."""
    failed = []
    for suite in SUITES:
        names = [name for name, _ in inspect.getmembers(importlib.import_module(suite).Test, inspect.isfunction)]
        names = [name for name in names if name.startswith("test") and (not wanted or name in wanted)]
        passed = 0
        for name in names:
            line = [sys.executable, __file__, folder, str(port), "--one", suite, name]
            try:
                ran = subprocess.run(line, timeout=60, capture_output=True, text=True)
                output, good = ran.stdout + ran.stderr, ran.returncode == 0
            except subprocess.TimeoutExpired as late:
                output, good = f"{late}", False
            passed += good
            print(f"{suite} {name}: {'passed' if good else 'FAILED'}", flush=True)
            if not good:
                failed.append(name)
                print(output)
        print(f"{suite}: {passed} of {len(names)} passed")
    return len(failed)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    if "--one" in sys.argv:
        sys.exit(run_one(sys.argv[4], int(sys.argv[2]), sys.argv[5]))
    sys.exit(1 if run_all(sys.argv[1], int(sys.argv[2]), sys.argv[3:]) else 0)
