// The arithmetic of mining: how long a search takes, and how likely that is. Every try
// finds a block with the same small chance, so the number of tries is geometric, which
// for small chances is the exponential law.

// Of all searches, 95 % take between these multiples of the mean: -ln 0.975 and -ln 0.025.
export const bandLow = -Math.log(0.975);
export const bandHigh = -Math.log(0.025);

// longer returns the share of searches that take longer than that many tries, if a
// search takes expected tries on average.
export const longer = (tries, expected) => Math.exp(-tries / expected);

// histogram sorts times in seconds into bars and says how many of them the exponential
// law with that mean puts into each bar. The last bar has no upper end. width is that of
// a bar in seconds. It returns null for fewer than two times, or without a mean or width.
export function histogram(seconds, mean, width, bars = 16) {
  if (seconds.length < 2 || !(mean > 0) || !(width > 0)) return null;
  const edges = Array.from({ length: bars }, (_, i) => i * width);
  const counts = edges.map(() => 0);
  for (const s of seconds) counts[Math.min(bars - 1, Math.max(0, Math.floor(s / width)))]++;
  const law = edges.map((edge, i) => {
    const end = i === bars - 1 ? 0 : Math.exp(-(edge + width) / mean);
    return seconds.length * (Math.exp(-edge / mean) - end);
  });
  return { width, edges, counts, law };
}

// The functions below write numbers as format.go does, so that nothing flickers when a
// script replaces what the server has written.

// number writes a whole number with narrow no-break spaces between the thousands.
export const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');

// rate writes a rate of hashes, or a dash if nothing is searched. A prefix is a part of the
// unit.
export function rate(n) {
  if (!n) return '–';
  const text = figure(n);
  return text + (text.includes(' ') ? '' : ' ') + 'H/s';
}

// figure writes a number with three or four digits and a prefix, such as "12.3 M".
export function figure(n) {
  if (Number.isNaN(n) || n === undefined) return '–';
  if (!Number.isFinite(n)) return '∞';
  if ((n !== 0 && Math.abs(n) < 0.001) || Math.abs(n) >= 1e18) {
    const [mantissa, exponent] = n.toExponential(2).split('e');
    return `${mantissa} × 10${superscript(Number(exponent))}`;
  }
  const prefixes = ['', ' k', ' M', ' G', ' T', ' P'];
  let i = 0;
  while (Math.abs(n) >= 999.5 && i < prefixes.length - 1) {
    n /= 1000;
    i++;
  }
  if (i === 0 && Number.isInteger(n)) return String(n);
  const size = Math.abs(n);
  return n.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size < 0.1 ? 4 : 2) + prefixes[i];
}

const superscript = (n) => String(n).replace(/./g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c]));

// duration writes seconds in words.
export function duration(s) {
  if (s === undefined || Number.isNaN(s)) return '–';
  if (!(s <= 1e12)) return 'longer than anybody can wait';
  if (s === 0) return '0 s';
  if (s < 0.001) return `${three(s * 1e6)} µs`;
  if (s < 1) return `${three(s * 1e3)} ms`;
  if (s < 99.5) return `${three(s)} s`;
  if (s < 6000) return `${(s / 60).toFixed(0)} min`;
  if (s < 172_800) return `${three(s / 3600)} h`;
  const year = 86_400 * 365.25;
  if (s < 2 * year) return `${(s / 86_400).toFixed(0)} days`;
  return `${figure(s / year)} years`;
}

// percent writes a share.
export const percent = (share) => `${(100 * share).toFixed(1)} %`;

// three writes a number with three significant digits and without zeros at the end.
const three = (n) => String(Number(n.toPrecision(3)));
