// The mining page: the search as it happens.

import { json } from './net.js';
import { bandHigh, bandLow, duration, figure, longer, number, percent, rate } from './stats.js';

const look = 2000; // milliseconds between two looks at /status while the node mines

// fields returns what the cells [data-field] say about a search, in the words of the
// server. status is the answer of /status, and search the latest event of the kind mining.
export function fields(status, search) {
  const { active = false, height, hashes = 0, seconds = 0, hashes_per_second: speed, expected_hashes: expected } = search;
  const mode = search.mode ?? status.mining?.mode;
  const found = { difficulty: figure(status.difficulty) };
  if (mode) found.mode = mode;
  found.state = active ? 'Searching' : 'Not searching';
  if (!active) {
    for (const name of ['hashes', 'odds', 'rate', 'elapsed']) found[name] = '–';
    return found; // the server has written what to expect from the next search
  }
  found.height = number(height);
  found.hashes = figure(hashes);
  found.expected = figure(expected);
  found.odds = percent(chance(search));
  found.rate = rate(speed);
  found.elapsed = duration(seconds);
  const mean = speed > 0 ? expected / speed : NaN;
  found['expected-seconds'] = duration(mean);
  found['band-low'] = duration(bandLow * mean);
  found['band-high'] = duration(bandHigh * mean);
  return found;
}

// chance returns how likely it is that a search is over after as many tries.
const chance = ({ active, hashes = 0, expected_hashes: expected }) => (active && expected > 0 ? 1 - longer(hashes, expected) : 0);

// startMining enlivens the page.
export async function startMining(stream, live) {
  const place = document.getElementById('mining');
  if (place) startCells(place, stream, live);
  const { startPlots } = await import('./plots.js');
  await startPlots(live);
}

function startCells(place, stream, live) {
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
    for (const bar of place.querySelectorAll('meter')) bar.value = 100 * chance(search);
    showWorkers(search.workers ?? status.mining?.workers ?? [], live);
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

// showWorkers fills the table of workers. If it has another number of rows, the server
// draws it.
function showWorkers(workers, live) {
  const rows = document.querySelectorAll('#workers [data-field="worker-rate"]');
  if (rows.length !== workers.length) {
    if (workers.length > 0) live.happened('mining');
    return;
  }
  workers.forEach((worker, i) => {
    const texts = [rate(worker.hashes_per_second), figure(worker.hashes_total)];
    let cell = rows[i];
    for (const text of texts) {
      if (cell && cell.textContent !== text) cell.textContent = text;
      cell = cell?.nextElementSibling;
    }
  });
}
