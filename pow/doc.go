// Package pow finds and checks Bitcoin's proof of work.
//
// The package is about block headers and knows nothing of blocks or chains.
// [Header], [Hash], [Target], [Bits], [Work] and [Retarget] are the data types of
// proof of work and their arithmetic. An [Engine] searches the nonces of a [Job]
// on every core:
//
//	engine, err := pow.New(pow.Config{})
//	...
//	result, err := engine.Search(ctx, pow.Job{Header: header})
//
// The answer is the smallest nonce that meets the target. It is the same for any
// kernel, any number of workers and any scheduling.
//
// The inner loops that hash are called kernels, and [Kernels] lists them. A kernel
// looks only at the most significant word of each hash. If that word is small
// enough, the hash is a candidate, and the engine computes the whole hash again to
// check it. A faulty kernel can therefore miss an answer, but it cannot make the
// engine return a wrong one.
//
// The package depends on the standard library, sha256-simd, cpuid and x/sync
// only. [Engine.Stats] and [Engine.Observe] give its numbers as plain values;
// package pow/metrics exports them to Prometheus.
package pow
