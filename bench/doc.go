// Package bench measures Lode. It has nothing to import: run it with
//
//	go test -bench . ./bench
//
// Machines are shared and noisy. What compares two ways measures both in turns,
// inside one benchmark, and reports the median of the ratios.
package bench
