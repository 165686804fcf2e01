package lab

import "testing"

// Shards share single replicas, or, if all replicas of a point decide together when it has
// enough, whole points.
func TestShardHasReplica(t *testing.T) {
	const points = "nodes = 5\nblocks = 5\ntopology.degree = 2\ninterval = [\"1s\", \"2s\", \"3s\"]\n"
	for text, want := range map[string][3]string{
		"replicas = 3\n" + points: {"101", "010", "101"},
		"replicas = 3\nhalf_width = 0.1\nof = \"stale_rate\"\n" + points: {"111", "000", "111"},
	} {
		p := parse(t, text)
		for number := 1; number <= 2; number++ {
			s := Shard{Number: number, Of: 2}
			for point := range p.Points {
				got := ""
				for r := range 3 {
					if s.hasReplica(p, point, r) {
						got += "1"
					} else {
						got += "0"
					}
				}
				other := map[string]string{"101": "010", "010": "101", "111": "000", "000": "111"}
				expected := want[point]
				if number == 2 {
					expected = other[expected]
				}
				if got != expected {
					t.Errorf("shard %s of %q has the replicas %s of point %d, want %s", s, text[:24], got, point, expected)
				}
			}
		}
	}
}
