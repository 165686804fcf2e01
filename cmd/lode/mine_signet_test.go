package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lodepow/lode/pow"
)

// signetNode answers as a Bitcoin Core node on a signet, with a recorded template.
type signetNode struct {
	template json.RawMessage

	mu    sync.Mutex
	rules []string // of the latest request for a template
	block string   // that was submitted, in hex
}

func (n *signetNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Method string
		Params []json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	result := json.RawMessage("null")
	switch call.Method {
	case "getblockchaininfo":
		result = json.RawMessage(`{"chain":"signet"}`)
	case "getblocktemplate":
		var request struct {
			LongPollID string
			Rules      []string
		}
		err := json.Unmarshal(call.Params[0], &request)
		n.mu.Lock()
		n.rules = request.Rules
		over := n.block != ""
		n.mu.Unlock()
		if err != nil || request.LongPollID != "" || over {
			<-r.Context().Done() // there is nothing new, and after the block nothing at all
			return
		}
		result = n.template
	case "submitblock":
		n.mu.Lock()
		if n.block == "" {
			_ = json.Unmarshal(call.Params[0], &n.block) // the test sees what is missing
		}
		n.mu.Unlock()
	}
	_, _ = fmt.Fprintf(w, `{"result":%s,"error":null,"id":1}`, result)
}

// TestMineSignet mines the recorded template of a signet whose challenge is OP_TRUE, at its
// real difficulty. The block has proof of work, the recorded parent, and the empty solution
// that BIP 325 wants for this challenge. Without the flag, or with another challenge, the
// miner ends and says which one it needs.
func TestMineSignet(t *testing.T) {
	raw, err := os.ReadFile("../../mine/gbt/testdata/core-signet-empty.json")
	if err != nil {
		t.Fatal(err)
	}
	node := &signetNode{template: raw}
	server := httptest.NewServer(node)
	t.Cleanup(server.Close) // after the miner has ended, whose long poll it waits for

	for flag, want := range map[string]string{
		"":   "give its challenge, which is 51",
		"52": "its challenge is 51, and 52 is given",
		// That of the public signet.
		"512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae": "needs a signature",
	} {
		args := []string{"mine", server.URL, "--pay", "script:51", "--workers", "1"}
		if flag != "" {
			args = append(args, "--signet-challenge", flag)
		}
		var all bytes.Buffer
		if code := runForTest(t, &all, &all, args...); code == 0 || !strings.Contains(all.String(), want) {
			t.Errorf("challenge %.20q: exit status %d, want %q:\n%s", flag, code, want, all.String())
		}
	}

	m := startMinerProcess(t, server.URL, "--pay", "script:51", "--signet-challenge", "51")
	inTheEnd(t, "the node has a block", func() bool { // 4.8 million hashes on average
		node.mu.Lock()
		defer node.mu.Unlock()
		return node.block != ""
	})
	eventually(t, "the block is accepted", func() bool { return strings.Contains(m.log.String(), "outcome=accepted") })
	m.interrupt(t)
	node.mu.Lock()
	rules, submitted := node.rules, node.block
	node.mu.Unlock()
	if !slices.Contains(rules, "signet") || !slices.Contains(rules, "segwit") {
		t.Errorf("rules %v", rules)
	}
	block, err := hex.DecodeString(submitted)
	if err != nil || len(block) < pow.HeaderSize {
		t.Fatalf("block %.200q: %v", submitted, err)
	}
	header := pow.DecodeHeader((*[pow.HeaderSize]byte)(block))
	target, err := pow.Bits(0x1e0377ae).Target()
	if err != nil {
		t.Fatal(err)
	}
	if header.Bits != 0x1e0377ae || !header.Hash().Meets(target) {
		t.Errorf("bits %v, hash %s", header.Bits, header.Hash())
	}
	if got, want := header.Prev.String(), "00000000cbdd48c69c45ffd07dc26fc3668bb70870374354535061f8f5304c7c"; got != want {
		t.Errorf("parent %s, want %s", got, want)
	}
	// A push of the section's header and of a solution: an empty script, and an empty witness.
	section := binary.BigEndian.AppendUint32([]byte{6}, 0xecc7daa2)
	if !bytes.Contains(block, append(section, 0, 0)) {
		t.Errorf("the block has no empty solution of the challenge: %x", block)
	}
}
