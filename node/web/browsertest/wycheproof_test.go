package browsertest

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/node/gossip"
)

// vector is one of the cases of Wycheproof's Ed25519 vectors; all fields are hex.
type vector struct {
	ID      int    `json:"id"`
	Key     string `json:"key"`
	Message string `json:"message"`
	Digits  string `json:"signature"`
	Valid   bool   `json:"valid"`
	Seed    string `json:"seed"` // the private key; "": not known
}

// seeds returns private keys of the vectors, which the file does not contain: the first four
// are from RFC 8032, section 7.1, and the last one is that of most of Wycheproof's vectors.
func seeds() []string {
	return []string{
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
		"add4bb8103785baf9ac534258e8aaf65f5f1adb5ef5f3df19bb80ab989c4d64b",
	}
}

func loadVectors(t *testing.T) (vectors []vector) {
	t.Helper()
	data, err := os.ReadFile("../../../chain/block/testdata/ed25519/wycheproof_ed25519_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			PublicKey struct{ Pk string }
			Tests     []struct {
				TcID             int
				Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{} // private keys by their public ones
	for _, seed := range seeds() {
		raw, err := hex.DecodeString(seed)
		if err != nil {
			t.Fatal(err)
		}
		known[hex.EncodeToString(ed25519.NewKeyFromSeed(raw).Public().(ed25519.PublicKey))] = seed
	}
	count := map[string]int{}
	for _, g := range file.TestGroups {
		for _, tc := range g.Tests {
			v := vector{tc.TcID, g.PublicKey.Pk, tc.Msg, tc.Sig, tc.Result == "valid", known[g.PublicKey.Pk]}
			vectors = append(vectors, v)
			count[tc.Result]++
			if v.Valid && v.Seed != "" {
				count["signed"]++
			}
		}
	}
	if count["valid"] != 88 || count["invalid"] != 63 || count["signed"] != 13 {
		t.Fatalf("read %v vectors, want 88 valid ones, of which 13 have a known private key, and 63 invalid ones", count)
	}
	return vectors
}

// testWycheproof has the browser's signer make the valid signatures of Wycheproof whose
// private keys are known, and sign each valid message as the content of a post, which the
// node accepts. A post with any of the invalid signatures and its key is refused by the
// node. All of this with WebCrypto, and without it as on a page from a local network.
func testWycheproof(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Advertise: gossip.Address("http://" + lan + ":8000")})
	_, port, err := net.SplitHostPort(n.address())
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := json.Marshal(loadVectors(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, url := range []string{n.url, fmt.Sprintf("http://%s:%s", lan, port)} {
		p := b.open(tabOptions{})
		p.goTo(url + "/accounts")
		result := eval[struct {
			WebCrypto                            bool
			Signed, Verified, Accepted, Rejected int
			Faults                               []string
		}](p, `(async (vectors) => {
			const sign = await import('/static/sign.js');
			const {hex, unhex} = await import('/static/sha256.js');
			const own = unhex('01'.repeat(32));
			const ownKey = await sign.publicKey(own);
			const found = {webCrypto: await sign.hasWebCrypto(), signed: 0, verified: 0, accepted: 0, rejected: 0, faults: []};
			const send = async (post) => {
				const answer = await fetch('/new_transaction', {method: 'POST', headers: {Accept: 'application/json', 'Content-Type': 'application/json'}, body: JSON.stringify(post)});
				return {status: answer.status, ...(await answer.json())};
			};
			for (const v of vectors) {
				if (v.valid && v.seed) {
					const key = await sign.publicKey(unhex(v.seed));
					const made = hex(await sign.signBytes(unhex(v.seed), unhex(v.message)));
					if (key === v.key && made === v.signature) found.signed++;
					else found.faults.push('vector ' + v.id + ' was signed as ' + made + ' by ' + key);
				}
				if (v.valid && await sign.verifyBytes(v.key, unhex(v.message), v.signature)) found.verified++;
				const post = await sign.signPost({author: 'signer `+fmt.Sprint(i)+`', content: v.id + ': ' + v.message}, {publicKey: ownKey, key: own});
				const answer = v.valid ? await send(post) : await send({...post, public_key: v.key, signature: v.signature});
				if (v.valid && answer.status === 201) found.accepted++;
				else if (!v.valid && answer.status === 400 && answer.reason === 'tx-bad-signature') found.rejected++;
				else found.faults.push('vector ' + v.id + ': the node answers ' + JSON.stringify(answer));
			}
			return found;
		})(`+string(vectors)+`)`)
		if result.WebCrypto != (i == 0) {
			t.Errorf("%s: WebCrypto is there: %v", url, result.WebCrypto)
		}
		if result.Signed != 13 || result.Verified != 88 || result.Accepted != 88 || result.Rejected != 63 {
			t.Errorf("%s: %+v; want 13 signed, 88 verified, 88 accepted, 63 rejected", url, result)
		}
	}
}
