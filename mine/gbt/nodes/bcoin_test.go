package nodes

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/mine/gbt"
)

const bcoinVersion = "bcoin@1.0.2"

// withoutLevelDB makes bcoin start without its compiled database. The test keeps the
// chain in memory, so the database is not needed, and nothing has to be compiled.
const withoutLevelDB = `const Module = require('module'), load = Module._load;
Module._load = function(name, ...rest) { return name === 'leveldown' ? {} : load.call(this, name, ...rest); };
`

// installBcoin installs bcoin with npm and returns the folder. The test is skipped if it
// cannot be had here.
func installBcoin(t *testing.T) string {
	t.Helper()
	if os.Getenv("LODE_BCOIN") == "" {
		t.Skip("NOT TESTED: set LODE_BCOIN=1 to install bcoin with npm and mine it")
	}
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED: bcoin needs %s: %v", program, err)
		}
	}
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", bcoinVersion)
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: npm cannot install %s: %v\n%s", bcoinVersion, err, out)
	}
	return folder
}

// startBcoin starts bcoin on regtest, with the chain in memory.
func startBcoin(t *testing.T) node {
	t.Helper()
	folder := installBcoin(t)
	preload := filepath.Join(folder, "preload.js")
	if err := os.WriteFile(preload, []byte(withoutLevelDB), 0o600); err != nil {
		t.Fatal(err)
	}
	// bcoin does not say which port it has got, so it is given one that is free.
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	log := &output{}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "node", "-r", preload, filepath.Join(folder, "node_modules/bcoin/bin/node"),
		"--network=regtest", "--memory", "--prefix="+filepath.Join(folder, "data"), "--no-wallet", "--listen=false", "--workers=false",
		"--http-host=127.0.0.1", fmt.Sprintf("--http-port=%d", port), "--api-key="+password, "--log-level=info")
	cmd.Env = append(os.Environ(), "NODE_BACKEND=js")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("bcoin: %s", log)
		}
	})
	n := node{url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	within(t, time.Minute, "bcoin answers", func() bool {
		return n.try(t.Context(), nil, "getblockcount") == nil
	})
	return n
}

// Lode mines bcoin until segwit is active on its regtest, and then with a commitment in
// every block and transactions that have witnesses. bcoin checks both. It also refuses
// wrong credentials.
func TestBcoin(t *testing.T) {
	n := startBcoin(t)
	const height, segwit = 560, 440
	wrong := startMiner(t, n, 0, func(c *gbt.Config) { c.Pass = "wrong" })
	select {
	case err := <-wrong.ended:
		if err == nil || !strings.Contains(err.Error(), "refuses the user name or the password") {
			t.Errorf("wrong credentials: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("the source goes on with wrong credentials")
	}
	wrong.stop()

	began := time.Now()
	m := startMiner(t, n, 0, func(c *gbt.Config) { c.PayTo = "script:" + hex.EncodeToString(witnessOfTrue()) })
	m.mineTo(t, n, segwit)
	commitments, witnesses := 0, 0
	for at := int64(segwit); at < height; at += 20 {
		m.mineTo(t, n, at)
		for coin := at - 290; coin < at-287; coin++ { // of the second halving: 25 coins each
			raw := spend(t, n.blockAt(t, coin).Tx[0], true, reward/2-fee, witnessOfTrue())
			n.call(t, nil, "sendrawtransaction", hex.EncodeToString(raw))
		}
	}
	m.mineTo(t, n, height)
	m.stop()
	accepted := m.checkAccepted(t)
	for at := int64(1); at <= height; at++ {
		var raw, hash string
		n.call(t, &hash, "getblockhash", at)
		n.call(t, &raw, "getblock", hash, false)
		commitments += strings.Count(raw, "6a24aa21a9ed")
		if at > segwit {
			witnesses += strings.Count(raw, "01"+"01"+"51"+"00000000") // stack of one item, and the lock time
		}
	}
	t.Logf("%d blocks in %v, %d of them with a witness commitment, %d transactions with witnesses, none refused",
		accepted, time.Since(began).Round(time.Millisecond), commitments, witnesses)
	if accepted != height || commitments < height-segwit || witnesses < 3 {
		t.Errorf("want %d blocks, a commitment in the last %d of them, and transactions with witnesses", height, height-segwit)
	}
}
