"""Tests ask.py against a reference server, which this starts and stops:

    python3 -m unittest test_ask

clawhq-server has to be in PATH, or at $CLAWHQ_SERVER. Nobody waits: time
passes by the server's clock.
"""

import json
import os
import subprocess
import tempfile
import time
import unittest

import requests

from ask import ask


class Server:
    """A reference server on a free port, until stop."""

    def __init__(self, *flags):
        self.dir = tempfile.TemporaryDirectory()
        ready = os.path.join(self.dir.name, "ready.json")
        self.process = subprocess.Popen(
            [os.environ.get("CLAWHQ_SERVER", "clawhq-server"), "-addr", "127.0.0.1:0", "-json", "-ready-file", ready,
             "-cert-out", os.path.join(self.dir.name, "server.pem"), *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        while not os.path.exists(ready):
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            time.sleep(0.01)
        with open(ready) as file:
            self.about = json.load(file)

    def control(self, method, path, body=None):
        response = requests.request(
            method,
            self.about["control_url"] + path,
            headers={"Authorization": "Bearer " + self.about["control_token"]},
            json=body,
            verify=self.about["certificate"],
        )
        if not response.ok:
            raise RuntimeError(response.json()["error"])
        return response.json()

    def advance(self, seconds):
        """Stands in for time.sleep."""
        self.control("POST", "/clock", {"advance": f"{seconds}s"})

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.dir.cleanup()


class TestAsk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("-rpm", "30")
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.server.control("POST", "/reset")
        self.server.control("POST", "/agents", {"slug": "support-bot", "replies": [{"chunks": ["We are open ", "from 9 to 5."]}]})
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.server.advance(seconds)

    def ask(self, message):
        about = self.server.about
        return ask(about["base_url"], about["api_key"], message, verify=about["certificate"], sleep=self.sleep)

    def chats(self):
        return [r["status"] for r in self.server.control("GET", "/requests?path=/v1/chat")["requests"]]

    def test_heeds_retry_after(self):
        self.server.control("POST", "/faults", {"fault": "429:7", "path": "/v1/chat"})
        self.assertEqual(self.ask("When are you open?"), "We are open from 9 to 5.")
        self.assertEqual(self.slept, [7])
        self.assertEqual(self.chats(), [429, 200])

    def test_waits_for_the_rate_limit(self):
        for i in range(31):  # one more than the key may in a minute
            self.ask(f"question {i}")
        self.assertEqual(len(self.slept), 1)  # a minute, or as much as is left of it
        self.assertEqual(self.chats(), [200] * 30 + [429, 200])

    def test_asks_again_when_the_stream_is_cut(self):
        self.server.control("POST", "/faults", {"fault": "cut:1", "path": "/v1/chat"})
        self.assertEqual(self.ask("When are you open?"), "We are open from 9 to 5.")
        sent = self.server.control("GET", "/requests/wait?path=/v1/chat&count=2")["requests"]
        self.assertEqual(sent[0]["fault"], 'FaultStreamCut(1).On(Path("/v1/chat"))')
        self.assertEqual(json.loads(sent[1]["body"]), {"message": "When are you open?", "stream": True})


if __name__ == "__main__":
    unittest.main()
