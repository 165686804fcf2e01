package lab

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lodepow/lode/lab/blocks"
)

// MaxReplicas bounds the replicas of a point, because the figures of all are kept.
const MaxReplicas = 10_000

// Bounds of a file, so that reading it takes neither long nor much memory.
const (
	maxSettings = 2000
	maxShares   = 20_000_000 // of the hash rate, over all points
)

// Parse reads an experiment file, whose format docs/experiments.md describes. The changes
// give settings of the file other values, or are added to it. The error is a *[FileError];
// if it is about a change, it has no line.
func Parse(data []byte, changes ...Setting) (*Plan, error) {
	settings, err := readSettings(data)
	if err == nil {
		settings, err = change(settings, changes)
	}
	if err != nil {
		return nil, err
	}
	return plan(settings)
}

// Read reads an experiment file; see [Parse].
func Read(r io.Reader, changes ...Setting) (*Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Parse(data, changes...)
}

// New makes a plan of settings, as if they were read from a file. If a setting is wrong, the
// error is a [*FileError] without a line.
func New(settings ...Setting) (*Plan, error) {
	file, err := Format(settings)
	if err != nil {
		return nil, err
	}
	p, err := Parse(file)
	if wrong := (*FileError)(nil); errors.As(err, &wrong) {
		return nil, &FileError{Key: wrong.Key, Err: wrong.Err}
	}
	return p, err
}

// sheet is a setting that has been understood.
type sheet struct {
	Setting
	key     *key
	index   int
	choices []choice
	swept   bool
}

// plan makes a plan of settings in canonical order.
func plan(settings []Setting) (*Plan, error) {
	if len(settings) > maxSettings {
		return nil, &FileError{Err: fmt.Errorf("the file has %d settings: want at most %d", len(settings), maxSettings)}
	}
	var sheets []sheet
	for _, s := range settings {
		k, i := keyOf(s.Key)
		if k == nil {
			return nil, &FileError{s.line, s.Key, errors.New("unknown key: " + knownKeys(parent(s.Key)))}
		}
		choices, swept, err := choicesOf(k, s.Value)
		if err != nil {
			return nil, &FileError{s.line, s.Key, err}
		}
		for c := range choices {
			choices[c].Key = s.Key
		}
		sheets = append(sheets, sheet{s, k, i, choices, swept})
	}
	file, err := Format(settings)
	if err != nil {
		return nil, &FileError{Err: err}
	}
	d := newDraft()
	for _, s := range sheets {
		if s.key.plan {
			assign(s.key.field(d, 0), s.choices[0].typed)
		}
	}
	p := &Plan{Title: d.title, File: file, Seed: d.seed, Replicas: d.replicas}
	if p.Points, err = points(sheets); err != nil {
		return nil, err
	}
	if err := checkSameMode(sheets); err != nil {
		return nil, err
	}
	return p, p.setStop(d, sheets)
}

// checkSameMode refuses real nodes beside other engines if no mode of relay is set, because its
// default is another one for real nodes.
func checkSameMode(sheets []sheet) error {
	for _, s := range sheets {
		if s.Key == "relay.mode" {
			return nil
		}
	}
	for _, s := range sheets {
		if s.Key != "engine" {
			continue
		}
		real := 0
		for _, c := range s.choices {
			if c.Text == string(RealNodes) {
				real++
			}
		}
		if real > 0 && real < len(s.choices) {
			return &FileError{s.line, s.Key, fmt.Errorf("%q beside another engine: without relay.mode real nodes use the mode %q, and the others %q: set relay.mode = %q, so that all use the same", RealNodes, blocks.HeadersFirst, blocks.Full, blocks.HeadersFirst)}
		}
	}
	return nil
}

// setStop sets when the replicas of a point end.
func (p *Plan) setStop(d *draft, sheets []sheet) error {
	wrong := func(key, format string, args ...any) error {
		at := &FileError{Key: key, Err: fmt.Errorf(format, args...)}
		for _, s := range sheets {
			if s.Key == key {
				at.Line = s.line
			}
		}
		return at
	}
	if d.replicas < 2 || d.replicas > MaxReplicas {
		return wrong("replicas", "%d: want 2 to %d", d.replicas, MaxReplicas)
	}
	if d.halfWidth == 0 {
		for _, s := range sheets {
			if s.Key == "of" || s.Key == "max_replicas" {
				return wrong(s.Key, "means nothing without half_width: leave it out, or set half_width")
			}
		}
		return nil
	}
	p.HalfWidth, p.Of, p.MaxReplicas = d.halfWidth, d.of, d.maxReplicas
	if d.maxReplicas < d.replicas || d.maxReplicas > MaxReplicas {
		return wrong("max_replicas", "%d: want %d, the number of replicas, to %d", d.maxReplicas, d.replicas, MaxReplicas)
	}
	for _, point := range p.Points {
		var names []string
		for _, m := range Metrics(point.Experiment) {
			names = append(names, m.Name)
		}
		if !slices.Contains(names, d.of) {
			return wrong("of", "no point may lack the metric, and %q is none of those of point %d: take one of %s", d.of, point.Index, strings.Join(names, ", "))
		}
	}
	return nil
}

// points crosses the sweeps. The last one in the file varies fastest.
func points(sheets []sheet) ([]Point, error) {
	count := 1
	for _, s := range sheets {
		if count *= len(s.choices); count > maxPoints {
			return nil, &FileError{s.line, s.Key, fmt.Errorf("with this sweep there are more than %d points: take fewer values", maxPoints)}
		}
	}
	list := make([]Point, count)
	shares := 0 // that the points have in memory
	for i := range list {
		chosen := make([]int, len(sheets))
		rest := i
		for s := len(sheets) - 1; s >= 0; s-- {
			chosen[s] = rest % len(sheets[s].choices)
			rest /= len(sheets[s].choices)
		}
		d := draftOf(sheets, chosen, -1)
		x, err := d.finish()
		if err != nil {
			return nil, blame(sheets, chosen, err)
		}
		shares += len(x.Power.Shares)
		for _, step := range x.Power.Steps {
			shares += len(step.Shares)
		}
		if shares > maxShares {
			return nil, &FileError{Err: fmt.Errorf("the miners of all points are more than %d: take fewer points, or fewer miners", maxShares)}
		}
		list[i] = Point{Index: i, Experiment: x, settings: d.settings(x)}
		for s, sheet := range sheets {
			if sheet.swept {
				list[i].Values = append(list[i].Values, sheet.choices[chosen[s]].Value)
			}
		}
	}
	return list, nil
}

// draftOf sets the chosen values, apart from the setting number without.
func draftOf(sheets []sheet, chosen []int, without int) *draft {
	d := newDraft()
	for i, s := range sheets {
		if !s.key.plan && i != without {
			assign(s.key.field(d, s.index), s.choices[chosen[i]].typed)
			if s.Key == "difficulty.rule" {
				d.difficulty.swept = s.swept
			}
		}
	}
	return d
}

func experiment(sheets []sheet, chosen []int, without int) (blocks.Experiment, error) {
	return draftOf(sheets, chosen, without).finish()
}

// blame finds the setting that an error is about: the last one without which the error
// does not occur, or else one without which it is another error. Of several of these it is
// the one whose value is in the error's text, and among them the longest value.
func blame(sheets []sheet, chosen []int, err error) error {
	found, most := -1, -1
	for i := len(sheets) - 1; i >= 0; i-- {
		s := sheets[i]
		if s.key.plan {
			continue
		}
		_, other := experiment(sheets, chosen, i)
		if other == nil {
			found = i
			break
		}
		if other.Error() == err.Error() {
			continue
		}
		length := 0
		if value := s.choices[chosen[i]].Text; strings.Contains(err.Error(), value) {
			length = len(value)
		}
		if length > most {
			found, most = i, length
		}
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	if found < 0 {
		return &FileError{Err: errors.New(text)}
	}
	s := sheets[found]
	table, _, _ := strings.Cut(s.Key, ".")
	text = strings.TrimPrefix(text, strings.TrimSuffix(index.ReplaceAllString(table, ""), "[]")+": ")
	if s.swept {
		text = fmt.Sprintf("at %s: %s", s.choices[chosen[found]].Text, text)
	}
	return &FileError{s.line, s.Key, errors.New(text)}
}
