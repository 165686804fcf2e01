package web

import (
	"net/http"
	"time"

	"github.com/lodepow/lode/pow"
)

// networkBody is what the template of the network page gets.
type networkBody struct {
	Peers     []peerRow
	MorePeers int
	Status    nodeStatus
	Tree      treeDrawing
	Branches  []branchRow
	Reorgs    []reorgRow
	Connect   form
}

type peerRow struct {
	peerStatus
	Short  string
	Behind int64 // blocks that its tip is below ours; negative: above
	Since  time.Time
	Seen   float64 // seconds ago
}

type branchRow struct {
	Tip        string
	Height     int64
	State      string // active, stale or invalid
	Fork       string
	ForkHeight int64
	Length     int64
	Work       float64
}

// reorgRow is a reorg as the page tells of it.
type reorgRow struct {
	Time         time.Time
	Tip          string
	Height       int64
	Joined, Left int
	Connected    []string
	Disconnected []string
	Returns      int
	Returned     []returnedPost
	MoreReturned int
}

// returnedPost is a post that a reorg has made pending again, and what became of it.
type returnedPost struct {
	ID      string
	Pending bool
	Post    post // if it is pending
}

// Bounds of what the page tells of each reorg.
const (
	reorgsDetailed  = 8 // reorgs on the page
	returnedOnReorg = 3 // posts of each
)

func (w *Web) network(r *http.Request) (answer, error) {
	status, err := w.status(r)
	if err != nil {
		return answer{}, err
	}
	var peers []peerStatus
	if err := w.get(r, "/peers", &peers); err != nil {
		return answer{}, err
	}
	body := networkBody{Status: status, Tree: w.drawTree(), Branches: w.branches(), Reorgs: w.reorgRows()}
	now := w.now()
	height := w.chain.Tip().Height
	for i, p := range peers {
		if i == peersShown {
			body.MorePeers = len(peers) - i
			break
		}
		row := peerRow{peerStatus: p, Short: short(p.Node), Behind: height - p.Height, Since: time.UnixMilli(int64(p.Since * 1000))}
		row.Seen = max(0, now.Sub(time.UnixMilli(int64(p.Seen*1000))).Seconds())
		body.Peers = append(body.Peers, row)
	}
	return answer{page: "network", data: page{Name: "network", Title: "Network", Body: body}}, nil
}

func (w *Web) branches() []branchRow {
	var rows []branchRow
	for _, b := range w.chain.Branches(branchesShown) {
		row := branchRow{
			Tip: b.Tip.Hash.String(), Height: b.Tip.Height, State: "stale", Fork: b.Fork.String(), ForkHeight: b.ForkHeight,
			Length: b.Length, Work: b.Tip.Work.Float(),
		}
		switch {
		case b.Active:
			row.State = "active"
		case b.Invalid:
			row.State = "invalid"
		}
		rows = append(rows, row)
	}
	return rows
}

// reorgRows describes the latest reorgs. Whether a post is still pending is looked up in
// memory; where it is otherwise, its own page says.
func (w *Web) reorgRows() []reorgRow {
	var rows []reorgRow
	for _, r := range w.reorgs.list() {
		if len(rows) == reorgsDetailed {
			break
		}
		row := reorgRow{
			Time: r.at, Tip: r.tip.String(), Height: r.height, Joined: r.joined, Left: r.left, Returns: r.returns,
			Connected: texts(r.connected), Disconnected: texts(r.disconnected),
		}
		for _, id := range r.returned[:min(len(r.returned), returnedOnReorg)] {
			p := returnedPost{ID: id.String()}
			if tx, ok := w.chain.FindPending(id); ok {
				p.Pending, p.Post = true, newPostOf(tx, nameBytes, 2)
			}
			row.Returned = append(row.Returned, p)
		}
		row.MoreReturned = r.returns - len(row.Returned)
		rows = append(rows, row)
	}
	return rows
}

func texts(hashes []pow.Hash) []string {
	list := make([]string, len(hashes))
	for i, h := range hashes {
		list[i] = h.String()
	}
	return list
}
