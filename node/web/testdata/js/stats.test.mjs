// Tests of the arithmetic of the mining page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { count } from '../../static/learn.js';
import { bandHigh, bandLow, duration, figure, histogram, longer, number, percent, rate } from '../../static/stats.js';

test('95 % of an exponential law lies in the band', () => {
  const share = longer(bandLow, 1) - longer(bandHigh, 1);
  assert.ok(Math.abs(share - 0.95) < 1e-12, `${share}`);
  assert.ok(Math.abs(longer(bandHigh, 1) - 0.025) < 1e-12, 'half of the rest is above');
});

test('a histogram counts every time once, and the law adds up to the same number', () => {
  // Quantiles of the exponential law with mean 10: the counts must be those of the law.
  const n = 2000;
  const seconds = Array.from({ length: n }, (_, i) => -10 * Math.log(1 - (i + 0.5) / n));
  const h = histogram(seconds, 10, 3);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  assert.equal(sum(h.counts), n);
  assert.ok(Math.abs(sum(h.law) - n) < 1e-6);
  h.counts.forEach((c, i) => assert.ok(Math.abs(c - h.law[i]) <= 1.5, `bin ${i}: ${c} times, by the law ${h.law[i]}`));
});

test('times outside the bins are counted in the first and the last', () => {
  const h = histogram([-3, 0, 1e9], 10, 3);
  assert.equal(h.counts[0], 2);
  assert.equal(h.counts.at(-1), 1);
});

test('too little for a histogram', () => {
  for (const [list, mean, width] of [[[], 1, 1], [[1], 1, 1], [[1, 2], 0, 1], [[1, 2], NaN, 1], [[1, 2], 1, 0]]) assert.equal(histogram(list, mean, width), null);
});

test('lessons write whole numbers as the other pages do', () => {
  for (const [got, want] of [[count(999), '999'], [count(12345.4), '12\u202f345'], [count(65536n), '65\u202f536'], [count(12_345_678), '12.3 million']]) assert.equal(got, want);
});

// The expected texts are those that format.go writes; see its tests.
test('numbers are written as the server writes them', () => {
  for (const [got, want] of [
    [number(0), '0'], [number(999), '999'], [number(1000), '1\u202f000'], [number(1_234_567), '1\u202f234\u202f567'],
    [figure(0), '0'], [figure(999), '999'], [figure(1000), '1.00 k'], [figure(999_999), '1.00 M'], [figure(12_345_678), '12.3 M'], [figure(0.05), '0.0500'],
    [figure(3.5), '3.50'], [figure(NaN), '–'], [figure(Infinity), '∞'], [figure(2 ** 80), '1.21 × 10²⁴'], [figure(4.6565423739069247e-10), '4.66 × 10⁻¹⁰'],
    [rate(0), '–'], [rate(undefined), '–'], [rate(999), '999 H/s'], [rate(2_500_000), '2.50 MH/s'],
    [duration(0), '0 s'], [duration(0.0000123), '12.3 µs'], [duration(0.05), '50 ms'], [duration(90), '90 s'], [duration(600), '10 min'], [duration(86_400), '24 h'], [duration(864_000), '10 days'],
    [duration(NaN), '–'], [duration(1e13), 'longer than anybody can wait'], [duration(86_400 * 365.25 * 3), '3 years'],
    [percent(0), '0.0 %'], [percent(0.0123), '1.2 %'], [percent(0.5), '50.0 %'],
  ]) assert.equal(got, want);
});
