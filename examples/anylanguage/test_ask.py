"""Tests ask.py against a reference server, which this starts and stops:

    python3 -m unittest test_ask

clawhq-server has to be in PATH, or at $CLAWHQ_SERVER. Each test has a sandbox,
a server of its own behind the same port, so all run at once. Nobody waits: time
passes by the sandbox's clock.
"""

import atexit
import concurrent.futures
import json
import os
import subprocess
import tempfile
import time
import unittest

import requests

from ask import Gone, ask


class API:
    """The control API of a server or of a sandbox, and what is known of it."""

    def __init__(self, about, certificate):
        self.about = about
        self.certificate = certificate

    def control(self, method, path, body=None):
        response = requests.request(
            method,
            self.about["control_url"] + path,
            headers={"Authorization": "Bearer " + self.about["control_token"]},
            json=body,
            verify=self.certificate,
        )
        if not response.ok:
            raise RuntimeError(response.json()["error"])
        return response.json()


class Server(API):
    """A reference server on a free port, until the tests end."""

    def __init__(self, *flags):
        dir = tempfile.TemporaryDirectory()
        ready = os.path.join(dir.name, "ready.json")
        process = subprocess.Popen(
            [os.environ.get("CLAWHQ_SERVER", "clawhq-server"), "-addr", "127.0.0.1:0", "-ready-file", ready,
             "-cert-out", os.path.join(dir.name, "server.pem"), "-log", "off", *flags],
            stdout=subprocess.DEVNULL,
        )
        atexit.register(dir.cleanup)
        atexit.register(process.wait)
        atexit.register(process.terminate)
        while not os.path.exists(ready):
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}")
            time.sleep(0.01)
        with open(ready) as file:
            about = json.load(file)
        super().__init__(about, about["certificate"])


server = Server("-rpm", "30")


class TestAsk(unittest.TestCase):
    def setUp(self):
        self.sandbox = API(server.control("POST", "/sandboxes", {
            "agents": [{"slug": "support-bot", "replies": [{"chunks": ["We are open ", "from 9 to 5."]}]}],
        }), server.certificate)
        self.addCleanup(server.control, "DELETE", "/sandboxes/" + self.sandbox.about["id"])
        self.slept = []

    def sleep(self, seconds):
        """Stands in for time.sleep."""
        self.slept.append(seconds)
        self.sandbox.control("POST", "/clock", {"advance": f"{seconds}s"})

    def ask(self):
        about = self.sandbox.about
        return ask(about["base_url"], about["api_key"], "When are you open?", verify=server.certificate, sleep=self.sleep)

    def fault(self, fault, times=1):
        self.sandbox.control("POST", "/faults", {"fault": fault, "path": "/v1/chat", "times": times})

    def check(self, *statuses, slept=()):
        """Checks the answer, and what was sent for it."""
        self.assertEqual(self.ask(), "We are open from 9 to 5.")
        self.check_sent(*statuses)
        self.assertEqual(self.slept, list(slept))

    def check_sent(self, *statuses):
        sent = self.sandbox.control("GET", "/requests?path=/v1/chat")["requests"]
        self.assertEqual([r["status"] for r in sent], list(statuses))
        return sent

    def test_answers(self):
        self.assertEqual(self.ask(), "We are open from 9 to 5.")
        [sent] = self.check_sent(200)
        self.assertEqual(json.loads(sent["body"]), {"message": "When are you open?", "stream": True})
        self.assertTrue(sent["reply"].endswith("data: [DONE]\n\n"))

    def test_heeds_retry_after(self):
        self.fault("429:7")
        self.check(429, 200, slept=[7])

    def test_heeds_it_twice(self):
        self.fault("429:7", times=2)
        self.check(429, 429, 200, slept=[7, 7])

    def test_waits_for_the_rate_limit(self):
        for _ in range(31):  # one more than the key may in a minute
            self.ask()
        self.assertEqual(len(self.slept), 1)  # a minute, or as much as is left of it
        self.check_sent(*[200] * 30, 429, 200)

    def test_asks_again_when_the_stream_is_cut(self):
        self.fault("cut:1")
        self.check(200, 200, slept=[1])

    def test_asks_again_after_an_error_in_the_stream(self):
        self.fault("error:stream_error:1")
        self.check(200, 200, slept=[1])

    def test_asks_again_when_an_event_is_no_json(self):
        self.fault("malformed:1")
        self.check(200, 200, slept=[1])

    def test_asks_again_when_the_connection_is_reset(self):
        self.fault("reset")
        self.check(0, 200, slept=[1])

    def test_gives_up(self):
        self.fault("error:model_timeout:0", times=0)
        with self.assertRaisesRegex(Gone, "no answer in 4 attempts: model_timeout"):
            self.ask()
        self.check_sent(200, 200, 200, 200)

    def test_does_not_repeat_what_is_refused(self):
        self.sandbox.control("DELETE", "/keys/" + self.sandbox.about["keys"][0]["id"])
        with self.assertRaises(requests.exceptions.HTTPError):
            self.ask()
        self.check_sent(401)


class Parallel(unittest.TestSuite):
    """Runs its tests at once. (pytest does so with pytest-xdist.)"""

    def run(self, result, debug=False):
        def run(test):
            own = unittest.TestResult()
            test(own)
            return own

        tests = [test for suite in self for test in suite]
        with concurrent.futures.ThreadPoolExecutor(max(len(tests), 1)) as pool:
            for own in pool.map(run, tests):
                result.testsRun += own.testsRun
                result.failures += own.failures
                result.errors += own.errors
        return result


def load_tests(loader, tests, pattern):
    return Parallel(tests)


if __name__ == "__main__":
    unittest.main()
