"""The processes of the planes, as `roomcast control` and `roomcast worker` run them."""

from collections.abc import Callable, Mapping

from deploy.extras import need_extras
from shared.settings.setting_types import secret
from shared.settings.settings import Settings, SettingsError, load_settings


def control() -> None:
    """Run one control process."""
    settings = settings_with_bus()
    from control.server import serve
    from deploy.doctor.access import at_start

    serve(settings, at_start(settings))


def worker() -> None:
    """Run one media worker."""
    settings = settings_with_bus()
    from media.worker.process import serve

    serve(settings)


PLANES: Mapping[str, Callable[[], None]] = {"control": control, "worker": worker}


def settings_with_bus() -> Settings:
    """The settings of a plane's process. Raises `SettingsError`."""
    settings = load_settings()
    if not secret(settings.redis_url):
        raise SettingsError("REDIS_URL: not set (`roomcast up` starts a Valkey of its own)")
    need_extras(settings)
    return settings
