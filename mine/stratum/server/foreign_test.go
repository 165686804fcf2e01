package server

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/mine/stratum/vardiff"
)

// foreignClient is a client of Stratum V1 in the npm registry that nobody here has written.
// It opens the session and reads and writes the lines; the search is left to its user.
const foreignClient = "stratum-client@1.1.0"

// foreignMiner is such a user. It finds five shares, each from the fields as the client
// hands them out, and submits the last one twice. It prints what the client says.
const foreignMiner = `
const crypto = require('crypto');
const sha256 = (b) => crypto.createHash('sha256').update(b).digest();
const hash = (b) => sha256(sha256(b));
const number = (hex) => { const b = Buffer.alloc(4); b.writeUInt32LE(parseInt(hex, 16)); return b; };
const words = (hex) => Buffer.from(hex, 'hex').swap32();
const target = (difficulty) => BigInt(Math.floor(65535 / difficulty)) << 208n;

let nonce = 0, left = 5, again;
function next(work) {
  if (again) { client.submit(again); again = undefined; return; }
  let root = hash(Buffer.from(work.coinb1 + work.extraNonce1 + '00000007' + work.coinb2, 'hex'));
  for (const sibling of work.merkle_branch) root = hash(Buffer.concat([root, Buffer.from(sibling, 'hex')]));
  const header = Buffer.concat([number(work.version), words(work.prevhash), root, number(work.ntime), number(work.nbits), Buffer.alloc(4)]);
  for (;; nonce++) {
    header.writeUInt32LE(nonce, 76);
    if (BigInt('0x' + hash(header).reverse().toString('hex')) <= target(work.miningDiff)) break;
  }
  const share = { worker_name: 'npm.1', job_id: work.jobId, extranonce2: '00000007', ntime: work.ntime, nonce: (nonce++).toString(16).padStart(8, '0') };
  if (--left === 0) again = share;
  client.submit(share);
}

let work;
const client = require('stratum-client')({
  server: process.argv[2], port: Number(process.argv[3]), worker: 'npm.1', password: 'x', autoReconnectOnError: false,
  onSubscribe: (s) => console.log('subscribed', s.extraNonce1.length, s.extraNonce2Size),
  onAuthorizeSuccess: () => console.log('authorized'),
  onNewMiningWork: (w) => { const first = !work; work = w; if (first) next(work); },
  onSubmitWorkSuccess: () => { console.log('accepted'); next(work); },
  onSubmitWorkFail: (error) => { console.log('refused', error[0]); process.exit(left); },
  onError: (error) => { console.log('error', error.message); process.exit(1); },
});
`

// A foreign client gets a session, and its shares are accepted.
func TestForeignClient(t *testing.T) {
	if os.Getenv("LODE_STRATUM_CLIENT") == "" {
		t.Skipf("NOT TESTED: set LODE_STRATUM_CLIENT=1 to install %s with npm and mine with it", foreignClient)
	}
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED: %s needs %s: %v", foreignClient, program, err)
		}
	}
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", foreignClient)
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: npm cannot install %s: %v\n%s", foreignClient, err, out)
	}
	if err := os.WriteFile(filepath.Join(folder, "miner.js"), []byte(foreignMiner), 0o600); err != nil {
		t.Fatal(err)
	}

	work := testWork("a")
	work.Branch = append(work.Branch, work.Prev, work.Prev) // any two hashes
	s, err := New(Config{Source: newTestSource(work), Vardiff: vardiff.Config{Start: 1e-6, Least: 1e-6}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	run(t, s, l)
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	miner := exec.CommandContext(ctx, "node", "miner.js", host, port)
	miner.Dir = folder
	out, err := miner.CombinedOutput()
	want := "subscribed 8 4\nauthorized\n" + strings.Repeat("accepted\n", 5) + "refused 22\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n got %s\nwant %s", err, out, want)
	}
	stats := s.Stats()
	if stats.Shares[ShareAccepted] != 5 || stats.Shares[ShareDuplicate] != 1 || stats.Workers != 1 {
		t.Errorf("%+v", stats)
	}
	t.Logf("%s with Node.js: %d shares accepted, %d refused as duplicate", foreignClient, stats.Shares[ShareAccepted], stats.Shares[ShareDuplicate])
}
