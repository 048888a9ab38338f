"""What is tested: asks an agent, and tries again where that may help."""

import json
import time

import requests


class Gone(Exception):
    """The answer did not come, however often it was asked for."""


def ask(base_url, api_key, message, *, verify=True, attempts=4, sleep=time.sleep):
    """Returns the agent's whole answer. A stream that was cut off, or that has
    an error, does not count as one: it has not come to [DONE]."""
    reason = ""
    for _ in range(attempts):
        try:
            response = requests.post(
                base_url + "/v1/chat",
                headers={"Authorization": "Bearer " + api_key},
                json={"message": message, "stream": True},
                stream=True,
                timeout=60,
                verify=verify,
            )
            if response.status_code == 429:
                reason = "rate limited"
                sleep(int(response.headers["Retry-After"]))
                continue
            response.raise_for_status()
            return answer_of(response)
        except requests.exceptions.HTTPError:
            raise
        except (requests.exceptions.RequestException, Gone, ValueError) as error:
            reason = error
        sleep(1)
    raise Gone(f"no answer in {attempts} attempts: {reason}")


def answer_of(response):
    """Returns the answer of a stream, or raises Gone or ValueError."""
    answer = ""
    for line in response.iter_lines():
        if not line.startswith(b"data: "):
            continue
        if line == b"data: [DONE]":
            return answer
        event = json.loads(line.removeprefix(b"data: "))
        if "error" in event:
            raise Gone(event["error"]["code"])
        answer += event["content"]
    raise Gone("the stream was cut off")
