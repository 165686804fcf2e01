// The mining page: the search as it happens.

import { json } from './net.js';
import { bandHigh, bandLow, count, duration, longer, percent, rate } from './stats.js';

const look = 2000; // milliseconds between two looks at /status while the node mines

// fields returns what the cells [data-field] say about a search. status is the answer of
// /status, and search the latest event of the kind mining.
export function fields(status, search) {
  const { kernel, workers, difficulty } = status;
  const mode = search.mode ?? status.mining?.mode;
  const found = { kernel, workers: String(workers), difficulty: difficulty.toPrecision(3) };
  if (mode) found.mode = mode;
  found.state = search.active ? `mines block ${search.height}` : 'does not mine now';
  const { hashes = 0, expected_hashes: expected, hashes_per_second: speed, seconds = 0 } = search.active ? search : {};
  found.height = search.active ? String(search.height) : '–';
  found.hashes = search.active ? count(hashes) : '–';
  found.expected = search.active ? count(expected) : '–';
  found.odds = search.active ? `${percent(longer(hashes, expected))} of all searches take longer than this` : '–';
  found.rate = search.active ? rate(speed) : '–';
  found.elapsed = search.active ? duration(seconds) : '–';
  const mean = search.active && speed > 0 ? expected / speed : NaN;
  found['expected-seconds'] = duration(mean);
  found['band-low'] = duration(bandLow * mean);
  found['band-high'] = duration(bandHigh * mean);
  return found;
}

// startMining enlivens the page.
export async function startMining(stream, live) {
  const place = document.getElementById('mining');
  if (place) startCells(place, stream);
  const { startPlots } = await import('./plots.js');
  await startPlots(live);
}

function startCells(place, stream) {
  let status = null;
  let search = { active: false };
  let asked = -Infinity;
  let asking = false;
  const show = () => {
    if (!status) return;
    for (const [name, text] of Object.entries(fields(status, search))) {
      for (const cell of place.querySelectorAll(`[data-field="${name}"]`)) {
        if (cell.textContent !== text) cell.textContent = text;
      }
    }
    for (const bar of place.querySelectorAll('progress[data-field="progress"]')) {
      bar.value = search.active ? 1 - longer(search.hashes ?? 0, search.expected_hashes) : 0;
    }
    showWorkers(status.mining?.workers ?? []);
  };
  const ask = async () => {
    if (asking || document.hidden) return;
    asking = true;
    asked = Date.now();
    try {
      status = await json('/status');
      search = status.mining ?? { active: false };
      show();
    } catch (err) {
      console.warn(`lode: ${err.message}`);
    }
    asking = false;
  };
  stream.on('mining', (event) => {
    const turned = event.active !== search.active;
    search = { ...event, mode: event.mode ?? search.mode };
    show();
    if (turned || Date.now() - asked >= look) ask();
  });
  for (const kind of ['tip', 'block', 'reorg', 'reset']) {
    stream.on(kind, () => {
      if (Date.now() - asked >= look) ask();
    });
  }
  document.addEventListener('visibilitychange', ask);
  ask();
}

// showWorkers fills the table of workers, and makes its rows when their number changes.
function showWorkers(workers) {
  const body = document.querySelector('tbody#workers');
  if (!body) return;
  while (body.rows.length > workers.length) body.deleteRow(-1);
  while (body.rows.length < workers.length) {
    const row = body.insertRow();
    for (let i = 0; i < 3; i++) row.insertCell();
  }
  workers.forEach((worker, i) => {
    const texts = [String(worker.worker ?? i), rate(worker.hashes_per_second), count(worker.hashes)];
    texts.forEach((text, j) => {
      const cell = body.rows[i].cells[j];
      if (cell && cell.textContent !== text) cell.textContent = text;
    });
  });
}
