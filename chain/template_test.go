package chain

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

func TestTemplate(t *testing.T) {
	p := rulestest.With(rulestest.Swift(), func(c *rules.Config) {
		c.Limits = rules.Limits{BlockBytes: 700, BlockTxs: 4, TxBytes: 400}
	})
	c := openTest(t, Config{Params: p})
	var txs []block.Tx
	for i := range 6 {
		txs = append(txs, rulestest.MakeTx(t, fmt.Sprint(i)))
	}
	long := rulestest.MakeTx(t, strings.Repeat("x", 300))
	c.post(txs[0], txs[1], txs[2], txs[3], long, txs[4], txs[5])
	for _, want := range []int{4, 3, 0} {
		template, err := c.Template(TemplateOptions{Tag: "miner"})
		if err != nil {
			t.Fatal(err)
		}
		if len(template.Txs) != want {
			t.Errorf("%d transactions, want %d", len(template.Txs), want)
		}
		tip := c.Tip()
		if template.Height != tip.Height+1 || template.Prev != tip.Hash || template.Bits != tip.NextBits(p) ||
			template.MinTime != tip.MedianTimePast()+1 || len(template.Versions) != 16 {
			t.Errorf("template %+v on %+v", template, tip)
		}
		const extranonce = 0x0102030405060708
		job := template.Job(extranonce, 0)
		if job.Header.Time != template.MinTime || template.Job(0, template.MinTime+5).Header.Time != template.MinTime+5 {
			t.Errorf("the job has the time %d, want the least, %d", job.Header.Time, template.MinTime)
		}
		b := template.Block(job.Header, extranonce)
		if raw := string(b.Coinbase.Bytes()); raw != string(template.Before)+"\x01\x02\x03\x04\x05\x06\x07\x08"+string(template.After) {
			t.Errorf("coinbase %x", raw)
		}
		c.want(Best, rulestest.Solve(b))
	}
	c.wantPending()

	c.post(rulestest.MakeTx(t, "seven"))
	empty, err := c.Template(TemplateOptions{Empty: true})
	if err != nil || len(empty.Txs) != 0 || len(empty.Branch) != 0 {
		t.Errorf("an empty template: %+v, %v", empty, err)
	}
	for i, version := range empty.Versions {
		b := empty.Block(empty.Job(uint64(i), 0).Header, uint64(i))
		b.Header.Version = version
		if err := rulestest.Judge(p, c.Tip(), rulestest.Solve(b), c.isMined); err != nil {
			t.Errorf("version %x: %v", version, err)
		}
	}
	if _, err := c.Template(TemplateOptions{Tag: strings.Repeat("x", block.MaxTag+1)}); !errors.Is(err, block.CoinbaseLength) {
		t.Errorf("tag too long: %v", err)
	}
}

// A template takes transactions up to exactly the limits, and its block is good.
func TestTemplateFitsExactly(t *testing.T) {
	long := strings.Repeat("x", 300)
	txs := []block.Tx{rulestest.MakeTx(t, "one "+long), rulestest.MakeTx(t, "two "+long), rulestest.MakeTx(t, "six "+long)}
	const tag = "miner"
	size := block.Block{Coinbase: block.Coinbase{Height: 1, Tag: tag}, Txs: txs[:2]}.Size()
	for _, tc := range []struct {
		limits rules.Limits
		want   int
	}{
		{rules.Limits{BlockBytes: size, TxBytes: 400}, 2},
		{rules.Limits{BlockBytes: size - 1, TxBytes: 400}, 1},
		{rules.Limits{BlockBytes: size + txs[2].Size(), TxBytes: 400}, 3},
		{rules.Limits{BlockTxs: 2}, 2},
		{rules.Limits{BlockTxs: 3}, 3},
	} {
		p := rulestest.With(rulestest.Easy(), func(c *rules.Config) { c.Limits = tc.limits })
		c := openTest(t, Config{Params: p})
		c.post(txs...)
		template, err := c.Template(TemplateOptions{Tag: tag})
		if err != nil || len(template.Txs) != tc.want {
			t.Errorf("%+v: %d transactions (%v), want %d", tc.limits, len(template.Txs), err, tc.want)
		}
		c.want(Best, rulestest.Solve(template.Block(template.Job(1, 0).Header, 1)))
		c.wantPending(txs[tc.want:]...)
	}
}
