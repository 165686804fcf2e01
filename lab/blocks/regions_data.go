package blocks

import "time"

// World2019 returns six regions of the world with Bitcoin's reachable nodes of 2019. A
// change of the returned value changes nothing else.
//
// The figures are those of the simulator SimBlock (Banno and Shudo, "Simulating a
// Blockchain Network with SimBlock", 2019; its settings for 2019): shares of nodes from
// Bitnodes, mean latencies between regions from Verizon and WonderNetwork, bandwidths
// from testmy.net. They are old and coarse, and good for comparing designs rather than
// for saying what today's network does.
func World2019() *Regions {
	r := &Regions{
		Source: "SimBlock, settings for 2019 (Bitnodes, Verizon, WonderNetwork, testmy.net)",
		Names:  []string{"north-america", "europe", "south-america", "asia-pacific", "japan", "australia"},
		Shares: []float64{0.3316, 0.4998, 0.0090, 0.1177, 0.0224, 0.0195},
		Upload: []float64{19.2e6, 20.7e6, 5.8e6, 15.7e6, 10.2e6, 11.3e6},
		Download: []float64{
			52e6, 40e6, 18e6, 22.8e6, 22.8e6, 29.9e6,
		},
	}
	for _, row := range [][]time.Duration{
		{32, 124, 184, 198, 151, 189},
		{124, 11, 227, 237, 252, 294},
		{184, 227, 88, 325, 301, 322},
		{198, 237, 325, 85, 58, 198},
		{151, 252, 301, 58, 12, 126},
		{189, 294, 322, 198, 126, 16},
	} {
		for i := range row {
			row[i] *= time.Millisecond
		}
		r.Latency = append(r.Latency, row)
	}
	return r
}
