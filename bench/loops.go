package bench

import (
	"bytes"
	"context"
	stdlib "crypto/sha256"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	minio "github.com/minio/sha256-simd"

	"github.com/lodepow/lode/pow"
)

// loops returns the straightforward implementations against which kernels are
// measured: two loops that hash the whole header twice, with the standard library
// and with sha256-simd; a loop like that of btcd's CPU miner; and, in Python, the
// loop of a well-known tutorial.
func loops() []Case {
	cases := []Case{
		sumLoop("loop-stdlib", stdlib.Sum256),
		sumLoop("loop-minio", minio.Sum256),
		{
			Name:  "Scan/kernel=loop-btcd",
			Start: func() (*Run, error) { return startBtcdLoop(), nil },
		},
	}
	python := Case{
		Name:  "Scan/kernel=loop-python",
		Start: func() (*Run, error) { return startPythonLoop(), nil },
	}
	if _, err := exec.LookPath("python3"); err != nil {
		python.Skip = "the program python3 is not installed"
	}
	return append(cases, python)
}

// errUnlikely reports a hash that no loop can be expected to find in any run.
var errUnlikely = errors.New("found a hash with 64 zero bits, which means that the loop is wrong")

// loopHashes is the number of hashes in one operation of a loop.
const loopHashes = 1 << 12

// sumLoop returns the case of the simplest loop, with the given SHA-256 function.
func sumLoop(name string, sum256 func([]byte) [32]byte) Case {
	return Case{
		Name: "Scan/kernel=" + name,
		Start: func() (*Run, error) {
			var done uint64
			header := pow.BitcoinGenesis().Bytes()
			nonce := uint32(0)
			return &Run{
				Op: func(context.Context) error {
					for range loopHashes {
						binary.LittleEndian.PutUint32(header[76:], nonce)
						nonce++
						first := sum256(header[:])
						second := sum256(first[:])
						if binary.LittleEndian.Uint64(second[24:]) == 0 {
							return errUnlikely
						}
					}
					done += loopHashes
					return nil
				},
				Report: ratePerSecond(&done, "H/s"),
			}, nil
		},
	}
}

// startBtcdLoop does for each nonce what btcd's CPU miner does: it writes the
// header field by field into a new buffer, hashes it twice, converts the hash to a
// big.Int, and compares it with the target.
func startBtcdLoop() *Run {
	var done uint64
	header := pow.BitcoinGenesis()
	target := new(big.Int).Lsh(big.NewInt(1), 256-64)
	return &Run{
		Op: func(context.Context) error {
			for range loopHashes {
				header.Nonce++
				buffer := bytes.NewBuffer(make([]byte, 0, pow.HeaderSize))
				for _, field := range []any{header.Version, header.Prev, header.MerkleRoot, header.Time, uint32(header.Bits), header.Nonce} {
					if err := writeField(buffer, field); err != nil {
						return err
					}
				}
				first := stdlib.Sum256(buffer.Bytes())
				second := stdlib.Sum256(first[:])
				slices.Reverse(second[:])
				if new(big.Int).SetBytes(second[:]).Cmp(target) < 0 {
					return errUnlikely
				}
			}
			done += loopHashes
			return nil
		},
		Report: ratePerSecond(&done, "H/s"),
	}
}

func writeField(w *bytes.Buffer, field any) error {
	var word [4]byte
	switch field := field.(type) {
	case int32:
		binary.LittleEndian.PutUint32(word[:], uint32(field))
	case uint32:
		binary.LittleEndian.PutUint32(word[:], field)
	case pow.Hash:
		_, err := w.Write(field[:])
		return err
	default:
		return fmt.Errorf("cannot write a header field of type %T", field)
	}
	_, err := w.Write(word[:])
	return err
}

//go:embed tutorial.py
var tutorialPython string

// pythonTime is the running time of the Python loop, without the start of the
// interpreter.
const pythonTime = 100 * time.Millisecond

// startPythonLoop runs the loop of tutorial.py in a new process. It reports the
// rate that the process measured itself, so that starting Python does not count.
func startPythonLoop() *Run {
	var hashes, seconds float64
	return &Run{
		Op: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, "python3", "-c", tutorialPython, strconv.FormatFloat(pythonTime.Seconds(), 'g', -1, 64)).Output()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				return fmt.Errorf("python3: %w", err)
			}
			var h, s float64
			if _, err := fmt.Fscan(strings.NewReader(string(out)), &h, &s); err != nil || h < 1 || s <= 0 {
				return fmt.Errorf("python3 printed %q, want hashes and seconds", out)
			}
			hashes += h
			seconds += s
			return nil
		},
		Report: func(int, time.Duration) []Metric {
			return []Metric{{0, nsPerOp}, {hashes / seconds, "H/s"}}
		},
	}
}
