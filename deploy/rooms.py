"""`roomcast room`: what holds in a single room, by the API of a server (docs/rooms.md)."""

import json
import time
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import typer

from control.access.operators import Operator
from shared.names import RoomName, parse_room_name
from shared.settings.setting_types import secret
from shared.settings.settings import Settings, SettingsError, load_settings

ANSWER_SECONDS = 10.0
TOKEN_SECONDS = 60

app = typer.Typer(help="Set what holds in a single room, and record it.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The room.", show_default=False)]
To = Annotated[str, typer.Option(help="The server; without it: this host's.", show_default=False)]
Token = Annotated[
    str, typer.Option(help="An admin's token; without it: what the settings say.", show_default=False)
]


@app.command(name="list")
def list_(to: To = "", token: Token = "") -> None:
    """Print what is set, by room."""
    _call("GET", "", to, token)


@app.command()
def show(room: Name, to: To = "", token: Token = "") -> None:
    """Print what is set for a room."""
    _call("GET", _path(room), to, token)


@app.command(name="set")
def set_(
    room: Name,
    fields: Annotated[
        list[str],
        typer.Argument(help="FIELD=VALUE, such as seats=100 listed=false; null: as the environment says."),
    ],
    to: To = "",
    token: Token = "",
) -> None:
    """Set some of what holds in a room; what is not named stays."""
    _call("PATCH", _path(room), to, token, _by_name(map(field, fields)))


@app.command()
def remove(room: Name, to: To = "", token: Token = "") -> None:
    """Let the environment decide about a room again."""
    _call("DELETE", _path(room), to, token)


@app.command()
def record(
    room: Name,
    stop: Annotated[bool, typer.Option("--stop", help="Record it no longer.")] = False,
    pause: Annotated[
        bool | None,
        typer.Option("--pause/--resume", help="Record nothing for a while; go on.", show_default=False),
    ] = None,
    begin_clip: Annotated[str, typer.Option(help="Mark where this clip begins.", show_default=False)] = "",
    end_clip: Annotated[str, typer.Option(help="Mark where it ends.", show_default=False)] = "",
    state: Annotated[bool, typer.Option("--show", help="Print whether it is recorded.")] = False,
    name: Annotated[str, typer.Option(help="What webhooks call it.", show_default=False)] = "",
    label: Annotated[
        list[str] | None, typer.Option(help="KEY=TEXT, for webhooks, too.", show_default=False)
    ] = None,
    to: To = "",
    token: Token = "",
) -> None:
    """Record a room from now on, until that is stopped; or pause that, or mark a clip."""
    path = f"{_path(room)}/recording"
    marks = {"paused": pause, "beginClip": begin_clip or None, "endClip": end_clip or None}
    marks = {name: value for name, value in marks.items() if value is not None}
    if sum(map(bool, (stop, state, marks, name or label))) > 1:
        raise SettingsError(
            "room record: takes one of --stop, --show, --pause and marks of clips, --name and --label"
        )
    if stop:
        _call("DELETE", path, to, token)
    elif state:
        _call("GET", path, to, token)
    elif marks:
        _call("PATCH", path, to, token, marks)
    else:
        _call("POST", path, to, token, {"name": name, "labels": _by_name(map(_pair, label or ()))})


def field(text: str) -> tuple[str, Any]:
    """A field and its value, which is JSON, or a text as it is; of a list, its one entry is enough."""
    name, value = _pair(text)
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    if name == "title" and parsed is not None:
        return name, value
    is_list = name in ("publishTokens", "playTokens", "formats")
    return name, [value] if is_list and not isinstance(parsed, list | None) else parsed


def _by_name(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise SettingsError(f"{name}: is given twice")
        values[name] = value
    return values


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is not FIELD=VALUE")
    return name, value


def room_name(text: str, hint: str) -> RoomName:
    """The name of a room from the command line; `hint` is what the help calls it."""
    room = parse_room_name(text)
    if room is None:
        raise typer.BadParameter("must be 1 to 64 letters, digits, - or _", param_hint=hint)
    return room


def _path(room: str) -> str:
    return f"/{room_name(room, 'ROOM')}"


def _call(method: str, path: str, to: str, token: str, body: object = None) -> None:
    """Print the answer as JSON; an error is one line, and exit code 1."""
    import httpx

    from deploy.demo import url_here

    settings = load_settings()
    url = f"{(to or url_here(settings)).rstrip('/')}/api/admin/rooms{path}"
    headers = {"Authorization": f"Bearer {token or admin_credential(settings)}"}
    try:
        answer = httpx.request(method, url, json=body, headers=headers, timeout=ANSWER_SECONDS)
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        _fail([url, str(error)])
    if answer.is_error:
        _fail([told["error"], *([told["detail"]] if "detail" in told else [])])
    print(json.dumps(told, ensure_ascii=False, indent=2))


def _fail(what: Iterable[str]) -> NoReturn:
    typer.echo(f"roomcast room: {': '.join(what)}", err=True)
    raise typer.Exit(1)


def admin_credential(settings: Settings) -> str:
    """That of an admin, as these settings have it."""
    if not secret(settings.admin_token) and secret(settings.jwt_secret):
        from deploy.minting import mint

        return mint(
            settings,
            time.time(),
            room=None,
            actions=(),
            seconds=TOKEN_SECONDS,
            subject="roomcast room",
            operator=Operator.ADMIN,
        )
    return secret(settings.admin_token)
