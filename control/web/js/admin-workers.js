// The operators' table of workers.
import { act } from './admin-act.js';
import { bitrate } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);
const figure = new Intl.NumberFormat('en');

const rows = new KeyedRows(element('workers'), element('worker-row'), {
  begin(row, worker) {
    row.querySelector('meter').setAttribute('aria-label', `Load of ${worker.id}`);
    row.querySelector('button').addEventListener('click', ({ currentTarget }) => (
      currentTarget.value === 'drain' ? drain(worker.id) : undrain(worker.id)
    ));
  },
  fill(row, worker) {
    const draining = worker.state === 'draining';
    const full = !draining && !worker.takesViewers;
    write(row, {
      id: worker.id,
      state: draining ? 'Draining' : full ? 'Full' : 'Ready',
      load: `${Math.round(100 * worker.load)} %`,
      egress: bitrate(worker.egressBits),
      packets: figure.format(Math.round(worker.egressPackets)),
      viewers: figure.format(worker.viewers),
      publishers: figure.format(Math.max(0, worker.sessions - worker.viewers)),
      rooms: figure.format(worker.roomCount),
    });
    row.querySelector('[data-cell="state"]').className = `pill ${draining || full ? 'waiting' : 'live'}`;
    row.querySelector('meter').value = worker.load;
    const button = row.querySelector('button');
    button.value = draining ? 'undrain' : 'drain';
    button.textContent = draining ? 'Undrain' : 'Drain';
    button.setAttribute('aria-label', `${button.textContent} ${worker.id}`);
  },
});

/** @param {{ workers: object[] }} data of the event */
export function showWorkers({ workers }) {
  rows.show(workers, ({ id }) => id);
  element('no-workers').hidden = workers.length > 0;
  element('workers').closest('.scroll').hidden = workers.length === 0;
}

async function drain(id) {
  await act({
    question: {
      question: `Drain ${id}?`,
      text: 'It takes no new sessions, and asks its viewers to move to other workers. At its deadline it closes the remaining sessions and stops. Until then you can cancel this.',
      action: 'Drain the worker',
    },
    path: `api/admin/workers/${id}/drain`,
    method: 'POST',
    done: () => `${id} is draining.`,
  });
}

async function undrain(id) {
  await act({ path: `api/admin/workers/${id}/drain`, method: 'DELETE', done: () => `${id} takes sessions again.` });
}
