// Walks through the API by the client that openapi-typescript has made, and prints what it got, as JSON.
// The system's URL, the operator's token and an offer come as one JSON value in the variable WALK.
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

declare const process: { env: Record<string, string | undefined> };

type Room = components['schemas']['Room'];
type RoomDetail = components['schemas']['RoomDetail'];

const { url, token, offer }: { url: string; token: string; offer: string } = JSON.parse(process.env.WALK ?? '');
const api = createClient<paths>({ baseUrl: url });
const room = 'typed';
const path = { room };
const authorized = { headers: { Authorization: `Bearer ${token}` } };

async function publish() {
  return api.POST('/api/whip/publish/{room}', {
    params: { path },
    headers: { 'Content-Type': 'application/sdp' },
    body: offer,
    bodySerializer: (body) => body,
    parseAs: 'text',
  });
}

const bootstrap = await api.GET('/api/bootstrap');
const iceServers: string[] | undefined = bootstrap.data?.iceServers.flatMap(({ urls }) => urls);
const first = await publish();
const answer: string | undefined = first.data;
const session = first.response.headers.get('Location')?.split('/').at(-1) ?? '';
const taken = await publish();
const rooms = await api.GET('/api/rooms');
const names: string[] | undefined = rooms.data?.map((one: Room) => one.name);
const detailed = await api.GET('/api/rooms', { params: { query: { detail: 'true', name: room } } });
const [detail] = detailed.data ?? [];
const isDetail = (one: Room | RoomDetail | undefined): one is RoomDetail => one !== undefined && 'workers' in one;
const refused = await api.POST('/api/admin/rooms/{room}/close', { params: { path } });
const why: string | undefined = refused.error?.error;
const closed = await api.POST('/api/admin/rooms/{room}/close', {
  params: { path },
  body: { block: 60, reason: 'a test' },
  ...authorized,
});
const until: number | undefined = closed.data?.until;
const blocked = await publish();
const ended = await api.DELETE('/api/whip/publish/{room}/{session}', { params: { path: { room, session } } });
const blocks = await api.GET('/api/admin/blocks', authorized);

// @ts-expect-error: there is no such path
await api.GET('/api/room');
// @ts-expect-error: seconds are a number
const wrong = await api.POST('/api/admin/rooms/{room}/close', { params: { path }, body: { block: 'long' }, ...authorized });

console.log(JSON.stringify({
  iceServers,
  answer: answer?.slice(0, 3),
  taken: [taken.response.status, taken.error?.error],
  names,
  workers: isDetail(detail) ? detail.workers.length : 'no detail',
  refused: [refused.response.status, why],
  closed: [closed.data?.name, closed.data?.sessions, typeof until],
  blocked: [blocked.response.status, blocked.error?.error, blocked.error?.detail],
  ended: [ended.response.status, ended.data?.reason],
  blocks: blocks.data?.blocks.map((one) => [one.room, one.reason]),
  wrong: [wrong.response.status, wrong.error?.error],
}));
