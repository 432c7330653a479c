// What the cameras of the screenshots see: hills under a sun or moon, by the room. It moves, and it is not a test card.

const DUSK = { sky: { 0: '#27407c', 0.45: '#8a6aa8', 0.85: '#f2a27a', 1: '#ffd9a0' }, sun: '#fff0cf', at: [860, 380], hills: ['#6d5a8c', '#40416e', '#1d2347'] };
const NOON = { sky: { 0: '#3f86c9', 0.6: '#8fc4e6', 1: '#e2f1f4' }, sun: '#fffbe6', at: [330, 170], hills: ['#8fae7c', '#5f8a58', '#35603c'] };
const NIGHT = { sky: { 0: '#070b1c', 0.6: '#16234a', 1: '#37507e' }, sun: '#eef2ff', at: [980, 190], hills: ['#1f3357', '#142444', '#0a1430'] };
const DAWN = { sky: { 0: '#5d7fa8', 0.5: '#e4b7b2', 1: '#fbe3c4' }, sun: '#fff6e0', at: [420, 420], hills: ['#b98a8f', '#7d6a83', '#4a4a66'] };
const SNOW = { sky: { 0: '#8fa9c4', 0.7: '#d5e0ea', 1: '#f3f6f8' }, sun: '#ffffff', at: [700, 150], hills: ['#c4d2df', '#93aabf', '#5c7a94'] };
const SIGHTS = { 'garden-cam': NOON, harbour: DAWN, keynote: NIGHT, summit: SNOW };
const ROOM = location.pathname.split('/').at(-1);
const SIGHT = SIGHTS[ROOM] ?? DUSK;
const [SCALE, RATE] = ROOM in SIGHTS ? [0.5, 3] : [1, 12]; // all of them are encoded by one machine

function landscape() {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [1280 * SCALE, 720 * SCALE];
  const c = canvas.getContext('2d');
  c.scale(SCALE, SCALE);
  const hills = (base, height, colour, at) => {
    c.fillStyle = colour;
    c.beginPath();
    c.moveTo(0, 720);
    for (let x = 0; x <= 1280; x += 16) {
      c.lineTo(x, base - height * (Math.sin(x / 210 + at) + 0.5 * Math.sin(x / 83 + 2 * at)));
    }
    c.lineTo(1280, 720);
    c.fill();
  };
  const draw = () => {
    const now = performance.now() / 1000;
    const sky = c.createLinearGradient(0, 0, 0, 560);
    for (const [at, colour] of Object.entries(SIGHT.sky)) sky.addColorStop(at, colour);
    c.fillStyle = sky;
    c.fillRect(0, 0, 1280, 720);
    c.fillStyle = SIGHT.sun;
    c.beginPath();
    c.arc(SIGHT.at[0], SIGHT.at[1] + 6 * Math.sin(now), 62, 0, 7);
    c.fill();
    hills(470, 36, SIGHT.hills[0], 1 + now / 40);
    hills(540, 44, SIGHT.hills[1], 3 + now / 20);
    hills(640, 40, SIGHT.hills[2], 5 + now / 10);
  };
  draw();
  setInterval(draw, 1000 / RATE);
  return canvas.captureStream(RATE);
}

/** A camera with a microphone that hears a tone. */
function camera() {
  const sound = new AudioContext();
  const tone = new OscillatorNode(sound, { frequency: 220 });
  const volume = new GainNode(sound, { gain: 0.3 });
  const heard = sound.createMediaStreamDestination();
  tone.connect(volume).connect(heard);
  tone.start();
  return new MediaStream([...landscape().getTracks(), ...heard.stream.getTracks()]);
}

navigator.mediaDevices.getUserMedia = async () => camera();
