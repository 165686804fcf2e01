// The plots of the mining page, drawn by uPlot. The server writes their numbers into
// attributes: data-seconds, data-mean and data-bar (the width of a bar) of #plot-times, and
// data-points of #plot-difficulty.

import { duration, figure, histogram } from './stats.js';

const height = 240; // pixels

// startPlots puts plots in the place of the server's drawings, and draws them anew after
// each block.
export async function startPlots(live) {
  const plots = [['plot-times', times], ['plot-difficulty', difficulty]].filter(([id]) => document.getElementById(id));
  if (plots.length === 0) return;
  const uPlot = await load();
  for (const [id, plan] of plots) {
    const plot = new Plot(uPlot, document.getElementById(id), plan);
    plot.update();
    live.hook(id, { after: () => plot.update() });
  }
}

// load adds uPlot and its style sheet to the page. Only this page needs them.
function load() {
  const sheet = document.createElement('link');
  sheet.rel = 'stylesheet';
  sheet.href = new URL('./vendor/uplot/uPlot.min.css', import.meta.url).href;
  document.head.append(sheet);
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = new URL('./vendor/uplot/uPlot.iife.min.js', import.meta.url).href;
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => reject(new Error('uPlot cannot be loaded'));
    document.head.append(script);
  });
}

// Plot is one plot in a figure. plan makes the data and the options of uPlot from the
// attributes of the figure, or returns null if there is too little to draw.
class Plot {
  constructor(uPlot, element, plan) {
    Object.assign(this, { uPlot, element, plan, plot: null, place: null, shape: '' });
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(element);
    // The colours are those of the style sheet at the time of drawing.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.shape = '';
      this.update();
    });
  }

  size() {
    return { width: Math.max(200, this.place.clientWidth), height };
  }

  update() {
    const place = this.element.querySelector('.scroll');
    const plan = this.plan(this.element.dataset, colours(), this.uPlot);
    if (!place || !plan) return; // what the server has drawn or written stays
    if (place !== this.place) this.shape = ''; // the server has drawn another one
    this.place = place;
    if (this.plot && this.shape === plan.shape) {
      this.plot.setData(plan.data);
    } else {
      this.plot?.destroy();
      this.shape = plan.shape;
      place.replaceChildren();
      place.setAttribute('data-keep', '');
      this.plot = new this.uPlot({ ...plan.options, ...this.size() }, plan.data, place);
      this.plot.root.setAttribute('role', 'img');
    }
    this.plot.root.setAttribute('aria-label', plan.words);
  }
}

// colours reads the colours of the style sheet.
function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim() || '#777';
  return { text: read('--soft'), grid: read('--line'), bar: read('--bar'), law: read('--law') };
}

const axis = (colour, label, values) => ({
  label, stroke: colour.text, grid: { stroke: colour.grid, width: 1 }, ticks: { stroke: colour.grid, width: 1 }, values,
});

// times shows how long the last blocks took, beside the exponential law.
function times({ seconds = '', mean, bar }, colour, uPlot) {
  const list = seconds.split(',').filter(Boolean).map(Number).filter(Number.isFinite);
  const average = Number(mean);
  const bins = histogram(list, average, Number(bar) || average / 4);
  if (!bins) return null;
  const middles = bins.edges.map((edge) => edge + bins.width / 2);
  return {
    shape: `times ${bins.width}`,
    data: [middles, bins.counts, bins.law],
    words: `Times of ${list.length} blocks beside the exponential law with a mean of ${duration(average)}. ${bins.counts[0]} took less than ${duration(bins.width)}, and the law expects ${bins.law[0].toFixed(1)}.`,
    options: {
      scales: { x: { time: false, range: [0, bins.edges.at(-1) + bins.width] }, y: { range: (u, min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [{ ...axis(colour, 'seconds from block to block'), splits: () => bins.edges.filter((_, i) => i % 2 === 0) }, axis(colour, 'blocks')],
      series: [
        { label: 'seconds, about', value: (u, v) => (v === null ? '–' : v.toPrecision(3)) },
        { label: 'blocks', stroke: colour.bar, fill: colour.bar, width: 1, paths: uPlot.paths.bars({ size: [0.9, 100] }), points: { show: false } },
        { label: 'exponential law', stroke: colour.law, width: 2.5, points: { show: false }, value: (u, v) => (v === null ? '–' : v.toFixed(1)) },
      ],
    },
  };
}

// difficulty shows the difficulty of the last blocks.
function difficulty({ points = '' }, colour) {
  const pairs = points.split(',').map((pair) => pair.split(':').map(Number)).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (pairs.length < 2) return null;
  const ys = pairs.map(([, y]) => y);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const logarithmic = low > 0 && high / low > 20; // as the server draws it
  return {
    shape: `difficulty ${logarithmic}`,
    data: [pairs.map(([x]) => x), ys],
    words: `Difficulty from block ${pairs[0][0]} to block ${pairs.at(-1)[0]}: it was ${figure(ys[0])} and is ${figure(ys.at(-1))}.`,
    options: {
      scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : { range: (u, min, max) => [0, max * 1.1 || 1] } },
      axes: [
        axis(colour, 'height', (u, list) => list.map((v) => (Number.isInteger(v) ? String(v) : ''))),
        { ...axis(colour, undefined, (u, list) => list.map((v) => (v === null ? '' : figure(v)))), size: 85 },
      ],
      series: [{ label: 'block' }, { label: 'difficulty', stroke: colour.law, width: 2.5, points: { show: false }, value: (u, v) => (v === null ? '–' : v.toPrecision(4)) }],
    },
  };
}
