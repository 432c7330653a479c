// Reads the name of a recording (docs/recording.md). The suffix distinguishes the two kinds of names.
import { say } from './language.js';

const TRACK = /^(?<room>.+)_(?<track>audio|video)(?<number>\d+)_(?<unix>\d+)\.(?<suffix>ivf|ogg|h264|h265)$/;
const WHOLE = /^(?<room>.+)_(?<unix>\d+)\.(?<suffix>webm|mkv|mp4)$/;
const PLAYABLE = new Set(['webm', 'mp4']);

/**
 * @param {string} name `demo_1710123456.webm`, `demo_video0_1710123456.ivf`
 * @returns {{ room: string, began: Date, kind: string, playable: boolean }} `kind` in words; `playable` by a browser
 */
export function readName(name) {
  const { room, track, number, unix, suffix } = (name.match(TRACK) ?? name.match(WHOLE)).groups;
  const which = { audio: 'recordings.soundOnly', video: 'recordings.pictureOnly' }[track];
  return {
    room,
    began: new Date(1000 * Number(unix)),
    kind: which ? say(which, { suffix, number: Number(number) + 1 }) : suffix,
    playable: PLAYABLE.has(suffix),
  };
}
