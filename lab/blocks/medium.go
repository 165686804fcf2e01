package blocks

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Latency says how long a message travels from a node to its neighbour, one way and
// without the time that its bytes take. Each connection has its own latency, the same
// in both directions. A latency below a microsecond counts as a microsecond.
type Latency struct {
	Mean   time.Duration // 0: 100 ms, unless there are Regions
	Law    Law           // of the latencies of connections
	Spread float64       // see [Law]

	// Regions, if set, gives nodes places, and the mean latency of a connection is
	// that between the places of its ends. Mean must be 0.
	Regions *Regions

	// Jitter is the mean of an exponentially distributed time that is added for each
	// message.
	Jitter time.Duration
}

// Mode says how a node passes a block on to its neighbours.
type Mode string

// The modes. L is the latency of a connection, S the size of a block divided by the
// bandwidth, and V the time that a node takes to validate a block.
const (
	// Full sends each block unasked: L + S + V from node to node.
	Full Mode = "full"
	// HeadersFirst announces the block and sends it on request: 3 L + S + V.
	HeadersFirst Mode = "headers"
	// Compact sends short ids of the transactions unasked (BIP 152, high bandwidth), 1
	// byte in 40 of the block. With the probability HitRate the neighbour has all
	// transactions: L + S/40 + V. Otherwise it asks for the missing ones, a tenth of
	// the block: 3 L + S/40 + S/10 + V.
	Compact Mode = "compact"
	// CutThrough passes each piece of a block on as soon as it arrives. The block takes
	// L + P from node to node, with P the time of a piece of 1500 bytes, and S + V
	// once, at its miner.
	CutThrough Mode = "cut-through"
)

const (
	compactShare = 1.0 / 40
	missingShare = 1.0 / 10
	pieceBytes   = 1500
)

// Relay says how blocks are passed on. The zero Relay is [Full] with blocks that have no
// size and need no validation, so that a block takes just the latency.
type Relay struct {
	Mode       Mode
	HitRate    float64       // for Compact: from 0 to 1
	BlockBytes Dist          // size of blocks
	Bandwidth  float64       // bits a second from a node to a neighbour; 0: that of the regions, or else no limit
	Validation time.Duration // of a block of mean size; in proportion to the size

	// QueueUploads makes a node send to one neighbour after the other at Bandwidth.
	// Otherwise each neighbour gets the whole bandwidth at the same time.
	QueueUploads bool

	// Loss is the probability that a message is lost. Without Retry it is not sent
	// again: the neighbour gets the block from another node, or with the next block.
	Loss float64

	// Retry is the time after which a lost message is sent again, and again if it is lost
	// once more; 0: never.
	Retry time.Duration
}

func (l Latency) validate() error {
	d := Dist{l.Law, float64(l.Mean), l.Spread}
	switch {
	case l.Regions != nil && l.Mean != 0:
		return errors.New("latency: a mean and regions exclude each other: leave one of them out")
	case l.Mean < 0 || l.Mean > maxDelay*time.Microsecond:
		return fmt.Errorf("latency: mean %s: want up to %s", l.Mean, maxDelay*time.Microsecond)
	case l.Jitter < 0 || l.Jitter > maxDelay*time.Microsecond:
		return fmt.Errorf("latency: jitter %s: want 0 to %s", l.Jitter, maxDelay*time.Microsecond)
	}
	if l.Regions != nil {
		if err := l.Regions.validate(); err != nil {
			return err
		}
	}
	return d.validate("latency")
}

func (r Relay) validate() error {
	if err := r.BlockBytes.validate("relay: block bytes"); err != nil {
		return err
	}
	switch r.Mode {
	case Full, HeadersFirst, Compact, CutThrough:
	default:
		return fmt.Errorf("relay: mode %q: want %q, %q, %q or %q", r.Mode, Full, HeadersFirst, Compact, CutThrough)
	}
	switch {
	case r.Mode != Compact && r.HitRate != 0:
		return fmt.Errorf("relay: a hit rate means nothing to the mode %q: leave it out", r.Mode)
	case !inRange(r.HitRate, 0, 1):
		return fmt.Errorf("relay: hit rate %v: want 0 to 1", r.HitRate)
	case !inRange(r.Loss, 0, 1) || r.Loss == 1:
		return fmt.Errorf("relay: loss %v: want at least 0 and less than 1", r.Loss)
	case r.Bandwidth != 0 && !inRange(r.Bandwidth, 8, math.MaxFloat64):
		return fmt.Errorf("relay: bandwidth %v: want at least 8 bits a second, or 0 for no limit", r.Bandwidth)
	case r.Validation < 0 || r.Validation > maxDelay*time.Microsecond:
		return fmt.Errorf("relay: validation %s: want 0 to %s", r.Validation, maxDelay*time.Microsecond)
	case r.Retry < 0 || r.Retry > maxDelay*time.Microsecond:
		return fmt.Errorf("relay: retry after %s: want 0 to %s", r.Retry, maxDelay*time.Microsecond)
	case r.Retry > 0 && r.Loss == 0:
		return errors.New("relay: a retry means nothing if no message is lost: leave it out, or set a loss")
	case r.QueueUploads && r.Mode == CutThrough:
		return fmt.Errorf("relay: uploads do not queue in the mode %q: leave queue_uploads out, or take another mode", r.Mode)
	}
	return nil
}

// medium says what messages take.
type medium struct {
	seed     uint64
	link     Latency
	relay    Relay
	places   []uint8   // by node: its region; nil without regions
	upload   []float64 // by node: microseconds for each byte that it sends; nil: the same for all
	download []float64 // by node; nil with upload
	all      float64   // microseconds for each byte, if upload is nil
	meanSize float64   // bytes

	// apart says that the delay of an arc depends on the block, so that the latency and
	// the bandwidth of each arc have to be known apart.
	apart bool

	source []uint32 // see network
}

func newMedium(seed uint64, x *Experiment) *medium {
	m := &medium{seed: seed, link: x.Latency, relay: x.Relay, meanSize: x.Relay.BlockBytes.Mean, apart: x.delaysVary()}
	if r := x.Latency.Regions; r != nil {
		m.places = r.place(seed, x.Nodes)
		if x.Relay.Bandwidth == 0 {
			m.upload, m.download = r.speeds(m.places)
		}
	}
	if x.Relay.Bandwidth > 0 {
		m.all = 8e6 / x.Relay.Bandwidth
	}
	if x.Relay.Mode == CutThrough && m.meanSize > 0 {
		validation := float64(x.Relay.Validation) / 1e3
		m.source = make([]uint32, x.Nodes)
		for v := range m.source {
			perByte := m.all
			if m.upload != nil {
				perByte = max(m.upload[v], m.link.Regions.slowest(m.places[v]))
			}
			m.source[v] = clampDelay(float64(perByte*m.meanSize) + validation)
		}
	}
	return m
}

// latency returns the latency of a connection in microseconds.
func (m *medium) latency(e edge) float64 {
	d := Dist{m.link.Law, float64(m.link.Mean) / 1e3, m.link.Spread}
	if m.places != nil {
		d.Mean = m.link.Regions.between(m.places[e.a], m.places[e.b])
	}
	random := newStream(m.seed, forLatency, uint64(e.a), uint64(e.b))
	return d.draw(&random)
}

// perByte returns how many microseconds a byte takes from one node to another.
func (m *medium) perByte(from, to int32) float64 {
	if m.upload == nil {
		return m.all
	}
	return max(m.upload[from], m.download[to], m.link.Regions.perByte(m.places[from], m.places[to]))
}

// delay returns the delay of an arc in microseconds for a block of that size, as the
// mode says, if all transactions of a compact block are known to the receiver. See
// [medium.miss] for the others.
func (m *medium) delay(latency, perByte, size float64) uint32 {
	d := latency
	if m.relay.Mode == HeadersFirst {
		d = float64(3 * latency)
	}
	bytes := size
	switch m.relay.Mode {
	case Compact:
		bytes = float64(size * compactShare)
	case CutThrough:
		return clampDelay(latency + float64(perByte*min(size, pieceBytes)))
	}
	d += float64(perByte * bytes)
	d += m.validation(size)
	if m.relay.Mode == Compact && m.relay.HitRate == 0 {
		d += m.miss(latency, perByte, size)
	}
	return clampDelay(d)
}

// miss returns the time in microseconds that a compact block takes longer if the
// receiver has to ask for transactions.
func (m *medium) miss(latency, perByte, size float64) float64 {
	return float64(2*latency) + float64(perByte*float64(size*missingShare))
}

// validation returns the time in microseconds that a node validates a block.
func (m *medium) validation(size float64) float64 {
	v := float64(m.relay.Validation) / 1e3
	if m.meanSize > 0 {
		v = float64(v*size) / m.meanSize
	}
	return v
}

// clampDelay rounds to a whole microsecond, at least one.
func clampDelay(d float64) uint32 { return uint32(min(max(d+0.5, 1), maxDelay)) }
