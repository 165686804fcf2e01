package block

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

// internalHash is a hash whose JSON form has its bytes in their own order.
type internalHash pow.Hash

func (h *internalHash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("hash of %d digits", len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

func hashes(in []internalHash) []pow.Hash {
	out := make([]pow.Hash, len(in))
	for i, h := range in {
		out[i] = pow.Hash(h)
	}
	return out
}

func readMerkleVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	data, err := os.ReadFile("testdata/merkle/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []T
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return vectors
}

func TestMerkleRootsOfRealBlocks(t *testing.T) {
	type vector struct {
		Height     int
		Header     string
		BlockHash  string         `json:"block_hash"`
		MerkleRoot internalHash   `json:"merkle_root_internal"`
		TxIDs      []internalHash `json:"txids_internal"`
	}
	for file, count := range map[string]int{"real_blocks_merkle.json": 48, "real_blocks_many_txs.json": 5} {
		vectors := readMerkleVectors[vector](t, file)
		if len(vectors) != count {
			t.Errorf("%s has %d blocks, want %d", file, len(vectors), count)
		}
		for _, v := range vectors {
			header, err := pow.ParseHeader(v.Header)
			if err != nil {
				t.Fatal(err)
			}
			if got := header.Hash().String(); got != v.BlockHash {
				t.Errorf("block %d has hash %s, want %s", v.Height, got, v.BlockHash)
			}
			ids := hashes(v.TxIDs)
			root, mutated := MerkleRoot(ids)
			if root != header.MerkleRoot || root != pow.Hash(v.MerkleRoot) || mutated {
				t.Errorf("block %d: root %s, mutated %v; want %s", v.Height, root, mutated, header.MerkleRoot)
			}
			for i, id := range ids {
				if err := NewMerkleProof(ids, i).Verify(id, header.MerkleRoot); err != nil {
					t.Errorf("block %d, transaction %d: %v", v.Height, i, err)
				}
			}
		}
	}
}

func TestMerkleMutations(t *testing.T) {
	type vector struct {
		N       int
		Leaves  []internalHash
		Mutated []internalHash `json:"mutated_leaves"`
		Root    internalHash   `json:"root_internal"`
		Flag    bool           `json:"mutated_flag"`
	}
	vectors := readMerkleVectors[vector](t, "cve_2012_2459_pairs.json")
	if len(vectors) != 7 {
		t.Errorf("%d pairs, want 7", len(vectors))
	}
	for _, v := range vectors {
		leaves, longer := hashes(v.Leaves), hashes(v.Mutated)
		if len(leaves) != v.N || len(longer) <= v.N {
			t.Fatalf("%d leaves and %d, want %d and more", len(leaves), len(longer), v.N)
		}
		if root, mutated := MerkleRoot(leaves); root != pow.Hash(v.Root) || mutated {
			t.Errorf("%d leaves: root %s, mutated %v; want %s", v.N, root, mutated, pow.Hash(v.Root))
		}
		if root, mutated := MerkleRoot(longer); root != pow.Hash(v.Root) || mutated != v.Flag {
			t.Errorf("%d leaves made %d: root %s, mutated %v; want %s, %v",
				v.N, len(longer), root, mutated, pow.Hash(v.Root), v.Flag)
		}
		// The leaves of the repeated tail are not in the block.
		at := len(longer) - 1
		err := NewMerkleProof(longer, at).Verify(longer[at], pow.Hash(v.Root))
		if !errors.Is(err, ErrProofShape) {
			t.Errorf("%d leaves: proof of repeated leaf %d: error %v", v.N, at, err)
		}
	}
}

// modelRoot computes the root as it is defined: it pairs the nodes of each level, the
// last one with itself if their number is odd.
func modelRoot(level []pow.Hash) (root pow.Hash, mutated bool) {
	switch len(level) {
	case 0:
		return pow.Hash{}, false
	case 1:
		return level[0], false
	}
	var parents []pow.Hash
	for pair := range slices.Chunk(level, 2) {
		left, right := pair[0], pair[len(pair)-1]
		if len(pair) == 2 && left == right {
			mutated = true
		}
		first := sha256.Sum256(slices.Concat(left[:], right[:]))
		parents = append(parents, sha256.Sum256(first[:]))
	}
	root, above := modelRoot(parents)
	return root, mutated || above
}

func someIDs(n int) []pow.Hash {
	ids := make([]pow.Hash, n)
	for i := range ids {
		ids[i] = sha256.Sum256(fmt.Append(nil, i))
	}
	return ids
}

func TestMerkleAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Draw from few ids, so that neighbours are often equal.
		kinds := rapid.IntRange(1, 200).Draw(t, "kinds")
		ids := rapid.SliceOfN(rapid.SampledFrom(someIDs(kinds)), 0, 70).Draw(t, "ids")
		before := slices.Clone(ids)
		root, mutated := MerkleRoot(ids)
		wantRoot, wantMutated := modelRoot(ids)
		if root != wantRoot || mutated != wantMutated {
			t.Fatalf("root %s, mutated %v; want %s, %v", root, mutated, wantRoot, wantMutated)
		}
		if !slices.Equal(ids, before) {
			t.Fatal("the ids were changed")
		}
		if len(ids) > 0 {
			leaf := rapid.SampledFrom(ids).Draw(t, "coinbase")
			rest := MerkleProof{Siblings: CoinbaseBranch(ids)}
			if want, _ := modelRoot(slices.Concat([]pow.Hash{leaf}, ids)); rest.Root(leaf) != want {
				t.Fatalf("root of the coinbase branch %s, want %s", rest.Root(leaf), want)
			}
		}
	})
}

func TestMerkleProofOfEveryLeaf(t *testing.T) {
	for n := 1; n <= 66; n++ {
		ids := someIDs(n)
		root, mutated := MerkleRoot(ids)
		if want, _ := modelRoot(ids); root != want || mutated {
			t.Fatalf("%d leaves: root %s, mutated %v; want %s", n, root, mutated, want)
		}
		for i, id := range ids {
			proof := NewMerkleProof(ids, i)
			if err := proof.Verify(id, root); err != nil {
				t.Errorf("leaf %d of %d: %v", i, n, err)
			}
			if got := proof.Root(id); got != root {
				t.Errorf("leaf %d of %d: root %s, want %s", i, n, got, root)
			}
		}
	}
}

func TestTamperedMerkleProofs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := someIDs(rapid.IntRange(1, 40).Draw(t, "leaves"))
		root, _ := MerkleRoot(ids)
		at := rapid.IntRange(0, len(ids)-1).Draw(t, "index")
		proof, leaf := NewMerkleProof(ids, at), ids[at]

		flip := func(h *pow.Hash) {
			h[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		switch rapid.IntRange(0, 5).Draw(t, "change") {
		case 0:
			flip(&leaf)
		case 1:
			flip(&root)
		case 2:
			if len(proof.Siblings) == 0 {
				t.Skip("no sibling")
			}
			flip(&proof.Siblings[rapid.IntRange(0, len(proof.Siblings)-1).Draw(t, "sibling")])
		case 3:
			proof.Index ^= 1 << rapid.IntRange(0, 31).Draw(t, "bit")
		case 4:
			proof.Siblings = append(proof.Siblings, leaf)
		case 5:
			if len(proof.Siblings) == 0 {
				t.Skip("no sibling")
			}
			proof.Siblings = proof.Siblings[:len(proof.Siblings)-1]
		}
		if err := proof.Verify(leaf, root); !errors.Is(err, ErrProofRoot) && !errors.Is(err, ErrProofShape) {
			t.Fatalf("error %v", err)
		}
	})
}

func TestMerkleProofBounds(t *testing.T) {
	leaf := someIDs(1)[0]
	deep := MerkleProof{Siblings: make([]pow.Hash, MaxMerkleDepth)}
	if err := deep.Verify(leaf, deep.Root(leaf)); err != nil {
		t.Errorf("%d siblings: %v", MaxMerkleDepth, err)
	}
	deep.Siblings = append(deep.Siblings, pow.Hash{})
	if err := deep.Verify(leaf, deep.Root(leaf)); !errors.Is(err, ErrProofShape) {
		t.Errorf("%d siblings: error %v", MaxMerkleDepth+1, err)
	}
	if err := (MerkleProof{Index: 1}).Verify(leaf, leaf); !errors.Is(err, ErrProofShape) {
		t.Errorf("second leaf of a tree with one: error %v", err)
	}
	for _, index := range []int{-1, 3} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("branch of leaf %d of 3 did not panic", index)
				}
			}()
			MerkleBranch(someIDs(3), index)
		}()
	}
}

func TestMerkleProofJSON(t *testing.T) {
	one := strings.Repeat("0", 63) + "1"
	proof := MerkleProof{Index: 2, Siblings: []pow.Hash{{31: 0x80}, {0: 1}}}
	text, err := json.Marshal(proof)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"index":2,"siblings":["80` + strings.Repeat("0", 62) + `","` + one + `"]}`; string(text) != want {
		t.Errorf("JSON %s, want %s", text, want)
	}
	var back MerkleProof
	if err := json.Unmarshal(text, &back); err != nil || back.Index != 2 || !slices.Equal(back.Siblings, proof.Siblings) {
		t.Errorf("came back as %v (%v)", back, err)
	}

	for in, want := range map[string]string{
		`[]`:                                 "merkle proof: json",
		`null`:                               "want an object",
		`{}`:                                 "want an object with index and siblings",
		`{"index":-1}`:                       "merkle proof: json",
		`{"index":1.5}`:                      "merkle proof: json",
		`{"index":4294967296,"siblings":[]}`: "merkle proof: json",
		`{"index":1,"siblings":[]}`:          "index 1 needs more than 0 siblings",
		`{"index":0,"siblings":[null]}`:      "sibling 0: hash has 0 characters",
		`{"index":0,"siblings":["` + one + `","12"]}`:                                    "sibling 1: hash has 2 characters",
		`{"index":0,"siblings":[` + strings.Repeat(`"`+one+`",`, 32) + `"` + one + `"]}`: "33 siblings, at most 32",
	} {
		// Call UnmarshalJSON directly, because encoding/json does not call it for null.
		err := new(MerkleProof).UnmarshalJSON([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: error %v, want one with %q", in, err, want)
		}
	}
}

func FuzzMerkleProof(f *testing.F) {
	text, err := json.Marshal(NewMerkleProof(someIDs(5), 3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"index":0,"siblings":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var proof MerkleProof
		if json.Unmarshal(data, &proof) != nil || bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
			return
		}
		text, err := json.Marshal(proof)
		if err != nil {
			t.Fatal(err)
		}
		var again MerkleProof
		if err := json.Unmarshal(text, &again); err != nil || again.Index != proof.Index || !slices.Equal(again.Siblings, proof.Siblings) {
			t.Errorf("%s came back as %v (%v)", text, again, err)
		}
		leaf := pow.Hash{1}
		if err := proof.Verify(leaf, proof.Root(leaf)); err != nil && !errors.Is(err, ErrProofShape) {
			t.Errorf("%s does not lead to its own root: %v", text, err)
		}
	})
}

func TestMerkleRootDoesNotAllocate(t *testing.T) {
	ids := someIDs(1000)
	if n := testing.AllocsPerRun(5, func() { MerkleRoot(ids) }); n != 0 {
		t.Errorf("%v allocations for a root, want none", n)
	}
	if n := testing.AllocsPerRun(5, func() { MerkleBranch(ids, 777) }); n > 1 {
		t.Errorf("%v allocations for a branch, want one", n)
	}
}

func BenchmarkMerkleRoot(b *testing.B) {
	for _, n := range []int{1, 100, 8192} {
		ids := someIDs(n)
		b.Run(fmt.Sprintf("ids=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				MerkleRoot(ids)
			}
		})
	}
}

func ExampleMerkleProof() {
	ids := []pow.Hash{
		pow.DoubleSHA256([]byte("coinbase")),
		pow.DoubleSHA256([]byte("first")),
		pow.DoubleSHA256([]byte("second")),
	}
	root, _ := MerkleRoot(ids)

	proof := NewMerkleProof(ids, 2)
	fmt.Println(len(proof.Siblings), "siblings")
	fmt.Println(proof.Verify(ids[2], root))
	fmt.Println(errors.Is(proof.Verify(ids[1], root), ErrProofRoot))
	// Output:
	// 2 siblings
	// <nil>
	// true
}
