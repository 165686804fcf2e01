// Tests of the arithmetic of the mining page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bandHigh, bandLow, count, duration, histogram, longer, percent, rate } from '../../static/stats.js';

test('95 % of an exponential law lies in the band', () => {
  const share = longer(bandLow, 1) - longer(bandHigh, 1);
  assert.ok(Math.abs(share - 0.95) < 1e-12, `${share}`);
  assert.ok(Math.abs(longer(bandHigh, 1) - 0.025) < 1e-12, 'half of the rest is above');
});

test('a histogram counts every time once, and the law adds up to the same number', () => {
  // Quantiles of the exponential law with mean 10: the counts must be those of the law.
  const n = 2000;
  const seconds = Array.from({ length: n }, (_, i) => -10 * Math.log(1 - (i + 0.5) / n));
  const h = histogram(seconds, 10);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  assert.equal(sum(h.counts), n);
  assert.ok(Math.abs(sum(h.law) - n) < 1e-6);
  h.counts.forEach((c, i) => assert.ok(Math.abs(c - h.law[i]) <= 1.5, `bin ${i}: ${c} times, by the law ${h.law[i]}`));
});

test('times outside the bins are counted in the first and the last', () => {
  const h = histogram([-3, 0, 1e9], 10);
  assert.equal(h.counts[0], 2);
  assert.equal(h.counts.at(-1), 1);
});

test('too little for a histogram', () => {
  for (const [list, mean] of [[[], 1], [[1], 1], [[1, 2], 0], [[1, 2], NaN]]) assert.equal(histogram(list, mean), null);
});

test('numbers are written for people', () => {
  for (const [got, want] of [
    [count(0), '0'], [count(999), '999'], [count(1000), '1.00 thousand'], [count(999_999), '1.00 million'], [count(12_345_678), '12.3 million'],
    [count(3.5), '3.50'], [count(NaN), '–'], [count(2 ** 80), '1.21e+9 quadrillion'],
    [rate(0), '0.00 H/s'], [rate(2_500_000), '2.50 MH/s'], [rate(undefined), '–'],
    [duration(0.0000123), '12.3 µs'], [duration(0.05), '50.0 ms'], [duration(90), '90.0 s'], [duration(600), '10.0 min'], [duration(86_400), '24.0 h'], [duration(864_000), '10.0 days'], [duration(Infinity), '–'],
    [percent(0), '0.0 %'], [percent(0.0001), 'less than 0.1 %'], [percent(0.0123), '1.2 %'], [percent(0.5), '50 %'],
  ]) assert.equal(got, want);
});
