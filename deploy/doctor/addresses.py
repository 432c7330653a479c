"""Where clients reach the media: the addresses that answers name, and the families that they cover."""

import ipaddress

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from media.worker.addresses import advertised, own_addresses, public_among
from shared.settings import Settings

ABOUT, IPV6, INSIDE = About("media address"), About("IPv6"), About("worker HTTP")


def look(settings: Settings, part: Part) -> list[Finding]:
    if not part.has_workers:
        return []
    own = own_addresses()
    named = advertised(settings.media_addr.host or "0.0.0.0", settings.media_public_ips, own)  # noqa: S104
    findings = [media(named), ipv6(named, own)]
    if exposed := public_among(settings.worker_http_addr.host, own):
        findings.append(
            INSIDE.warn(
                f"WORKER_HTTP_ADDR is open to the Internet at {', '.join(exposed)}",
                "name a private host, or let a firewall admit control and Prometheus only",
            )
        )
    return findings


def media(named: list[str]) -> Finding:
    """`named`: the addresses that clients are given."""
    if any(ipaddress.ip_address(address).is_global for address in named):
        return ABOUT.ok(f"clients are given {', '.join(named)}")
    return ABOUT.warn(
        f"clients are given {', '.join(named) or 'no address'}, which the Internet does not reach",
        "behind NAT, set MEDIA_PUBLIC_IPS to the public address",
    )


def ipv6(named: list[str], own: list[str]) -> Finding:
    if any(":" in address for address in named):
        return IPV6.ok("clients are given an IPv6 address, too")
    if any(":" in address and ipaddress.ip_address(address).is_global for address in own):
        return IPV6.ok("this host has it; clients are given IPv4 alone, which suffices")
    return IPV6.ok("this host has no public IPv6 address; IPv4 suffices")
