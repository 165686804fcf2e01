package main

import (
	"os"
	"strconv"
)

func envi(name string, def int) int {
	if s := os.Getenv(name); s != "" {
		v, _ := strconv.Atoi(s)
		return v
	}
	return def
}

func balance(order []*node) []*node {
	rots, ops := 0, 0
	for _, n := range order {
		if n.op == opStore {
			continue
		}
		ops++
		if n.rotates() {
			rots++
		}
	}
	window := envi("BAL", 8)
	done := map[*node]bool{}
	pending := map[*node]bool{}
	for _, n := range order {
		pending[n] = true
	}
	ready := func(n *node) bool {
		for _, a := range n.args {
			if pending[a] && !done[a] {
				return false
			}
		}
		for _, a := range n.after {
			if pending[a] && !done[a] {
				return false
			}
		}
		return true
	}
	left := append([]*node(nil), order...)
	var out []*node
	r, o := 0, 0
	for len(left) > 0 {
		want := r*ops < rots*o+rots/2*0 // behind: take a rotation
		pick := -1
		for i, n := range left[:min(window, len(left))] {
			if ready(n) && (n.op == opStore && i == 0 || n.op != opStore && n.rotates() == want) {
				pick = i
				break
			}
		}
		if pick < 0 {
			pick = 0
		}
		n := left[pick]
		left = append(left[:pick:pick], left[pick+1:]...)
		done[n] = true
		out = append(out, n)
		if n.op != opStore {
			o++
			if n.rotates() {
				r++
			}
		}
	}
	return out
}
