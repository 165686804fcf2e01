package bench

import (
	stdlib "crypto/sha256"
	"encoding/binary"
	"testing"

	minio "github.com/minio/sha256-simd"

	"github.com/lodepow/lode/pow"
)

// hopeless is a target that no benchmark meets.
var hopeless = pow.ZerosTarget(200)

// BenchmarkScan measures each kernel on one core, without the engine, beside
// the loops that one writes first: the header hashed twice, whole.
func BenchmarkScan(b *testing.B) {
	const hashes = 1 << 14

	loops := []struct {
		name   string
		sum256 func([]byte) [32]byte
	}{
		{"loop-stdlib", stdlib.Sum256},
		{"loop-minio", minio.Sum256},
	}
	for _, loop := range loops {
		b.Run("kernel="+loop.name, func(b *testing.B) {
			header := pow.BitcoinGenesis().Bytes()
			nonce := uint32(0)
			for b.Loop() {
				for range hashes {
					binary.LittleEndian.PutUint32(header[76:], nonce)
					nonce++
					first := loop.sum256(header[:])
					second := loop.sum256(first[:])
					if binary.LittleEndian.Uint64(second[24:]) == 0 {
						b.Fatal("a hash with 64 zero bits")
					}
				}
			}
			b.ReportMetric(hashes*float64(b.N)/b.Elapsed().Seconds(), "H/s")
		})
	}

	for _, k := range pow.Kernels() {
		b.Run("kernel="+k.Name(), func(b *testing.B) {
			skipIfMissing(b, k)
			job := pow.Job{Header: pow.BitcoinGenesis(), Target: hopeless, Count: hashes}
			for b.Loop() {
				_, _ = k.Scan(job)
				job.First += hashes
			}
			b.ReportMetric(hashes*float64(b.N)/b.Elapsed().Seconds(), "H/s")
		})
	}
}

func skipIfMissing(b *testing.B, k pow.Kernel) {
	b.Helper()
	if missing := k.Missing(); len(missing) > 0 {
		b.Skipf("kernel %s needs %v", k.Name(), missing)
	}
}
