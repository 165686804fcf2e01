package web

import (
	"bytes"
	"crypto/rand"
	"errors"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/internal/slots"
)

// Config configures the pages. Chain and API are required.
type Config struct {
	Chain Chain

	// API answers the requests that the pages make for their readers, such as that of
	// a form. It is not called before the first page is served, so it may be a function
	// that calls an API which is made later.
	API http.Handler

	// Token says that the API requires a token of requests that mine or that connect
	// nodes. The forms for these then ask for it.
	Token bool

	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
	Rand   io.Reader        // for the keys that keep a form from being submitted twice; nil: crypto/rand
}

// Web serves the pages. It is an [http.Handler].
type Web struct {
	chain Chain
	api   http.Handler
	token bool
	log   *slog.Logger
	now   func() time.Time
	rand  io.Reader

	routes    []route
	mux       *http.ServeMux
	static    *static
	templates map[string]*template.Template // by the name of the page
	origins   *http.CrossOriginProtection

	pages        *slots.Slots
	forms, waits *slots.Slots  // forms being handled: those that wait for nothing, and the others
	formBytes    *slots.Slots  // bytes of the forms that are in memory
	reads        chan struct{} // a semaphore: one element for each block being read
	summaries    *summaries
	reorgs       *reorgs
	parts        *parts
	buffers      sync.Pool // of *bytes.Buffer, in which pages are made
	unsubscribe  func()
}

var _ http.Handler = (*Web)(nil)

// New makes the pages and subscribes them to the events of the chain. Call Close when
// they are no longer needed. The error tells of a template that is wrong.
//
// Make the pages before the API, whose streams tell open pages of the events: the chain calls
// its subscribers in the order in which they came, and a page that asks for news must not get
// what was made before the event.
func New(c Config) (*Web, error) {
	if c.Chain == nil || c.API == nil {
		return nil, errors.New("web: the pages need a chain and an API")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	w := &Web{
		chain: c.Chain, api: c.API, token: c.Token, log: c.Logger, now: c.Now, rand: c.Rand,
		origins:   http.NewCrossOriginProtection(),
		pages:     slots.New(maxPages),
		forms:     slots.New(maxForms),
		waits:     slots.New(maxWaits),
		formBytes: slots.New(maxFormBytes),
		reads:     make(chan struct{}, maxReads),
		summaries: newSummaries(summariesKept),
		reorgs:    newReorgs(c.Now),
		parts:     newParts(c.Now),
	}
	w.buffers.New = func() any { return new(bytes.Buffer) }
	var err error
	if w.static, err = loadStatic(); err != nil {
		return nil, err
	}
	if w.templates, err = w.loadTemplates(); err != nil {
		return nil, err
	}
	w.addRoutes()
	w.unsubscribe = c.Chain.Subscribe(func(e chain.Event) {
		w.reorgs.note(e)
		w.parts.note(e)
	})
	return w, nil
}

// Close cancels the subscription to the chain. Later calls do nothing.
func (w *Web) Close() { w.unsubscribe() }
