package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node"
)

// Example runs a node inside another program, which posts a transaction, has it
// mined, and follows the chain.
func Example() {
	if err := embed(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 201 Success
	// 200 Block #1 is mined.
	// event: transaction "hello"
	// event: tip at height 1
	// lode_chain_height is exported
}

func embed() error {
	data, err := os.MkdirTemp("", "lode")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(data) }()
	params, err := rules.Tutorial(1)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry() // the program's own
	n, err := node.Open(context.Background(), node.Config{
		Params: params, Data: data, Listen: "127.0.0.1:0", Workers: 1, Registry: registry,
	})
	if err != nil {
		return err
	}
	// Run ends when its context does, or when Close is called. Both stop everything.
	ended := make(chan error, 1)
	go func() { ended <- n.Run(context.Background()) }()

	events := make(chan string, 2) // with room for all: a subscriber must not block
	defer n.Chain().Subscribe(func(e chain.Event) {
		switch e.Kind {
		case chain.EventTx:
			events <- fmt.Sprintf("transaction %q", e.Tx.Content())
		case chain.EventTip:
			events <- fmt.Sprint("tip at height ", e.Tip.Height)
		}
	})()
	err = use("http://"+n.Addr().String(), events, registry)
	return errors.Join(err, n.Close(), <-ended)
}

func use(url string, events <-chan string, registry prometheus.Gatherer) error {
	resp, err := http.Post( //nolint:noctx // the example is about the node
		url+"/new_transaction", "application/json", strings.NewReader(`{"author": "ann", "content": "hello"}`))
	if err != nil {
		return err
	}
	if err := show(resp); err != nil {
		return err
	}
	if resp, err = http.Get(url + "/mine"); err != nil { //nolint:noctx // the example is about the node
		return err
	}
	if err := show(resp); err != nil {
		return err
	}
	fmt.Println("event:", <-events)
	fmt.Println("event:", <-events)
	families, err := registry.Gather()
	for _, f := range families {
		if f.GetName() == "lode_chain_height" {
			fmt.Println("lode_chain_height is exported")
		}
	}
	return err
}

func show(resp *http.Response) error {
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	fmt.Println(resp.StatusCode, string(answer))
	return resp.Body.Close()
}
