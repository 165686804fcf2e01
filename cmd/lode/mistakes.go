package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/internal/syserr"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/pow"
)

// maxWorkers is the greatest number of workers that an engine can have.
const maxWorkers = 4096

// parseWorkers reads the value of a flag --workers. The zero value of the field stands
// for the default, so the user cannot ask for it by 0: somebody who types 0 may mean
// that nothing is to be mined.
func parseWorkers(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxWorkers {
		return 0, fmt.Errorf("%q: want 1 to %d; leave the flag out for one worker for each core", value, maxWorkers)
	}
	return n, nil
}

// workersMapper decodes the fields with the tag type:"workers".
func workersMapper() kong.Option {
	return kong.NamedMapper("workers", kong.MapperFunc(func(c *kong.DecodeContext, target reflect.Value) error {
		var value string
		if err := c.Scan.PopValueInto("number", &value); err != nil {
			return err
		}
		n, err := parseWorkers(value)
		if err == nil {
			target.SetInt(int64(n))
		}
		return err
	}))
}

// kernelMapper decodes the fields with the tag type:"kernel": the name of a kernel that this
// machine can run, or nothing.
func kernelMapper() kong.Option {
	return kong.NamedMapper("kernel", kong.MapperFunc(func(c *kong.DecodeContext, target reflect.Value) error {
		var name string
		if err := c.Scan.PopValueInto("name", &name); err != nil {
			return err
		}
		_, _, err := pow.Choose(name)
		if err == nil {
			target.SetString(name)
		}
		return err
	}))
}

// checkListen returns an error if no socket could listen on an address because of how
// it is written. flag is the flag that has given it.
func checkListen(flag, listen string) error {
	wrong := func(hint string) error {
		return fmt.Errorf("%s=%s: want HOST:PORT, %s", flag, listen, hint)
	}
	if _, rest, ok := strings.Cut(listen, "://"); ok {
		return wrong("without a scheme: " + strings.TrimRight(rest, "/"))
	}
	host, port, err := net.SplitHostPort(listen)
	if _, number := strconv.ParseUint(listen, 10, 16); err != nil && number == nil {
		return wrong("such as 127.0.0.1:" + listen + ", or 0.0.0.0:" + listen + " for every address of this machine")
	}
	if err != nil && !strings.Contains(listen, ":") {
		return wrong("such as " + listen + ":8000")
	}
	if err != nil && strings.Count(listen, ":") > 1 {
		return wrong("with brackets around an IPv6 address: [::1]:8000")
	}
	if err != nil || port == "" {
		return wrong("such as 127.0.0.1:8000; port 0 is any free one")
	}
	if _, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", port); err != nil {
		return wrong(fmt.Sprintf("%q is no port: 0 to 65535", port))
	}
	if strings.ContainsAny(host, " /") {
		return wrong(fmt.Sprintf("%q is no name of a host", host))
	}
	return nil
}

// checkTag returns an error if a tag does not fit into a coinbase.
func checkTag(tag string) error {
	if len(tag) > block.MaxTag {
		return fmt.Errorf("--tag: miner tag has %d bytes, want at most %d", len(tag), block.MaxTag)
	}
	return nil
}

// checkData returns an error if the path of the data folder cannot be that of a
// folder. The texts of the system for this ("file exists") confuse.
func checkData(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("--data %s: this is a file, want a folder", dir)
		}
		return nil
	}
	// The first of the folders above that is there says whether the rest can be made.
	path := filepath.Clean(dir)
	info, err := os.Lstat(path)
	for err != nil && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, err = os.Lstat(path)
	}
	if info == nil || info.IsDir() {
		return nil // opening the store says what else is wrong
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("--data %s: %s is a file, want a folder", dir, path)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		target, _ := os.Readlink(path)
		return fmt.Errorf("--data %s: %s is a link to %s, which does not exist: make that folder, or remove the link", dir, path, target)
	}
	return nil
}

// probeTimeout bounds the wait for the answer of the program that has the port.
const probeTimeout = 2 * time.Second

// explainOpen adds to an error of opening a node what the user can do about it.
func explainOpen(ctx context.Context, c *nodeCmd, err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "listen" {
		flag, listen := "--listen", c.Listen
		if errors.Is(err, node.ErrListenForMiners) {
			flag, listen = "--stratum", c.Stratum
		}
		switch {
		case syserr.Is(err, syserr.AddressInUse):
			who := "another program"
			if name := listenerOn(listen); name != "" {
				who = name
			}
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			if isNode(ctx, listen) {
				who += " (a node of Lode answers there)"
			}
			return fmt.Errorf("%s %s: the port is taken by %s: stop that, or choose another port with %s %s", flag, listen, who, flag, nextPort(listen))
		case syserr.Is(err, syserr.NoAddress):
			return fmt.Errorf("%s %s: this machine has no such address: want one of its own, or 0.0.0.0:PORT for all of them", flag, listen)
		case syserr.Is(err, syserr.NoPermission):
			return fmt.Errorf("%s %s: this user may not use the port: choose one above 1023", flag, listen)
		}
		return fmt.Errorf("%s %s: %w", flag, listen, op.Err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("--data %s: this user may not write there: %w", c.Data, err)
	}
	return err
}

// nextPort returns the address with the next higher port.
func nextPort(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	n, errPort := strconv.ParseUint(port, 10, 16)
	if err != nil || errPort != nil || n >= 1<<16-1 {
		return "127.0.0.1:0, which is any free one"
	}
	return net.JoinHostPort(host, strconv.FormatUint(n+1, 10))
}

// isNode reports whether a node of Lode answers at an address.
func isNode(ctx context.Context, listen string) bool {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/status", nil)
	if err != nil {
		return false
	}
	transport := &http.Transport{DisableKeepAlives: true} // without a proxy
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	var status struct{ Chainwork, Network *json.RawMessage }
	return json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&status) == nil && status.Chainwork != nil
}
