// The package's entry: what it exports of the modules beside it. docs/embedding.md describes all of it.
export { Refused } from './requests.js';
export { RoomEvents, RoomListEvents } from './room-events.js';
export { NotConnected } from './session.js';
export { WhepPlayer } from './whep-player.js';
export { WhipPublisher } from './whip-publisher.js';

/**
 * @typedef {import('./receiving-stats.js').Stats} PlayerStats
 * @typedef {import('./room-events.js').Room} Room
 * @typedef {import('./sending-stats.js').Stats} PublisherStats
 * @typedef {import('./session-events.js').Layer} Layer
 * @typedef {import('./whep-player.js').Choice} Choice
 * @typedef {import('./whep-player.js').PlayerEvents} PlayerEvents
 * @typedef {import('./whep-player.js').PlayerState} PlayerState
 * @typedef {import('./whip-publisher.js').PublisherEvents} PublisherEvents
 * @typedef {import('./whip-publisher.js').PublisherState} PublisherState
 * @typedef {import('./whip-session.js').PublishOptions} PublishOptions
 */
