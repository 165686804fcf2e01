// The plots of the mining page, drawn by uPlot. The server writes their numbers into
// attributes: data-seconds and data-mean of #plot-times, data-points of #plot-difficulty.

import { duration, histogram } from './stats.js';

const height = 240; // pixels

// startPlots draws both plots and draws them anew after each block.
export async function startPlots(live) {
  const plots = [['plot-times', times], ['plot-difficulty', difficulty]].filter(([id]) => document.getElementById(id));
  if (plots.length === 0) return;
  const uPlot = await load();
  for (const [id, plan] of plots) {
    const plot = new Plot(uPlot, document.getElementById(id), plan);
    plot.update(plot.element.dataset);
    live.hook(id, {
      replace(old, fresh) {
        for (const [name, value] of Object.entries(fresh.dataset)) old.dataset[name] = value;
        plot.update(old.dataset);
      },
    });
  }
}

// load adds uPlot and its style sheet to the page. Only this page needs them.
function load() {
  const sheet = document.createElement('link');
  sheet.rel = 'stylesheet';
  sheet.href = new URL('./vendor/uPlot.min.css', import.meta.url).href;
  document.head.append(sheet);
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = new URL('./vendor/uPlot.iife.min.js', import.meta.url).href;
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => reject(new Error('uPlot cannot be loaded'));
    document.head.append(script);
  });
}

// Plot is one plot in an element. plan makes the data and the options of uPlot from the
// attributes, or returns null if there is too little to draw.
class Plot {
  constructor(uPlot, element, plan) {
    Object.assign(this, { uPlot, element, plan, plot: null, shape: '', data: null });
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(element);
    // The colours are those of the style sheet at the time of drawing.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.shape = '';
      if (this.data) this.update(this.data);
    });
  }

  size() {
    return { width: Math.max(200, this.element.clientWidth), height };
  }

  update(data) {
    this.data = data;
    const plan = this.plan(data, colours(this.element), this.uPlot);
    if (!plan) return; // what the server has drawn stays
    if (this.plot && this.shape === plan.shape) {
      this.plot.setData(plan.data);
    } else {
      this.plot?.destroy();
      this.shape = plan.shape;
      this.element.replaceChildren();
      this.plot = new this.uPlot({ ...plan.options, ...this.size() }, plan.data, this.element);
    }
    this.element.setAttribute('role', 'img');
    this.element.setAttribute('aria-label', plan.words);
  }
}

// colours reads the colours of the page.
function colours(element) {
  const style = getComputedStyle(element);
  const text = style.color;
  const accent = getComputedStyle(document.querySelector('nav.site a') ?? element).color;
  return { text, accent, grid: text.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.15)'), soft: accent.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.45)') };
}

const axis = (colour, label, values) => ({
  label, stroke: colour.text, grid: { stroke: colour.grid, width: 1 }, ticks: { stroke: colour.grid, width: 1 }, values,
});

// times shows how long the last blocks took, beside the exponential law with the same
// mean.
function times({ seconds = '', mean }, colour, uPlot) {
  const list = seconds.split(',').filter(Boolean).map(Number).filter(Number.isFinite);
  const average = Number(mean) || list.reduce((a, b) => a + b, 0) / list.length;
  const bins = histogram(list, average);
  if (!bins) return null;
  const middles = bins.edges.map((edge) => edge + bins.width / 2);
  return {
    shape: `times ${bins.width}`,
    data: [middles, bins.counts, bins.law],
    words: `${list.length} blocks took ${duration(average)} on average. ${bins.counts[0]} of them took less than ${duration(bins.width)}; by the exponential law it would be ${bins.law[0].toFixed(1)}.`,
    options: {
      scales: { x: { time: false, range: [0, bins.edges.at(-1) + bins.width] }, y: { range: (u, min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [axis(colour, 'seconds from block to block'), axis(colour, 'blocks')],
      series: [
        { label: 'seconds, about', value: (u, v) => (v === null ? '–' : v.toPrecision(3)) },
        { label: 'blocks', stroke: colour.accent, fill: colour.soft, width: 1, paths: uPlot.paths.bars({ size: [0.9, 100] }), points: { show: false } },
        { label: 'exponential law', stroke: colour.text, width: 2, dash: [6, 4], points: { show: false }, value: (u, v) => (v === null ? '–' : v.toFixed(1)) },
      ],
    },
  };
}

// difficulty shows the difficulty of the last blocks.
function difficulty({ points = '' }, colour) {
  const pairs = points.split(',').map((pair) => pair.split(':').map(Number)).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (pairs.length < 2) return null;
  const ys = pairs.map(([, y]) => y);
  return {
    shape: 'difficulty',
    data: [pairs.map(([x]) => x), ys],
    words: `Difficulty from block ${pairs[0][0]} to block ${pairs.at(-1)[0]}: it was ${ys[0].toPrecision(3)} and is ${ys.at(-1).toPrecision(3)}.`,
    options: {
      scales: { x: { time: false }, y: { range: (u, min, max) => [0, max * 1.1 || 1] } },
      axes: [
        axis(colour, 'height', (u, list) => list.map((v) => (Number.isInteger(v) ? String(v) : ''))),
        { ...axis(colour, 'difficulty', (u, list) => list.map((v) => (v === 0 ? '0' : v.toPrecision(2)))), size: 70 },
      ],
      series: [{ label: 'block' }, { label: 'difficulty', stroke: colour.accent, width: 2, points: { show: false }, value: (u, v) => (v === null ? '–' : v.toPrecision(4)) }],
    },
  };
}
