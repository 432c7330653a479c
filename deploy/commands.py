"""What `roomcast` can do, as its help tells."""

import os
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from control.access.actions import Action
from control.access.operators import Operator
from deploy import rooms
from deploy.doctor.part import Part
from deploy.extras import need_extras
from deploy.planes import control, worker
from shared.names import RoomName
from shared.settings.settings import SettingsError, load_settings

app = typer.Typer(
    help="Live streaming: WHIP in, WHEP out. Settings come from the environment: see `roomcast config`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"roomcast {version('roomcast')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None: ...


@app.command()
def up(
    workers: Annotated[
        int | None, typer.Option(help="Media workers to start; overrides WORKERS.", show_default=False)
    ] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="Serve HTTPS with a certificate of this host's own, for phones.")
    ] = False,
) -> None:
    """Run everything on this machine: Valkey unless REDIS_URL is set, control, media workers."""
    from deploy.launcher import become_launcher
    from deploy.up import launch_of
    from deploy.valkey import begin_epoch_at

    if tls:
        _certify()
    settings = load_settings() if workers is None else load_settings(workers=workers)
    need_extras(settings, starts_redis=True)
    launch = launch_of(settings, in_terminal=sys.stdout.isatty())
    become_launcher(launch, partial(begin_epoch_at, launch.bus_url) if launch.bus_url else lambda: None)


def _certify() -> None:
    """For this process and those that it starts."""
    from deploy.own_certificate import for_local_network
    from deploy.welcome import local_addresses

    if load_settings().tls_cert_file:
        raise SettingsError("--tls: TLS_CERT_FILE names a certificate already")
    for name, file in zip(("CERT", "KEY"), for_local_network(local_addresses()), strict=True):
        os.environ[f"TLS_{name}_FILE"] = str(file)


app.command()(control)
app.command()(worker)


@app.command()
def config(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/settings.md instead.")] = False,
) -> None:
    """Print every setting: name, value, meaning, default. Secrets are hidden. Last, who sends media."""
    from deploy.settings_table import as_markdown, as_text
    from media.native.choice import in_words

    if markdown:
        print(as_markdown(), end="")
        return
    settings = load_settings()
    print(f"{as_text(settings)}# {in_words(settings.native)}")


@app.command()
def token(
    room: Annotated[
        str | None, typer.Option(help="The room that it opens; without it: every room.", show_default=False)
    ] = None,
    action: Annotated[
        list[Action] | None,
        typer.Option(help="What it may do there; without it: all. May be given twice.", show_default=False),
    ] = None,
    ttl: Annotated[str, typer.Option(help="How long it is good, such as 90s, 30m, 12h or 7d.")] = "1h",
    subject: Annotated[str, typer.Option(help="Who gets it.", show_default=False)] = "",
    role: Annotated[
        Literal["", "watch", "moderate", "admin"],
        typer.Option(help="Of an operator, too.", show_default=False),
    ] = "",
    admin: Annotated[bool, typer.Option("--admin", help="The same as --role admin.")] = False,
) -> None:
    """Print a JWT for a client, signed with JWT_SECRET. Its end also ends the session that it opened."""
    from deploy.minting import mint, seconds_of

    try:
        seconds = seconds_of(ttl)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--ttl") from None
    if admin and role not in ("", "admin"):
        raise SettingsError("--admin: --role names another role")
    print(
        mint(
            load_settings(),
            time.time(),
            room=None if room is None else rooms.room_name(room, "--room"),
            actions=action or (),
            seconds=seconds,
            subject=subject,
            operator=Operator.of("admin" if admin else role),
        )
    )


app.add_typer(rooms.app, name="room")


@app.command()
def demo(
    room: Annotated[str, typer.Argument(help="The room.")] = "demo",
    to: Annotated[str, typer.Option(help="Another server's WHIP endpoint for it.", show_default=False)] = "",
    token: Annotated[
        str, typer.Option(help="The token; without it: what the settings say.", show_default=False)
    ] = "",
) -> None:
    """Publish a moving picture with a beep into a room, as an encoder does."""
    from deploy.demo import credential, run, url_here

    settings, name = load_settings(), rooms.room_name(room, "ROOM")
    if to:
        run(to, lambda: token)
        return
    base = url_here(settings)
    run(
        f"{base}/api/whip/publish/{name}",
        lambda: token or credential(settings, name, time.time()),
        f"{base}/watch/{name}",
    )


@app.command()
def slate(
    file: Annotated[Path, typer.Argument(help="A picture, or a film, which loops.", exists=True)],
    room: Annotated[str, typer.Option(help="The room.")] = "demo",
    url: Annotated[
        str, typer.Option(help="The server's address; without it: this host's.", show_default=False)
    ] = "",
    token: Annotated[
        str, typer.Option(help="The token; without it: what the settings say.", show_default=False)
    ] = "",
) -> None:
    """Stand by in a room with a picture or a film, for viewers to see while its publisher sends nothing."""
    from deploy.demo import credential, url_here
    from deploy.slate import run

    settings, name = load_settings(), rooms.room_name(room, "--room")
    if url:
        run(url, name, lambda: token, file)
        return
    run(url_here(settings), name, lambda: token or credential(settings, name, time.time()), file)


@app.command()
def slates(
    folder: Annotated[
        Path, typer.Argument(help="The folder of the pictures and films.", exists=True, file_okay=False)
    ],
    url: Annotated[
        str, typer.Option(help="The server's address; without it: this host's.", show_default=False)
    ] = "",
    token: Annotated[
        str,
        typer.Option(
            help="A JWT with `role` watch that may publish; without it: what the settings say.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Stand by in all rooms whose settings name a slate."""
    from deploy.demo import credential, url_here
    from deploy.rooms import admin_credential
    from deploy.slates import run

    settings = load_settings()
    run(
        url or url_here(settings),
        lambda: token or admin_credential(settings),
        lambda room: token or credential(settings, RoomName(room), time.time()),
        folder,
    )


@app.command()
def conform(
    whip: Annotated[str, typer.Argument(help="The WHIP endpoint of a room in which nobody publishes.")],
    whep: Annotated[
        str, typer.Argument(help="Its WHEP endpoint; without it: as Roomcast has it.", show_default=False)
    ] = "",
    token: Annotated[str, typer.Option(help="The token for both.", show_default=False)] = "",
) -> None:
    """Hold any server against WHIP and WHEP, with real media. Exit code 1: it lacks something."""
    from deploy.conform.run import run

    whep = whep or whip.replace("/whip/publish/", "/whep/play/")
    if whep == whip:
        raise SettingsError("WHEP: name the WHEP endpoint, which the WHIP endpoint does not tell")
    if not run(whip, whep, token):
        raise typer.Exit(1)


@app.command()
def doctor(
    part: Annotated[Part, typer.Argument(help="What this host runs.")] = Part.UP,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    brief: Annotated[
        bool, typer.Option("--brief", help="Only what is to be looked at, as `up` says it while it starts.")
    ] = False,
) -> None:
    """Check this host and the settings, before the start or later. Exit code 1: something does not work."""
    from deploy.doctor import report
    from deploy.doctor.checkup import run

    if as_json and brief:
        raise SettingsError("--brief: is for people, --json for machines")
    text = report.in_brief if brief else partial(report.as_text, coloured=sys.stdout.isatty())
    run(part, report.as_json if as_json else text, is_starting=brief)
