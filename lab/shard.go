package lab

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is one of several parts of a run, for example the second of four. The zero Shard
// is the whole run.
//
// If each point has a fixed number of replicas, these are dealt to the shards one by one.
// With a half-width whole points are, because all replicas of a point decide together
// when it has enough.
type Shard struct{ Number, Of int } // Number from 1

// ParseShard reads a shard such as 2/4. The empty text is the whole run.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	number, of, ok := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(number)
	n, err2 := strconv.Atoi(of)
	if !ok || err1 != nil || err2 != nil || i < 1 || i > n {
		return Shard{}, fmt.Errorf("shard %q: want a number and how many there are, from 1/4 to 4/4", text)
	}
	return Shard{i, n}, nil
}

// String returns the form that ParseShard reads.
func (s Shard) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Number, s.Of)
}

// check refuses shards that have nothing to do.
func (s Shard) check(p *Plan) error {
	switch {
	case s.Of == 0:
		return nil
	case p.HalfWidth > 0 && s.Of > len(p.Points):
		return fmt.Errorf("shard %s: with half_width each point is run as a whole by one shard, and there are only %d points: take at most as many shards, or a number of replicas instead of half_width", s, len(p.Points))
	case s.Of > len(p.Points)*p.Replicas && p.HalfWidth == 0:
		return fmt.Errorf("shard %s: there are only %d replicas: take at most as many shards", s, len(p.Points)*p.Replicas)
	}
	return nil
}

// hasPoint reports whether a shard of a run with a half-width has a point.
func (s Shard) hasPoint(point int) bool { return s.Of == 0 || point%s.Of == s.Number-1 }

// hasReplica reports whether a shard has a replica.
func (s Shard) hasReplica(p *Plan, point, number int) bool {
	switch {
	case s.Of == 0:
		return true
	case p.HalfWidth > 0:
		return s.hasPoint(point)
	}
	return (point*p.Replicas+number)%s.Of == s.Number-1
}
