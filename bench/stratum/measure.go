package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// inside measures a node that searches with two workers itself.
func (s setup) inside(ctx context.Context, dir string) (result, error) {
	processes := &group{}
	node, err := s.startNode(ctx, processes, dir, "--workers", "2")
	var m measurement
	if err == nil {
		m, err = s.measure(ctx, []*process{node}, node)
	}
	if err = errors.Join(err, processes.stop()); err != nil {
		return result{}, err
	}
	fmt.Printf("BenchmarkStratum/where=inside\t1\t%.0f H/s\t%.3f cores\n", m.rate, m.all)
	return result{m.rate, m.all}, nil
}

// overStratum measures a node that searches nothing, with two miners of one worker each.
func (s setup) overStratum(ctx context.Context, dir string) (result, error) {
	processes := &group{}
	m, shares, err := s.measureMiners(ctx, processes, dir)
	if err = errors.Join(err, processes.stop()); err != nil {
		return result{}, err
	}
	fmt.Printf("BenchmarkStratum/where=stratum\t1\t%.0f H/s\t%.3f cores\t%.3f node-cores\t%.1f shares/min\n", m.rate, m.all, m.cores, shares*60/s.length.Seconds())
	return result{m.rate, m.all}, nil
}

func (s setup) measureMiners(ctx context.Context, processes *group, dir string) (m measurement, shares float64, err error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return m, 0, err
	}
	node, err := s.startNode(ctx, processes, dir, "--stratum", address, "--stratum-only")
	if err != nil {
		return m, 0, err
	}
	// A miner that finds no server waits for some seconds until it tries again.
	if err := node.awaitListener(ctx, address); err != nil {
		return m, 0, err
	}
	var miners []*process
	for i := range 2 {
		metrics, err := freeAddress(ctx)
		if err != nil {
			return m, 0, err
		}
		p, err := s.start(ctx, processes, dir, metrics, "mine", "stratum+tcp://"+address, "-u", fmt.Sprintf("worker-%d", i), "--workers", "1", "--metrics", metrics)
		if err != nil {
			return m, 0, err
		}
		miners = append(miners, p)
	}
	m, err = s.measure(ctx, miners, node)
	return m, m.shares, err
}

// startNode starts a node with a new chain that always has work.
func (s setup) startNode(ctx context.Context, processes *group, dir string, flags ...string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(dir, "node-")
	if err != nil {
		return nil, err
	}
	args := append([]string{"node", "--listen", address, "--data", data, "--difficulty", s.difficulty, "--mine", "continuous"}, flags...)
	return s.start(ctx, processes, dir, address, args...)
}

// measurement is what has been measured.
type measurement struct {
	rate   float64 // of all miners together, in hashes a second
	cores  float64 // processor time of the node, in seconds a second
	all    float64 // the same of all processes together
	shares float64 // that the miners have had accepted
}

// measure waits until the miners hash, and for the time to settle, and then measures. miners
// are the processes that hash; the node may be one of them.
func (s setup) measure(ctx context.Context, miners []*process, node *process) (m measurement, err error) {
	for _, p := range miners {
		if err := p.awaitHashes(ctx); err != nil {
			return m, err
		}
	}
	if err := sleep(ctx, s.settle); err != nil {
		return m, err
	}
	// Each process is read at a moment of its own, which counts as its time.
	type reading struct {
		at             time.Time
		hashes, shares float64
		cpu            time.Duration
	}
	read := func() (all []reading, err error) {
		for _, p := range miners {
			values, err := p.metrics(ctx)
			if err != nil {
				return nil, err
			}
			cpu, err := p.cpu()
			if err != nil {
				return nil, err
			}
			all = append(all, reading{time.Now(), values["lode_hashes_total"], values[`lode_pool_shares_total{outcome="accepted"}`], cpu})
		}
		return all, nil
	}
	before, err := read()
	if err != nil {
		return m, err
	}
	nodeBefore, err := node.cpu()
	if err != nil {
		return m, err
	}
	if err := sleep(ctx, s.length); err != nil {
		return m, err
	}
	nodeAfter, err := node.cpu()
	if err != nil {
		return m, err
	}
	after, err := read()
	if err != nil {
		return m, err
	}
	for i := range after {
		seconds := after[i].at.Sub(before[i].at).Seconds()
		m.rate += (after[i].hashes - before[i].hashes) / seconds
		m.shares += after[i].shares - before[i].shares
		m.all += (after[i].cpu - before[i].cpu).Seconds() / seconds
	}
	m.cores = (nodeAfter - nodeBefore).Seconds() / s.length.Seconds()
	if !slices.Contains(miners, node) {
		m.all += m.cores
	}
	return m, nil
}

// sleep waits, and returns an error if the context ends before that.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
