"""Composes all that delivers webhooks."""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.webhooks.address_policy import AddressPolicy
from control.webhooks.dead_letters import DeadLetters
from control.webhooks.delivery import Delivery
from control.webhooks.figures import WebhookFigures
from control.webhooks.lost_rooms import LostRooms
from control.webhooks.post import Poster
from control.webhooks.receiver import receivers_of
from control.workers.redis_watch import RedisWatch
from shared.bus.lease import Lease
from shared.directory.directory import Directory
from shared.events.event_queue import EventQueue
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

PREPARE_SECONDS = 10.0  # between two looks whether Redis has what it needs


class Webhooks:
    """`run` delivers until cancelled. Nothing else waits for it."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        watch: RedisWatch,
        registry: CollectorRegistry,
        unix_clock: Callable[[], float],
    ) -> None:
        self._queue = EventQueue(redis)
        self._figures = WebhookFigures(registry)
        receivers = receivers_of([secret(url) for url in settings.webhook_urls])
        policy = AddressPolicy(settings.webhook_allowed_networks)
        self.dead_letters = DeadLetters(self._queue, receivers)
        self._groups = [receiver.group for receiver in receivers]
        self._deliveries = [
            Delivery(
                receiver,
                [secret(one) for one in settings.webhook_secrets],
                self._queue,
                Lease(redis, f"webhooks:{receiver.group}"),
                Poster(receiver, policy),
                self._figures,
                settings.webhook_retry_seconds,
                unix_clock,
            )
            for receiver in receivers
        ]
        self._lost_rooms = LostRooms(
            Directory(redis), self._queue, Lease(redis, "lost-rooms"), watch, unix_clock
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._prepare())
            tasks.create_task(self._lost_rooms.run())
            for delivery in self._deliveries:
                tasks.create_task(delivery.warn_if_forbidden())
                tasks.create_task(delivery.run())

    async def _prepare(self) -> None:
        """Have workers tell their events, and a group for each receiver; again when Redis has lost them."""
        while True:
            try:
                await self._queue.prepare(self._groups)
                self._figures.dead_letters.set(await self._queue.dead_count())
            except (RedisError, OSError):
                pass
            await asyncio.sleep(PREPARE_SECONDS)
