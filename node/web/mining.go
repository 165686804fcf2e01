package web

import (
	"math"
	"net/http"

	"github.com/lodepow/lode/chain/rules"
)

// miningBody is what the template of the mining page gets.
type miningBody struct {
	Status nodeStatus
	Modes  []mode
	Mode   string // the present one in words; "": the node does not say

	Bits       string
	Zeros      int     // leading zero bits of the target of the next block
	Difficulty float64 // of the next block
	Expected   float64 // hashes that the next block takes on average
	OneIn      float64 // one in this many hashes is a block

	// Of the search that is under way.
	Odds      float64 // percent: so many searches have ended after as many hashes
	Mean      float64 // seconds in which a block is found on average at this rate; 0: not known
	Low, High float64 // between these, 95 % of the blocks are found

	Times   timesPlot
	History difficultyPlot
}

// mode is a choice of when the node mines.
type mode struct {
	Word, Label string
	Current     bool
}

// labels of the modes of POST /miner.
func modes() []mode {
	return []mode{
		{Word: "on-demand", Label: "when somebody asks for a block"},
		{Word: "pending", Label: "while a post waits"},
		{Word: "continuous", Label: "all the time, blocks without posts too"},
		{Word: "off", Label: "not at all"},
	}
}

func labelOfMode(word string) string {
	for _, m := range modes() {
		if m.Word == word {
			return m.Label
		}
	}
	return ""
}

// The time until a block is found is distributed exponentially, because each hash has
// the same chance whatever came before. Of an exponential distribution, 2.5 % are below
// bandLow times the mean and 2.5 % above bandHigh times the mean.
var (
	bandLow  = -math.Log(0.975)
	bandHigh = -math.Log(0.025)
)

func (w *Web) mining(r *http.Request) (answer, error) {
	status, err := w.status(r)
	if err != nil {
		return answer{}, err
	}
	params, tip := w.chain.Params(), w.chain.Tip()
	body := miningBody{Status: status, Mode: labelOfMode(status.Mining.Mode), Modes: modes()}
	for i := range body.Modes {
		body.Modes[i].Current = body.Modes[i].Word == status.Mining.Mode
	}
	bits := tip.NextBits(params)
	target, _, _ := bits.Decode()
	body.Bits, body.Zeros, body.Difficulty = bits.String(), target.Zeros(), target.Difficulty()
	body.Expected = target.Work().Float()
	body.OneIn = math.Round(1 / target.Probability())
	if m := status.Mining; m.Active {
		body.Odds = 100 * target.Odds(m.Hashes)
		if m.Rate > 0 && m.Expected > 0 {
			body.Mean = m.Expected / m.Rate
			body.Low, body.High = bandLow*body.Mean, bandHigh*body.Mean
		}
	}
	body.Times = w.timesPlot(params, tip)
	body.History = w.difficultyPlot(tip)
	return answer{page: "mining", data: page{Name: "mining", Title: "Mining", Body: body}}, nil
}

// timesPlot shows how long the last blocks took, beside the exponential law.
func (w *Web) timesPlot(params rules.Params, tip rules.State) timesPlot {
	from := max(1, tip.Height-intervalsShown) // the time from genesis to block 1 says nothing
	headers := w.chain.Headers(from, intervalsShown+1)
	var seconds []float64
	for i := 1; i < len(headers); i++ {
		seconds = append(seconds, math.Max(0, float64(headers[i].Time)-float64(headers[i-1].Time)))
	}
	return newTimesPlot(seconds, float64(params.Difficulty().Spacing)) // 0 at a fixed difficulty
}

// difficultyPlot shows the difficulty of blocks at even distances from genesis to the
// tip.
func (w *Web) difficultyPlot(tip rules.State) difficultyPlot {
	var points []difficultyPoint
	blocks := max(1, tip.Height)
	count := min(blocks, samplesShown)
	for i := range count {
		height := tip.Height
		if count > 1 {
			height = 1 + (blocks-1)*i/(count-1)
		}
		headers := w.chain.Headers(height, 1)
		if tip.Height == 0 || len(headers) == 0 {
			break
		}
		target, _, _ := headers[0].Bits.Decode()
		points = append(points, difficultyPoint{height, target.Difficulty()})
	}
	return newDifficultyPlot(points)
}
