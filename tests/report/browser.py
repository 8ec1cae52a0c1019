"""A headless Chromium: where to find one, how to get one, and what a page shows in it.

    python tests/report/browser.py FOLDER    # into FOLDER, from the npm package that carries one

It is spoken to over a pipe, in the DevTools protocol: no driver, no port, no package.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv" / "browser"
PACKAGE = "@sparticuz/chromium@147.0.0"  # x86_64 Linux; MIT, and Chromium's own licences
HOW = (
    "no browser: set CHROMIUM to a Chromium or Chrome, put one on the PATH (Debian: apt-get "
    "install chromium), or run: python tests/report/browser.py .venv/browser (needs npm)"
)
PATIENCE = 120.0  # seconds of silence after which it is taken for one that hangs

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
)
_UNPACK = """
const zlib = require("zlib"), fs = require("fs");
for (const name of ["chromium", "al2023.tar", "fonts.tar"])
  fs.writeFileSync(name, zlib.brotliDecompressSync(fs.readFileSync(`package/bin/${name}.br`)));
"""


def find() -> Path | None:
    """The browser of $CHROMIUM, the one in .venv, or one on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    places = [os.environ.get("CHROMIUM"), OWN / "chromium", *map(shutil.which, names)]
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


def install(folder: Path) -> None:
    """A Chromium of 197 MB, with the libraries and the one font it needs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = lambda *command: subprocess.run(command, cwd=folder, check=True, text=True)  # noqa: E731
    run("npm", "pack", "--silent", "--fetch-retries=1", PACKAGE)
    run("tar", "xzf", next(folder.glob("*.tgz")).name)
    run("node", "-e", _UNPACK)
    for archive in ("al2023.tar", "fonts.tar"):
        run("tar", "xf", archive, "--no-same-owner")
    fonts = f"<dir>{folder.resolve()}/fonts</dir><dir>/usr/share/fonts</dir>"
    (folder / "fonts.conf").write_text(f'<?xml version="1.0"?><fontconfig>{fonts}</fontconfig>\n')
    (folder / "chromium").chmod(0o755)
    for used in (*folder.glob("*.t*"), folder / "package"):
        shutil.rmtree(used) if used.is_dir() else used.unlink()


class Browser:
    """A running browser; `open` gives a page."""

    def __init__(self, binary: Path, profile: Path) -> None:
        pipes = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'  # where Chromium looks
        self._process = subprocess.Popen(
            ["sh", "-c", pipes, binary, *_OPTIONS, f"--user-data-dir={profile}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_beside(binary)},
            bufsize=0,
        )
        self._to, self._from = self._process.stdin, self._process.stdout
        self._number, self._heard = 0, b""
        self._events: list[str] = []  # that came before the answer to the last command
        self._shown: str | None = None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._from.close()
        self._to.close()

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": session} if session else {}
        self._to.write(json.dumps(message).encode() + b"\0")
        self._events.clear()
        while (answer := self._next()).get("id") != self._number:
            self._events.append(answer.get("method", ""))
        assert "error" not in answer, answer
        return answer["result"]

    def wait_for(self, event: str) -> None:
        """What the last command leads to, which may have come before its answer."""
        while event not in self._events:
            self._events.append(self._next().get("method", ""))

    def open(self, path: Path, width: int, height: int = 900, scheme: str = "light") -> "Page":
        """The page of a file, in a window of so many pixels; the one before it is closed."""
        if self._shown is not None:
            self.call("Target.closeTarget", targetId=self._shown)
        self._shown = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=self._shown, flatten=True)
        session = attached["sessionId"]
        page = Page(self, session)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **size)
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        page.call("Emulation.setEmulatedMedia", features=media)
        page.call("Page.enable")
        page.call("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("Page.loadEventFired")
        return page

    def _next(self) -> dict[str, Any]:
        pieces = [self._heard]
        while b"\0" not in pieces[-1]:
            assert select.select([self._from], [], [], PATIENCE)[0], "the browser says nothing"
            pieces.append(self._from.read(1 << 20))
            assert pieces[-1], "the browser ended"
        message, _, self._heard = b"".join(pieces).partition(b"\0")
        said = json.loads(message)
        assert said.get("method") != "Inspector.targetCrashed", "the page crashed"
        return said


class Page:
    """A page on show."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def ask(self, script: str) -> Any:
        """The value of an expression of JavaScript, in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> Path:
        """All of the page, from its top to its end, as a PNG file."""
        width, height = self.ask("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path


def _beside(binary: Path) -> dict[str, str]:
    """The surroundings of the browser that has its libraries and fonts beside it."""
    lib, fonts = binary.parent / "lib", binary.parent / "fonts.conf"
    own = lib.is_dir() and fonts.is_file()
    return {"LD_LIBRARY_PATH": str(lib), "FONTCONFIG_FILE": str(fonts)} if own else {}


def main(folder: Path) -> None:
    """Install a browser where there is none; say how to get one where that cannot be done."""
    if find() is not None:
        return
    try:
        install(folder)
        binary = folder.resolve() / "chromium"
        subprocess.run([binary, "--version"], env={**os.environ, **_beside(binary)}, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit(f"{error}\nThe tests that look at a report in a browser will be skipped: {HOW}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
