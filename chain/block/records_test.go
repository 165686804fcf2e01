package block

import "testing"

// FuzzOpenRecords checks that any bytes are read or refused, and that a block is read as
// Parse reads it.
func FuzzOpenRecords(f *testing.F) {
	for _, b := range [][]byte{nil, make([]byte, 79), make([]byte, 80), make([]byte, 400)} {
		f.Add(b)
	}
	f.Add(encodeBlock(f, plainBlock()))
	f.Add(encodeBlock(f, plainBlock(signedTx(f), testTx(f, "two"), testTx(f, "<&>"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := OpenRecords(data)
		b, wrong := Parse(data)
		if wrong != nil {
			return
		}
		if err != nil {
			t.Fatalf("a block is refused: %v", err)
		}
		if records.Len() != len(b.Txs) || records.Size() != b.Size() || records.Header != b.Header {
			t.Fatalf("%d transactions and %d bytes, want %d and %d", records.Len(), records.Size(), len(b.Txs), b.Size())
		}
		text, err := records.AppendJSON([]byte("before"))
		if want, wrong := b.MarshalJSON(); err != nil || wrong != nil || string(text) != "before"+string(want) {
			t.Errorf("the JSON is %s (%v), want %s (%v)", text, err, want, wrong)
		}
		if size := len(text) - len("before"); size > records.JSONSize() {
			t.Errorf("the JSON has %d bytes, want at most %d", size, records.JSONSize())
		}
		for i, want := range b.Txs {
			tx, err := records.Tx(i)
			if err != nil || tx != want {
				t.Errorf("transaction %d is %s (%v), want %s", i, tx, err, want)
			}
		}
	})
}
