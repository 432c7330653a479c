"""The one answer where a recording exists, and the place that holds it does not answer."""

from shared.errors import ErrorCode, ServiceError


def unavailable(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.NO_WORKER, "recording not available", detail=detail, retry_after=5)
