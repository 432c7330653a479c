"""The `roomcast` command."""

import asyncio
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from deploy.doctor.part import Part
from deploy.supervisor import EXIT_REFUSED, StartRefusedError
from shared.settings import Settings, SettingsError, load_settings, secret

app = typer.Typer(
    help="Live streaming: WHIP in, WHEP out. Settings come from the environment: see `roomcast config`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The console script. An error that prevents the start is one line on stderr and exit code 2."""
    try:
        app()
    except SettingsError as error:
        _refuse(str(error))
    except StartRefusedError:  # the process that refused has said why
        sys.exit(EXIT_REFUSED)


def _refuse(reason: str) -> NoReturn:
    print(f"roomcast: {reason}", file=sys.stderr)
    sys.exit(EXIT_REFUSED)


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
) -> None:
    """Run everything on this machine: Valkey unless REDIS_URL is set, control, media workers."""
    from deploy.up import up as run_up

    asyncio.run(run_up(load_settings() if workers is None else load_settings(workers=workers)))


@app.command()
def control() -> None:
    """Run one control process."""
    settings = _settings_with_bus()
    from control.server import serve

    serve(settings)


@app.command()
def worker() -> None:
    """Run one media worker."""
    settings = _settings_with_bus()
    from media.worker.process import serve

    serve(settings)


@app.command()
def config(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/settings.md instead.")] = False,
) -> None:
    """Print every setting: name, value, meaning, default. Secrets are hidden."""
    from deploy.settings_table import as_markdown, as_text

    print(as_markdown() if markdown else as_text(load_settings()), end="")


@app.command()
def doctor(
    part: Annotated[Part, typer.Argument(help="What this host runs.")] = Part.UP,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check this host and the settings, before the start or later. Exit code 1: something does not work."""
    from deploy.doctor.checkup import run

    run(part, as_json=as_json)


def _settings_with_bus() -> Settings:
    settings = load_settings()
    if not secret(settings.redis_url):
        raise SettingsError("REDIS_URL: not set (`roomcast up` starts a Valkey of its own)")
    return settings


if __name__ == "__main__":
    main()
