package p2p

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/tick"
)

const reportSyncEvery = 5 * time.Second

// note passes what the state machine decided to the observers, and logs it.
func (n *Network) note(e gossip.Note) {
	n.tellNoted(e)
	peer, out := slog.Any("peer", e.Peer), slog.String("direction", direction(e.Out))
	reason, detail := slog.String("reason", e.Reason), slog.String("detail", e.Detail)
	switch e.Kind {
	case gossip.NoteConnected:
		delete(n.missing, e.Peer)
		n.log.Info("peer connected", peer, out)
	case gossip.NoteFailed:
		level := slog.LevelDebug // addresses from other nodes fail often
		if slices.Contains(n.config.Peers, e.Peer) && !n.missing[e.Peer] {
			n.missing[e.Peer] = true // warn once, until it is connected
			level = slog.LevelWarn
		}
		n.log.Log(context.Background(), level, "no connection with peer", peer, reason, detail)
	case gossip.NoteDropped:
		n.log.Info("peer dropped", peer, out, reason, detail)
	case gossip.NoteBanned:
		n.log.Info("peer banned", peer, out, reason, detail)
	case gossip.NoteRefused: // sendRefusal tells the observers
		n.log.Debug("peer refused", peer, reason, detail)
	case gossip.NotePropagated:
		n.log.Debug("block from a peer became the tip", "block", e.Hash, "peer", e.Peer, "took", e.Took)
	case gossip.NoteSyncBegins:
		n.log.Info("sync begins", peer, slog.Int("blocks", e.Count))
	case gossip.NoteSyncEnds:
		n.log.Info("sync ends", reason, detail)
	case gossip.NoteClock:
		level, text := slog.LevelWarn, "the clock of this machine is wrong"
		if e.Reason == "right" {
			level, text = slog.LevelInfo, "the clock of this machine is right again"
		}
		n.log.Log(context.Background(), level, text, reason, slog.Duration("offset", e.Offset.Round(time.Second)), slog.Int("peers", e.Count), detail)
	case gossip.NoteSyncStalled:
		n.log.Info("sync stalls", peer, detail)
	}
}

// reportSync logs at intervals how far a sync is, until the context ends.
func (n *Network) reportSync(ctx context.Context) {
	tick.Every(ctx, reportSyncEvery, func() {
		s := n.Sync()
		if !s.Active {
			return
		}
		perSecond, left := s.Progress(n.now())
		n.log.Info("sync", "height", s.Height, "target", s.Target, "blocks_per_second", int64(perSecond), "left", left.Round(time.Second))
	})
}

func direction(out bool) string {
	if out {
		return "out"
	}
	return "in"
}
