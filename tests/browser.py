"""Chromium without a window, driven by its own protocol over a pipe: no package, no port, no socket."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars",
           "--autoplay-policy=no-user-gesture-required", "--no-first-run")  # fmt: skip
START = (
    "import os, sys; r, w = map(int, sys.argv[1:3]);"
    " os.dup2(r, 3); os.dup2(w, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Chromium reads commands from descriptor 3 and answers on 4."""


class Browser:
    """One page; `complaints` holds what its console and its script said of errors."""

    def __init__(self, profile, size=(1280, 900)):
        self.profile = profile
        self.size = size
        self.complaints = []
        self._last = 0
        self._loaded = False

    def __enter__(self):
        commands, self._write = (os.dup(fd) if fd < 5 else fd for fd in os.pipe())
        self._read, answers = (os.dup(fd) if fd < 5 else fd for fd in os.pipe())
        words = [sys.executable, "-c", START, str(commands), str(answers), BROWSER, *OPTIONS]
        words += [f"--user-data-dir={self.profile}", "about:blank"]
        self._process = subprocess.Popen(words, pass_fds=(commands, answers), stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        self._heard = bytearray()
        target = self._ask("Target.createTarget", session=None, url="about:blank")["targetId"]
        self._session = None
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Log"):
            self._ask(f"{part}.enable")
        self.look(*self.size)
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def open(self, url):
        self._loaded = False
        self._ask("Page.navigate", url=str(url))
        while not self._loaded:
            self._next()

    def run(self, script):
        """Return the value of an expression, of a promise when it is kept."""
        found = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition, seconds=300):
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"never: {condition}"
            time.sleep(0.02)

    def press(self, key, code=None):
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, **more)

    def look(self, width, height, dark=False, phone=False):
        """Give the page another size or colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, file, whole=True):
        found = self._ask("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(found["data"]))

    def printed(self):
        """Return the page as PDF."""
        return base64.b64decode(self._ask("Page.printToPDF", printBackground=True)["data"])

    def _ask(self, method, session="own", **parameters):
        self._last += 1
        number = self._last
        message = {"id": number, "method": method, "params": parameters}
        if session and getattr(self, "_session", None):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _next(self):
        """Return the next message; what it says of errors is kept."""
        while (end := self._heard.find(b"\0")) < 0:
            assert select.select([self._read], [], [], 300)[0], "the browser says nothing any more"
            part = os.read(self._read, 2**20)
            assert part, "the browser has ended"
            self._heard += part
        message = json.loads(self._heard[:end])
        del self._heard[: end + 1]
        told = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                self.complaints.append(told["exceptionDetails"])
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                self.complaints.append(told["args"])
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.complaints.append(told["entry"])
        return message
