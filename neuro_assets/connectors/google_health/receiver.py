"""A port of this machine where the browser arrives after a consent, and the page that it shows then.

Nothing is logged: the address that arrives holds the code.
"""

import html
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
_SILENT_S = 10
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Connection": "close",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem; color: #222 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #1b1b1b; color: #ddd }} }}
</style></head><body><main><h1>{title}</h1><p>{text}</p>{further}<p>{study}</p></main></body></html>
"""


def page(title: str, text: str, study: str = "", further: tuple[str, ...] = ()) -> bytes:
    """A page that needs nothing from elsewhere; `further` is a list under the text."""
    items = "".join(f"<li>{html.escape(item)}</li>" for item in further)
    told = {"title": html.escape(title), "text": html.escape(text), "study": html.escape(study)}
    return _PAGE.format(**told, further=f"<ul>{items}</ul>" if items else "").encode()


class Receiver:
    """Waits for the one request that matters: of the root, with a query. `answer` turns its query into a page."""

    def __init__(self, port: int = 0) -> None:
        self._arrived = threading.Event()
        self.failure: Exception | None = None
        self._answer: Callable[[str], bytes] | None = None
        self._server = ThreadingHTTPServer((HOST, port), _handler_of(self))
        self._server.daemon_threads = True

    @property
    def redirect_uri(self) -> str:
        """Where Google sends the browser back to."""
        return f"http://{HOST}:{self._server.server_address[1]}/"

    @contextmanager
    def serving(self, answer: Callable[[str], bytes]) -> Iterator[None]:
        """Open from here on, closed at the end."""
        self._answer = answer
        serving = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        serving.start()
        try:
            yield
        finally:
            self._server.shutdown()
            serving.join()

    def close(self) -> None:
        """Give the port back."""
        self._server.server_close()

    def wait(self, seconds: float) -> bool:
        """Until the page has been sent, or so long; whether it has."""
        return self._arrived.wait(seconds)

    def respond(self, target: str) -> tuple[int, bytes]:
        """Status and page for a request; what fails is kept in `failure` for the thread that waits."""
        parts = urlsplit(target)
        if parts.path != "/" or not parts.query or self._answer is None:
            return 404, page("Nothing here", "This address is for the way back from Google only.")
        try:
            return 200, self._answer(parts.query)
        except Exception as error:
            self.failure = error
            return 500, page("Not connected", "Something did not work on our side. Please tell the study.")

    def sent(self, status: int) -> None:
        """The page is with the browser, or the browser has gone: what the answer led to stands."""
        if status != HTTPStatus.NOT_FOUND:
            self._arrived.set()


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # Browsers open connections that they never use.
        timeout = _SILENT_S

        def do_GET(self) -> None:
            status, body = receiver.respond(self.path)
            with suppress(ConnectionError):
                self._show(status, body)
            receiver.sent(status)

        def _show(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: it would hold the code."""

    return Handler
