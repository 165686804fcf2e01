package bench

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/lodepow/lode/pow/headers"
)

// BenchmarkVerify reads and checks streams of real headers. The 548 of testnet3
// come with the repository; LODE_HEADERS names a longer one.
func BenchmarkVerify(b *testing.B) {
	streams := []struct{ name, file string }{
		{"testnet3-hex", "../pow/headers/testdata/blockheader_testnet3.hex"},
		{"main-raw", os.Getenv("LODE_HEADERS")},
	}
	for _, stream := range streams {
		b.Run("stream="+stream.name, func(b *testing.B) {
			if stream.file == "" {
				b.Skip("LODE_HEADERS names no file of headers (see CONTRIBUTING.md)")
			}
			data, err := os.ReadFile(stream.file)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var total uint64
			for b.Loop() {
				reader := headers.NewReader(bytes.NewReader(data))
				verifier := headers.NewVerifier(headers.Config{Retarget: true})
				for {
					h, err := reader.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					if err == nil {
						err = verifier.Add(h)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				total += verifier.Summary().Headers
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "headers/s")
		})
	}
}
