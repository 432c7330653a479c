"""The processes of the planes, as `roomcast control` and `roomcast worker` run them."""

from collections.abc import Callable, Mapping

from deploy.extras import need_extras
from shared.left_out import left_out
from shared.settings import Settings, SettingsError, load_settings, secret


def control() -> None:
    """Run one control process."""
    settings = settings_with_bus()
    from control.server import serve

    serve(settings)


def worker() -> None:
    """Run one media worker."""
    settings = settings_with_bus()
    from media.worker.process import serve

    serve(settings)


PLANES: Mapping[str, Callable[[], None]] = {"control": control, "worker": worker}


def settings_with_bus() -> Settings:
    """The settings of a plane's process, which imports its libraries here. Raises `SettingsError`."""
    settings = load_settings()
    if not secret(settings.redis_url):
        raise SettingsError("REDIS_URL: not set (`roomcast up` starts a Valkey of its own)")
    need_extras(settings)
    with left_out("opentelemetry", "pygments", "rich"):  # 5 MB of a control process that calls neither
        import httpx  # noqa: F401
        import redis.asyncio  # noqa: F401
    return settings
