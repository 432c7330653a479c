"""The libraries: their versions, and whether they are those that Roomcast is made for."""

import platform
from importlib.metadata import PackageNotFoundError, requires, version

import av
from cryptography.hazmat.backends.openssl import backend
from packaging.requirements import Requirement

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from deploy.extras import missing_extra
from shared.settings.settings import Settings

ABOUT = About("libraries")


def look(settings: Settings, part: Part) -> list[Finding]:
    codecs = ".".join(str(part) for part in av.library_versions["libavformat"])
    versions = (
        f"Python {platform.python_version()}, {backend.openssl_version_text().rsplit(' ', 3)[0]},"
        f" aiortc {version('aiortc')}, PyAV {av.__version__} with libavformat {codecs}"
    )
    if missing := missing_extra(settings, starts_redis=part is Part.UP):
        return [ABOUT.fail(missing, "pip install -r requirements/run.txt")]
    wrong = [one for one in map(unmet, requires("roomcast") or ()) if one]
    if wrong:
        return [ABOUT.fail("; ".join(wrong), "pip install -r requirements/run.txt")]
    trouble = known_trouble(backend.openssl_version_number() >> 28) if part.has_workers else []
    return [ABOUT.ok(versions), *trouble]


def known_trouble(openssl: int) -> list[Finding]:
    """What this major version of OpenSSL is known for."""
    if openssl < 4:
        return []
    return [
        ABOUT.ok(
            "OpenSSL 4 refuses certificates of P-224, as FFmpeg and PyAV on GnuTLS make them: docs/clients.md"
        )
    ]


def unmet(requirement: str) -> str:
    """What is wrong with a requirement of ours, in words; empty if it is met, or is not for running."""
    wanted = Requirement(requirement)
    if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
        return ""
    try:
        installed = version(wanted.name)
    except PackageNotFoundError:
        return f"{wanted.name} is not installed"
    return "" if installed in wanted.specifier else f"{wanted.name} is {installed}, not {wanted.specifier}"
