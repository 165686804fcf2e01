// Package pow finds and checks Bitcoin's proof of work.
//
// It knows headers and nothing above them: [Header], [Hash], [Target], [Bits],
// [Work] and [Retarget] are the field's arithmetic, and an [Engine] searches
// the nonces of a [Job] on every core:
//
//	engine, err := pow.New(pow.Config{})
//	...
//	result, err := engine.Search(ctx, pow.Job{Header: header})
//
// The answer is the same for any kernel, any number of workers and any
// scheduling: the smallest nonce that meets the target.
//
// The fast loops are kernels, rows of the table [Kernels]. A kernel looks only
// at the most significant word of each hash and proposes candidates, which the
// engine hashes again to confirm, so that a wrong kernel can miss an answer but
// never forge one.
package pow
