"""What is tested: asks an agent, and tries again where that may help."""

import json
import time

import requests


class Gone(Exception):
    """The answer did not come, however often it was asked for."""


def ask(base_url, api_key, message, *, verify=True, attempts=4, sleep=time.sleep):
    """Returns the agent's whole answer. A stream that was cut off does not
    count as one: it has not said [DONE]."""
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
                sleep(int(response.headers["Retry-After"]))
                continue
            response.raise_for_status()
            answer = ""
            for line in response.iter_lines():
                if line == b"data: [DONE]":
                    return answer
                if line.startswith(b"data: "):
                    answer += json.loads(line.removeprefix(b"data: "))["content"]
        except requests.exceptions.ConnectionError:
            pass
        except requests.exceptions.ChunkedEncodingError:
            pass
        sleep(1)
    raise Gone(f"no answer in {attempts} attempts")
