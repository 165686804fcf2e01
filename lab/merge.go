package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Merge reads the folders of all shards of a run and writes the whole run into another
// one. Its results.csv, course.csv and summary.json are byte for byte those of one machine. The
// version is that of the program.
func Merge(dir string, shards []string, version string) (*Plan, *Summary, []Replica, error) {
	if len(shards) == 0 {
		return nil, nil, nil, errors.New("there are no folders to merge: name those of all shards")
	}
	var plan *Plan
	var all []Replica
	from := map[string]string{} // the folder of each shard
	of := 0
	for _, folder := range shards {
		s, err := readSummary(folder)
		if err != nil {
			return nil, nil, nil, err
		}
		shard, err := ParseShard(s.Shard)
		switch {
		case err != nil:
			return nil, nil, nil, fmt.Errorf("%s: %w", folder, err)
		case s.Version != version:
			return nil, nil, nil, fmt.Errorf("%s was run by version %s, and this is version %s: merge with the version that ran the shards", folder, s.Version, version)
		case shard.Of == 0:
			return nil, nil, nil, fmt.Errorf("%s is a whole run and not a shard: leave it out", folder)
		case from[s.Shard] != "":
			return nil, nil, nil, fmt.Errorf("%s and %s are both the shard %s: leave one of them out", from[s.Shard], folder, s.Shard)
		case !s.Complete:
			return nil, nil, nil, fmt.Errorf("the shard %s in %s was interrupted: resume it first", s.Shard, folder)
		}
		if plan == nil {
			if plan, err = Parse([]byte(s.File)); err != nil {
				return nil, nil, nil, fmt.Errorf("%s: %w", folder, err)
			}
			of = shard.Of
		}
		if s.File != string(plan.File) || shard.Of != of {
			return nil, nil, nil, fmt.Errorf("%s is not of the same run as %s: the experiment file or the number of shards differs", folder, shards[0])
		}
		from[s.Shard] = folder
		replicas, err := readResults(folder, plan)
		if err != nil {
			return nil, nil, nil, err
		}
		all = append(all, replicas...)
	}
	if missing := missingShards(from, of); missing != "" {
		return nil, nil, nil, fmt.Errorf("folders are missing: of %d shards, %s", of, missing)
	}
	slices.SortFunc(all, inOrder)
	if whole := newSchedule(plan, Options{Done: all}); !whole.isComplete() || len(whole.results()) != len(all) {
		return nil, nil, nil, errors.New("the results of the folders together are not those of a whole run: run the shards again")
	}
	f, err := Create(dir, plan, version, Shard{})
	if err != nil {
		return nil, nil, nil, err
	}
	if err := f.writeCourse(all); err != nil { // first, so that a row in results.csv has its course
		return nil, nil, nil, errors.Join(err, f.rows.Close(), unlockFolder(f.lock))
	}
	s, err := f.Finish(all)
	return plan, s, all, err
}

// inOrder compares the places of two replicas.
func inOrder(a, b Replica) int {
	if a.Point != b.Point {
		return a.Point - b.Point
	}
	return a.Number - b.Number
}

// missingShards lists the shards that no folder has.
func missingShards(from map[string]string, of int) string {
	var missing []string
	for i := 1; i <= of && len(missing) <= 10; i++ {
		if name := (Shard{i, of}).String(); from[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 10 {
		missing[10] = "and more"
	}
	return strings.Join(missing, ", ")
}
