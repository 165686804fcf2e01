package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// btcd is a btcd node on simnet.
type btcd struct{ path string }

// The credentials need not be secret, because the node listens on loopback only.
const rpcUser, rpcPassword = "bench", "bench"

// start starts a btcd that connects only to the peers given in its flags.
func (n btcd) start(ctx context.Context, dir string, more ...string) (*process, error) {
	var p process
	var err error
	if p.api, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "btcd.conf")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		return nil, err
	}
	args := []string{
		"--simnet", "--configfile=" + config, "--datadir=" + filepath.Join(dir, "data"), "--logdir=" + filepath.Join(dir, "logs"),
		"--nodnsseed", "--debuglevel=warn",
		"--notls", "--rpclisten=" + p.api, "--rpcuser=" + rpcUser, "--rpcpass=" + rpcPassword,
	}
	return start(ctx, dir, p, n.path, append(args, more...)...)
}

func (n btcd) serve(ctx context.Context, dir string) (*process, error) {
	listen, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	// Without --nobanning, it would ban the new node for requesting blocks as fast
	// as btcd itself does.
	p, err := n.start(ctx, dir, "--listen="+listen, "--nobanning")
	if err == nil {
		p.peer = listen
	}
	return p, err
}

func (n btcd) join(ctx context.Context, dir string, from *process) (*process, error) {
	return n.start(ctx, dir, "--connect="+from.peer)
}

func (btcd) height(ctx context.Context, of *process) (height int, err error) {
	err = of.rpc(ctx, &height, "getblockcount")
	return height, err
}

// prepare mines the chain. A chain that is 20 hours old is mined anew: once its tip
// is a day old, btcd considers itself out of sync and serves no headers.
func (n btcd) prepare(ctx context.Context, dir string, blocks int) error {
	done := filepath.Join(dir, "prepared")
	if info, err := os.Stat(done); err == nil && time.Since(info.ModTime()) < 20*time.Hour {
		return nil
	}
	fmt.Fprintf(os.Stderr, "sync: mining %d blocks with btcd\n", blocks)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	p, err := n.serve(ctx, dir)
	if err != nil {
		return err
	}
	err = await(ctx, n, p, 0)
	if err == nil {
		err = mine(ctx, p, blocks)
	}
	if err = errors.Join(err, p.stop()); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o600)
}

// rpc calls a method of btcd's JSON-RPC API and decodes its result.
func (p *process) rpc(ctx context.Context, result any, method string, params ...any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if params == nil {
		params = []any{}
	}
	call, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.api, bytes.NewReader(call))
	if err != nil {
		return err
	}
	request.SetBasicAuth(rpcUser, rpcPassword)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return err
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%s: %s: %.200q", method, response.Status, body)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s", method, answer.Error.Message)
	}
	return json.Unmarshal(answer.Result, result)
}
