package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The files of a folder of results.
const (
	ResultsFile = "results.csv"
	SummaryFile = "summary.json"
)

// Folder keeps the results of a run on disk: results.csv with a row for each replica,
// and summary.json. While the run goes on, rows are added in the order in which replicas
// end, so that nothing is lost if the run is ended in any way. Finish sorts them. From
// [Create] or [Resume] to Finish no other run can write to the folder.
type Folder struct {
	dir     string
	plan    *Plan
	table   *table
	version string
	shard   Shard
	rows    *os.File // results.csv, for adding
	lock    *os.File // see lockFolder
}

// Create begins a folder for a run. It must not have results already. The version is that
// of the program.
func Create(dir string, p *Plan, version string, shard Shard) (*Folder, error) {
	if err := shard.check(p); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return open(&Folder{dir: dir, plan: p, table: newTable(p), version: version, shard: shard}, (*Folder).create)
}

// CheckNew returns the error of [Create] for a folder that has results already.
func CheckNew(dir string) error {
	for _, name := range []string{ResultsFile, SummaryFile} {
		switch _, err := os.Lstat(filepath.Join(dir, name)); {
		case err == nil:
			return fmt.Errorf("the folder %s has a file %s already: take another folder, or resume the run that it is of", dir, name)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return nil
}

// open locks a folder and calls begin. If that fails, the lock ends.
func open(f *Folder, begin func(*Folder) error) (*Folder, error) {
	var err error
	if f.lock, err = lockFolder(f.dir); err != nil {
		return nil, err
	}
	if err = begin(f); err != nil {
		return nil, errors.Join(err, unlockFolder(f.lock))
	}
	return f, nil
}

// create begins a folder without results.
func (f *Folder) create() error {
	if err := CheckNew(f.dir); err != nil {
		return err
	}
	p := f.plan
	if err := f.writeSummary(&Summary{Version: f.version, Title: p.Title, File: string(p.File), Seed: p.Seed, Shard: f.shard.String(), Points: []PointSummary{}}); err != nil {
		return err
	}
	return f.begin(nil)
}

// Resume continues a folder whose run was interrupted. It returns the replicas that have
// been run. The plan, the version and the shard must be those that began it. If the folder
// has no run, it begins one.
func Resume(dir string, p *Plan, version string, shard Shard) (*Folder, []Replica, error) {
	if _, err := os.Lstat(filepath.Join(dir, SummaryFile)); errors.Is(err, fs.ErrNotExist) {
		f, err := Create(dir, p, version, shard)
		return f, nil, err
	}
	var replicas []Replica
	f, err := open(&Folder{dir: dir, plan: p, table: newTable(p), version: version, shard: shard}, func(f *Folder) (err error) {
		replicas, err = f.resume()
		return err
	})
	return f, replicas, err
}

// resume reads the results of a folder, if they are of this run, and begins again with
// them.
func (f *Folder) resume() ([]Replica, error) {
	old, err := readSummary(f.dir)
	switch {
	case err != nil:
		return nil, err
	case old.File != string(f.plan.File):
		return nil, fmt.Errorf("the run in %s has another experiment file: resume it with the file that is in its %s, or take another folder", f.dir, SummaryFile)
	case old.Version != f.version:
		return nil, fmt.Errorf("the run in %s was begun by version %s, and this is version %s: their results must not be mixed; resume it with the other version, or take another folder", f.dir, old.Version, f.version)
	case old.Shard != f.shard.String():
		return nil, fmt.Errorf("the run in %s is %s, and not %s: name the same part, or take another folder", f.dir, partOf(old.Shard), partOf(f.shard.String()))
	}
	replicas, err := readResults(f.dir, f.plan)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a run may end between the first writes of the two files
		return nil, err
	}
	return replicas, f.begin(replicas)
}

func partOf(shard string) string {
	if shard == "" {
		return "the whole run"
	}
	return "the shard " + shard
}

// begin writes results.csv with some replicas, and opens it for more.
func (f *Folder) begin(replicas []Replica) (err error) {
	if err := f.writeResults(replicas); err != nil {
		return err
	}
	f.rows, err = os.OpenFile(filepath.Join(f.dir, ResultsFile), os.O_WRONLY|os.O_APPEND, 0)
	return err
}

// Add adds a replica. It is made for Options.Finished.
func (f *Folder) Add(r Replica) error {
	if err := f.addCourse(r); err != nil { // first, so that a row in results.csv has its course
		return err
	}
	_, err := f.rows.Write(line(f.table.row(r)))
	return err
}

// Finish writes the final form of both files and closes the folder. The replicas are those
// that Run has returned, also of a run that was interrupted.
func (f *Folder) Finish(replicas []Replica) (*Summary, error) {
	s := Summarize(f.plan, replicas, f.version)
	s.Shard = f.shard.String()
	if s.Shard != "" {
		s.Complete = newSchedule(f.plan, Options{Shard: f.shard, Done: replicas}).isComplete()
	}
	return s, errors.Join(f.rows.Close(), f.writeResults(replicas), f.writeSummary(s), unlockFolder(f.lock))
}

// writeResults replaces results.csv, and then course.csv: a replica that is in results.csv must
// have its course whenever the process ends, but a course without a replica does no harm.
func (f *Folder) writeResults(replicas []Replica) error {
	err := replaceFile(filepath.Join(f.dir, ResultsFile), func(w io.Writer) error { return f.table.write(w, replicas) })
	if err != nil {
		return err
	}
	return f.writeCourse(replicas)
}

func (f *Folder) writeSummary(s *Summary) error {
	return replaceFile(filepath.Join(f.dir, SummaryFile), func(w io.Writer) error {
		data, err := s.JSON()
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
}

// replaceFile writes a file under another name and then renames it, so that the file is
// never half written. The content is on the disk before the name is, also if the power
// fails.
func replaceFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// readSummary reads the summary of a folder. If there is none, the error is
// [fs.ErrNotExist].
func readSummary(dir string) (*Summary, error) {
	name := filepath.Join(dir, SummaryFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no folder of results: want one that lodelab run has written: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	var s Summary
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&s); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &s, nil
}

func readResults(dir string, p *Plan) ([]Replica, error) {
	name := filepath.Join(dir, ResultsFile)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	replicas, err := newTable(p).read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return replicas, readCourse(dir, p, replicas)
}
