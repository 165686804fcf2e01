package api

import (
	"net/http"
	"slices"
	"time"
)

// Observer is a set of functions that the API calls as things happen. Nil
// functions are skipped. They are called on the goroutine of the request, and at
// the same time for requests that run at the same time, so they must be quick.
type Observer struct {
	// Answered is called when the API has finished with a request.
	Answered func(Answered)
}

// Answered describes a request that the API has finished with.
type Answered struct {
	Route  string        // pattern of the route, such as /blocks/{id}; "other" if there is none
	Method string        // of HTTP, as the client sent it
	Status int           // StatusGone if the client left before its answer
	Took   time.Duration // from the header of the request to the end of the answer
	Stream bool          // the answer lasts as long as the client wants, so that Took says nothing
}

// StatusGone is the status of a request whose client left before its answer. It
// is never sent; nginx logs the same number.
const StatusGone = 499

// Observe attaches an observer; it stays attached. It may be called at any time; a request
// that is under way may miss the new observer.
func (a *API) Observe(o Observer) { a.observers.Add(o) }

// Stats are the numbers of an API at one moment.
type Stats struct {
	InFlight     int64 // requests being answered, without event streams
	EventStreams int64 // streams that are open
}

// Stats returns the numbers of this moment.
func (a *API) Stats() Stats {
	return Stats{InFlight: a.inFlight.Load(), EventStreams: a.static["/events"].slots.InUse()}
}

// Route is a route that the API serves.
type Route struct {
	Pattern string
	Methods []string // in alphabetical order, without OPTIONS, which every route takes
	Stream  bool     // see [Answered]
}

// Routes lists the routes for clients. Those of other nodes are left out.
func (a *API) Routes() []Route {
	routes := make([]Route, len(a.routes))
	for i, rt := range a.routes {
		routes[i] = Route{Pattern: rt.pattern, Stream: rt.stream}
		for method := range rt.methods {
			routes[i].Methods = append(routes[i].Methods, method)
		}
		slices.Sort(routes[i].Methods)
	}
	return routes
}

// begin counts a request that has arrived.
func (a *API) begin(rt *route) {
	if !rt.stream {
		a.inFlight.Add(1)
	}
}

// end tells the observers of a request that is finished.
func (a *API) end(w *writer, r *http.Request, took time.Duration) {
	if !w.route.stream {
		a.inFlight.Add(-1)
	}
	answered := Answered{Route: w.route.pattern, Method: r.Method, Status: w.status, Took: took, Stream: w.route.stream}
	if answered.Status == 0 {
		answered.Status = StatusGone
	}
	for _, o := range a.observers.All() {
		if o.Answered != nil {
			o.Answered(answered)
		}
	}
}
