"""The processes of the planes, as `roomcast control` and `roomcast worker` run them."""

from collections.abc import Callable, Mapping
from importlib import import_module

from deploy.extras import need_extras
from shared.left_out import left_out
from shared.settings.setting_types import secret
from shared.settings.settings import Settings, SettingsError, load_settings

# What a plane imports whole, but for what its libraries import only where it happens to be installed.
LIBRARIES = {"control": ("httpx", "redis.asyncio"), "worker": ("redis.asyncio",)}


def control() -> None:
    """Run one control process."""
    settings = settings_with_bus("control")
    from control.server import serve

    serve(settings)


def worker() -> None:
    """Run one media worker."""
    settings = settings_with_bus("worker")
    from media.worker.process import serve

    serve(settings)


PLANES: Mapping[str, Callable[[], None]] = {"control": control, "worker": worker}


def settings_with_bus(plane: str) -> Settings:
    """The settings of a plane's process, which imports its libraries here. Raises `SettingsError`."""
    settings = load_settings()
    if not secret(settings.redis_url):
        raise SettingsError("REDIS_URL: not set (`roomcast up` starts a Valkey of its own)")
    need_extras(settings)
    with left_out("opentelemetry", "pygments", "rich"):  # 5 MB of a control process that calls neither
        for library in LIBRARIES[plane]:
            import_module(library)
    return settings
