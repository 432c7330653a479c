// The operators' table of workers.
import { act } from './admin-act.js';
import { bitrate, clockTime, figure, period, wholeShare } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { say } from './language.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

let all = []; // workers, as last reported

const rows = new KeyedRows(element('workers'), element('worker-row'), {
  begin(row, worker) {
    row.querySelector('meter').setAttribute('aria-label', say('admin.loadOf', { id: worker.id }));
    row.querySelector('button').addEventListener('click', ({ currentTarget }) => (
      currentTarget.value === 'drain' ? drain(worker.id) : undrain(worker.id)
    ));
  },
  fill(row, worker) {
    const draining = worker.state === 'draining';
    const full = !draining && !worker.takesViewers;
    write(row, {
      id: worker.id,
      state: say(draining ? 'admin.draining' : full ? 'admin.full' : 'admin.ready'),
      load: wholeShare(worker.load),
      egress: bitrate(worker.egressBits),
      packets: figure(worker.egressPackets),
      viewers: figure(worker.viewers),
      publishers: figure(Math.max(0, worker.sessions - worker.viewers)),
      rooms: figure(worker.roomCount),
    });
    row.querySelector('[data-cell="state"]').className = `pill ${draining || full ? 'waiting' : 'live'}`;
    row.querySelector('meter').value = worker.load;
    const button = row.querySelector('button');
    button.value = draining ? 'undrain' : 'drain';
    button.textContent = say(draining ? 'admin.undrain' : 'admin.drain');
    button.setAttribute('aria-label', `${button.textContent} ${worker.id}`);
  },
});

/** @param {{ workers: object[] }} data of the event */
export function showWorkers({ workers }) {
  all = workers;
  rows.show(workers, ({ id }) => id);
  element('no-workers').hidden = workers.length > 0;
  element('workers').closest('.scroll').hidden = workers.length === 0;
}

async function drain(id) {
  const { drainSeconds: seconds } = all.find((worker) => worker.id === id) ?? {};
  const hasOther = all.some((worker) => worker.id !== id && worker.takesViewers && worker.takesPublishers);
  const deadline = (left) => say('admin.drainDeadline', { time: clockTime(Date.now() + 1000 * left), period: period(left) });
  await act({
    question: {
      question: say('admin.drainQuestion', { id }),
      text: [say('admin.drainText'), ...(Number.isFinite(seconds) ? [deadline(seconds)] : [])].join(' '),
      warning: hasOther ? '' : say('admin.drainAlone'),
      action: say('admin.drainAction'),
    },
    path: `api/admin/workers/${id}/drain`,
    method: 'POST',
    done: () => say('admin.isDraining', { id }),
  });
}

async function undrain(id) {
  await act({ path: `api/admin/workers/${id}/drain`, method: 'DELETE', done: () => say('admin.isUndrained', { id }) });
}
