"""A headless Chromium for tests: Debian's own binary, driven over its debugging pipe with the standard library alone.

    with Chromium.start(folder) as page:
        page.open("file:///report/index.html")
        assert "leak" in page.text()

Commands are JSON objects ended by a zero byte, on file descriptors 3 (to the browser) and 4 (from it).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def binary() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """One tab. Every wait ends in an answer or a TimeoutError that says what was waited for."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._rest, self._last, self._session = b"", 0, ""
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def attach(self) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, *, seconds: float = 180, **params: Any) -> Any:
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            answer = self._next(deadline, method)
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _next(self, deadline: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no answer to {what}")
            more = os.read(self._from, 1 << 20)
            if not more:
                raise EOFError(f"the browser ended before {what}")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])

    # --- what a reader does ---------------------------------------------------------------------------------------

    def size(self, width: int, height: int, *, phone: bool = False, scale: float = 1) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression: str, *, seconds: float = 90) -> Any:
        """Wait until a JavaScript expression is true; returns its value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = self.js(expression)
            if value:
                return value
            time.sleep(0.1)
        raise TimeoutError(f"never true within {seconds} s: {expression}\nthe page says:\n{self.text()[:3000]}")

    def text(self) -> str:
        return str(self.js("document.body.innerText"))

    def click(self, text: str, *, within: str = "*") -> None:
        """Click the smallest element whose visible text is exactly this, or begins with it."""
        self.until(
            f"""(() => {{
                const said = e => (e.innerText || '').trim();
                const seen = [...document.querySelectorAll({json.dumps(within)})].filter(e => e.offsetParent !== null);
                const exact = seen.filter(e => said(e) === {json.dumps(text)});
                const found = exact.length ? exact : seen.filter(e => said(e).startsWith({json.dumps(text)}));
                if (!found.length) return false;
                found[found.length - 1].click();
                return true;
            }})()"""
        )

    def screenshot(self, path: Path, *, full: bool = False) -> None:
        taken = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        path.write_bytes(base64.b64decode(taken["data"]))


class Chromium:
    @staticmethod
    @contextlib.contextmanager
    def start(profile: Path) -> Iterator[Page]:
        """A browser with a fresh profile; killed at the end."""
        program = binary()
        if program is None:
            raise FileNotFoundError("chromium; on Debian: apt-get install chromium")
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()

        def descriptors() -> None:
            saved_in, saved_out = os.dup(their_in), os.dup(their_out)
            os.dup2(saved_in, 3)
            os.dup2(saved_out, 4)

        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        browser = subprocess.Popen(command, preexec_fn=descriptors, close_fds=False, start_new_session=True, **quiet)  # type: ignore[call-overload]
        os.close(their_in)
        os.close(their_out)
        try:
            page = Page(our_out, our_in)
            page.attach()
            yield page
        finally:
            os.close(our_out)
            os.close(our_in)
            with contextlib.suppress(subprocess.TimeoutExpired):
                browser.wait(5)
            if browser.poll() is None:
                os.killpg(browser.pid, 9)
                browser.wait(10)
