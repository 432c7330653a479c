"""How long Redis may take to answer."""

from types import TracebackType

from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.bus.fair_timeout import fair_timeout

# A call that takes longer fails: control must answer 503 within 2 s (control/openapi.yaml).
CALL_TIMEOUT_SECONDS = 1.0


class answered_within(fair_timeout):  # noqa: N801
    """Limit the time of the block; raises redis-py's `TimeoutError`, which is a `RedisError`."""

    __slots__ = ()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except TimeoutError:
            raise RedisTimeoutError(f"no answer within {self.seconds:g} s") from None
