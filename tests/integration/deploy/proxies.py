"""HAProxy, nginx and Caddy as processes, with the configurations of deploy/ on a free port."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx

from tests.integration.deploy.files import DEPLOY, environment
from tests.support.certificate import new_certificate
from tests.support.logged_process import logged_process
from tests.support.system import SHORT_LIVED
from tests.support.waiting import eventually

START_SECONDS = 10.0
PATIENCE_SECONDS = 30  # for a control process that does not answer, in the files

NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {conf}
}}
"""


def haproxy(
    controls: Sequence[str],
    port: int,
    folder: Path,
    prefix: bool = False,
    tls: bool = False,
    patience: int = PATIENCE_SECONDS,
) -> list[str]:
    """The command for HAProxy on `port` before `controls`, each host:port.

    `prefix`: all is below /live. `patience`: seconds for a control process that does not answer.
    """
    config = (DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    if tls:
        cert_file, key_file = new_certificate(folder)
        key_file.rename(f"{cert_file}.key")  # where HAProxy looks for it
        config = config.replace("    bind :8080\n", "")
        config = config.replace(
            "# bind :443 ssl crt /usr/local/etc/haproxy/certs/", f"bind :443 ssl crt {cert_file}"
        )
    config = config.replace("bind :443" if tls else "bind :8080", f"bind 127.0.0.1:{port}")
    config = re.sub(r"maxconn \d+", "maxconn 100", config)  # each connection requires two descriptors
    config = config.replace("timeout server 30s", f"timeout server {patience}s")
    servers = "".join(f"    server control{number} {address}\n" for number, address in enumerate(controls))
    config, count = re.subn(r"^ +\.if (?s:.*?) +\.endif\n", servers, config, flags=re.MULTILINE)
    assert count == 2
    if prefix:
        config = re.sub(
            r"^( +)# (http-request (?:set-header|replace-path) .*/live)", r"\1\2", config, flags=re.M
        )
    file = folder / "haproxy.cfg"
    file.write_text(config)
    return ["haproxy", "-f", str(file)]


def nginx(
    controls: Sequence[str],
    port: int,
    folder: Path,
    prefix: bool = False,
    tls: bool = False,
    patience: int = PATIENCE_SECONDS,
) -> list[str]:
    """The command for nginx; see `haproxy`."""
    conf = (DEPLOY / "nginx" / "roomcast.conf").read_text(encoding="utf-8")
    if tls:
        cert_file, key_file = new_certificate(folder)
        conf = conf.replace("    listen 8080;\n", "")
        conf = re.sub(r"# (listen 443|http2|ssl_certificate)", r"\1", conf)
        conf = re.sub(r"/etc/nginx/certs/fullchain.pem", str(cert_file), conf)
        conf = re.sub(r"/etc/nginx/certs/privkey.pem", str(key_file), conf)
    conf = conf.replace("listen 443" if tls else "listen 8080", f"listen 127.0.0.1:{port}")
    conf = conf.replace("proxy_read_timeout 30s", f"proxy_read_timeout {patience}s")
    conf = conf.replace("/var/log/nginx/", f"{folder}/")
    servers = iter(controls)
    conf, count = re.subn(r"server 127\.0\.0\.1:818\d", lambda _: f"server {next(servers)}", conf)
    assert count == 2
    if prefix:
        start = conf.index("    # location ~* ^/live/")
        conf = conf[:start] + conf[start:].replace("    # ", "    ")
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, conf=conf))
    return ["nginx", "-p", str(folder), "-c", str(file), "-e", "stderr"]


def caddy(
    controls: Sequence[str],
    port: int,
    folder: Path,
    prefix: bool = False,
    tls: bool = False,
    patience: int = PATIENCE_SECONDS,
) -> list[str]:
    """The command for Caddy; see `haproxy`. With `tls` it makes a certificate of its own."""
    config = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    storage = f"storage file_system {folder}/caddy\n\tskip_install_trust\n\tauto_https disable_redirects"
    config = config.replace("admin off", f"admin off\n\t{storage}")
    address = (
        f"https://127.0.0.1:{port} {{\n\ttls internal" if tls else f"http://:{port} {{\n\tbind 127.0.0.1"
    )
    # by itself Caddy logs the requests that fail; an operator may have all of them logged, in the same form
    config = config.replace("{$DOMAIN:localhost} {", f"{address}\n\tlog")
    config, count = re.subn(r"to 127\.0\.0\.1:8181 .*", f"to {' '.join(controls)}", config)
    assert count == 1
    config = config.replace("response_header_timeout 30s", f"response_header_timeout {patience}s")
    if prefix:
        start = config.index("\t# handle_path /live/")
        config = config[:start] + config[start:].replace("\t# ", "\t").replace("\t#\t", "\t\t")
    file = folder / "Caddyfile"
    file.write_text(config)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


@contextlib.asynccontextmanager
async def running(
    command: list[str], port: int, log: Path, scheme: str = "http"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the proxy. The proxy answers by the time this is entered."""
    with logged_process(command, log, environment()) as process:
        url = f"{scheme}://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, limits=SHORT_LIVED, verify=False) as http:

            async def answers() -> bool:
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get("/healthz")).status_code == 200
                return False

            await eventually("the proxy answers", answers, START_SECONDS)
            yield http
