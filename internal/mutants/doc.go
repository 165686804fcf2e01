// Command mutants looks for rules and bounds that no test holds. It changes the code
// in one place after another: a comparison takes or loses its boundary, a condition
// is always true or always false, a calculation turns round, a constant is another
// one, a statement is missing. Each such change is a mutant. If all tests pass on a
// mutant, it survives, and then either a test is missing, or the change makes no
// difference.
//
//	go run ./internal/mutants                        all files of targets.txt
//	go run ./internal/mutants ./chain/rules          those of one folder
//	go run ./internal/mutants ./chain/held.go        one file
//	go run ./internal/mutants -list ./chain/held.go  list the mutants, test nothing
//	go run ./internal/mutants -only 17 ./chain/held.go
//	go run ./internal/mutants -sample 100            some mutants, always the same
//
// The file targets.txt says which files are mutated and which tests must notice. The
// file accepted.txt lists mutants that make no difference, each with the reason. The
// command fails if another mutant survives. Files for other systems are left out.
//
// All mutants of a package are compiled at once, with switches around them, and the
// environment variable LODE_MUTANT turns one of them on. So nothing is compiled again
// for a mutant. At first each test runs alone, with all mutants off, while the switches
// record which of them it reaches. A mutant then costs the tests that reach it, the
// shortest first, up to the one that fails; one that no test reaches survives at once.
package main
