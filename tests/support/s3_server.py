"""A real S3 server on loopback (moto's), which can be told to fail."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.support.free_ports import free_port

BUCKET = "recordings"
KEY = "test"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class S3Server:
    """`port` stays the same over `stop` and `start`, and so does what is stored."""

    def __init__(self) -> None:
        self._application: Application = DomainDispatcherApplication(create_backend_app)
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self.port = free_port()
        self.refuse = 0  # this many of the next uploads are answered 503
        self.requests: list[str] = []  # "PUT /bucket/name?partNumber=1..."

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """What a worker or control needs to use it."""
        return {
            "upload_recordings": True,
            "s3_endpoint": f"127.0.0.1:{self.port}",
            "s3_use_ssl": False,
            "s3_path_style": True,
            "s3_bucket": BUCKET,
            "s3_access_key": KEY,
            "s3_secret_key": KEY,
            "s3_prefix": "live/",
        }

    @property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
        )

    def objects(self) -> dict[str, bytes]:
        """All that is stored, by key."""
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {
            item["Key"]: self.client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            for item in listed
        }

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self.port, self._serve, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._thread = None

    def _serve(self, environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
        self.requests.append(f"{method} {environ['PATH_INFO']}{query and '?'}{query}")
        if method == "PUT" and environ["PATH_INFO"].count("/") > 1 and self.refuse:
            self.refuse -= 1
            respond("503 Slow Down", [("Content-Length", "0"), ("Connection", "close")])
            return []
        return self._application(environ, respond)


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """A running server with an empty bucket."""
    server = S3Server()
    server.start()
    try:
        with contextlib.suppress(Exception):
            _empty(server.client)
        server.client.create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.stop()


def _empty(client: Any) -> None:
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
