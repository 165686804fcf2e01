package nodes

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
)

// eventLog writes one line for each event: the virtual time in seconds, the number of
// the node, and what happened. Without a writer it does nothing.
type eventLog struct {
	w   io.Writer
	err error // the first error of the writer
}

func (l *eventLog) say(now time.Duration, format string, args ...any) {
	if l.w == nil {
		return
	}
	if _, err := fmt.Fprintf(l.w, "%.6f "+format+"\n", append([]any{now.Seconds()}, args...)...); err != nil && l.err == nil {
		l.err = err
	}
}

func (l *eventLog) of(now time.Duration, index int, format string, args ...any) {
	if l.w != nil {
		l.say(now, "%d %s", index, fmt.Sprintf(format, args...))
	}
}

func (l *eventLog) event(n *Node, ev gossip.Event) {
	if l.w != nil {
		l.of(n.net.now, n.index, "> %s", eventText(ev))
	}
}

func (l *eventLog) effect(n *Node, e gossip.Effect) {
	if l.w != nil {
		l.of(n.net.now, n.index, "< %s", effectText(e))
	}
}

func eventText(ev gossip.Event) string {
	switch ev := ev.(type) {
	case gossip.Wake:
		return "wake"
	case gossip.Connect:
		return fmt.Sprintf("connect %d %s", ev.ID, ev.Address)
	case gossip.Incoming:
		return fmt.Sprintf("incoming %d from %s: %s", ev.ID, ev.From, requestText(ev.Request))
	case gossip.Answered:
		return fmt.Sprintf("answered %d: %s", ev.ID, outcomeOf(ev.Answer, ev.Err))
	case gossip.Accepted:
		return fmt.Sprintf("accepted %d: %d taken, %v", ev.ID, ev.Taken, ev.Err)
	case gossip.Added:
		return fmt.Sprintf("added %d: %v", ev.ID, ev.Errs)
	case gossip.Changed:
		return "changed " + changeText(*ev.Event)
	}
	return fmt.Sprintf("%T", ev)
}

func changeText(ev chain.Event) string {
	switch ev.Kind {
	case chain.EventTx:
		return fmt.Sprintf("tx %.8s", ev.Tx.ID())
	case chain.EventSide:
		return fmt.Sprintf("side %.8s", ev.Block)
	}
	return fmt.Sprintf("%s to %d %.8s, %d back, %d on", ev.Kind, ev.Tip.Height, ev.Tip.Hash, len(ev.Disconnected), len(ev.Connected))
}

func effectText(e gossip.Effect) string {
	switch e := e.(type) {
	case gossip.Send:
		return fmt.Sprintf("send %d to %s: %s", e.ID, e.To, requestText(e.Request))
	case gossip.Reply:
		if e.Refusal != nil {
			return fmt.Sprintf("reply %d: %v", e.ID, *e.Refusal)
		}
		return fmt.Sprintf("reply %d: %s", e.ID, outcomeOf(e.Answer, nil))
	case gossip.Accept:
		return fmt.Sprintf("accept %d: %d blocks from %d %.8s", e.ID, len(e.Blocks), e.Blocks[0].Height(), e.Blocks[0].Hash())
	case gossip.AddTxs:
		return fmt.Sprintf("add %d: %d txs", e.ID, len(e.Txs))
	case gossip.Connected:
		return fmt.Sprintf("connected %d: %v", e.ID, e.Err)
	case gossip.Note:
		return fmt.Sprintf("note %s %s %s %s %d", e.Kind, e.Peer, e.Reason, e.Detail, e.Count)
	}
	return fmt.Sprintf("%T", e)
}

// kindOf returns the name of a request's or an answer's type in lower case.
func kindOf(v any) string {
	name := fmt.Sprintf("%T", v)
	return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
}

func requestText(r gossip.Request) string {
	text := kindOf(r)
	switch r := r.(type) {
	case gossip.Hello:
		return fmt.Sprintf("%s at %d %.8s", text, r.Tip.Height, r.Tip.Hash)
	case gossip.Announce:
		for _, b := range r.Blocks {
			text += fmt.Sprintf(" block %.8s", b.Hash)
		}
		for _, id := range r.Txs {
			text += fmt.Sprintf(" tx %.8s", id)
		}
	case gossip.GetHeaders:
		return fmt.Sprintf("%s after %.8s", text, r.Locator[0])
	case gossip.GetBlocks:
		return fmt.Sprintf("%s %d from %.8s", text, len(r.Hashes), r.Hashes[0])
	case gossip.GetTxs:
		return fmt.Sprintf("%s %d", text, len(r.IDs))
	case gossip.GetPool:
		return fmt.Sprintf("%s from %d", text, r.From)
	}
	return text
}

func outcomeOf(a gossip.Answer, err error) string {
	if err != nil {
		return err.Error()
	}
	text := kindOf(a)
	switch a := a.(type) {
	case gossip.Welcome:
		return fmt.Sprintf("%s at %d %.8s", text, a.Tip.Height, a.Tip.Hash)
	case gossip.Headers:
		return fmt.Sprintf("%s %d", text, len(a.Headers))
	case gossip.Blocks:
		return fmt.Sprintf("%s %d", text, len(a.Blocks))
	case gossip.Txs:
		return fmt.Sprintf("%s %d", text, len(a.Txs))
	case gossip.Pool:
		return fmt.Sprintf("%s %d of %d", text, len(a.IDs), a.Total)
	case gossip.Addresses:
		return fmt.Sprintf("%s %d", text, len(a.Addresses))
	}
	return text
}
