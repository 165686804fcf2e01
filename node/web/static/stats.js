// The arithmetic of mining: how long a search takes, and how likely that is. Every try
// finds a block with the same small chance, so the number of tries is geometric, which
// for small chances is the exponential law.

// Of all searches, 95 % take between these multiples of the mean: -ln 0.975 and -ln 0.025.
export const bandLow = -Math.log(0.975);
export const bandHigh = -Math.log(0.025);

// longer returns the share of searches that take longer than that many tries, if a
// search takes expected tries on average.
export const longer = (tries, expected) => Math.exp(-tries / expected);

// histogram sorts times in seconds into bins and says how many of them the exponential
// law with that mean puts into each bin. The last bin has no upper end. It returns null
// for fewer than two times or a mean of zero.
export function histogram(seconds, mean, bins = 12) {
  if (seconds.length < 2 || !(mean > 0)) return null;
  const width = niceWidth((4 * mean) / bins);
  const edges = Array.from({ length: bins }, (_, i) => i * width);
  const counts = edges.map(() => 0);
  for (const s of seconds) counts[Math.min(bins - 1, Math.max(0, Math.floor(s / width)))]++;
  const law = edges.map((edge, i) => {
    const end = i === bins - 1 ? 0 : Math.exp(-(edge + width) / mean);
    return seconds.length * (Math.exp(-edge / mean) - end);
  });
  return { width, edges, counts, law };
}

// niceWidth rounds up to 1, 2 or 5 times a power of ten.
function niceWidth(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return ([1, 2, 5].find((n) => n * power >= x * 0.999) ?? 10) * power;
}

// count writes a large number with three digits and a unit: 1.23 million.
export function count(n) {
  if (!Number.isFinite(n)) return '–';
  const units = ['', ' thousand', ' million', ' billion', ' trillion', ' quadrillion'];
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  if (n >= 999.5) return `${n.toExponential(2)}${units[i]}`;
  return digits(n, i === 0 && Number.isInteger(n)) + units[i];
}

// rate writes hashes a second.
export function rate(n) {
  if (!Number.isFinite(n)) return '–';
  const units = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s'];
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${digits(n, false)} ${units[i]}`;
}

// duration writes seconds as people say them.
export function duration(s) {
  if (!Number.isFinite(s)) return '–';
  if (s < 0.001) return `${digits(s * 1e6, false)} µs`;
  if (s < 1) return `${digits(s * 1000, false)} ms`;
  if (s < 120) return `${digits(s, false)} s`;
  if (s < 7200) return `${digits(s / 60, false)} min`;
  if (s < 172_800) return `${digits(s / 3600, false)} h`;
  return `${digits(s / 86_400, false)} days`;
}

// percent writes a share.
export function percent(p) {
  if (!Number.isFinite(p)) return '–';
  if (p > 0 && p < 0.001) return 'less than 0.1 %';
  return `${(100 * p).toFixed(p < 0.1 ? 1 : 0)} %`;
}

function digits(n, whole) {
  if (whole) return String(n);
  return n.toFixed(n < 9.995 ? 2 : n < 99.95 ? 1 : 0);
}
