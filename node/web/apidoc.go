package web

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"sync"

	"go.yaml.in/yaml/v4"
)

// apiDoc makes the page that describes the API. It reads the description that the API
// itself serves, /openapi.yaml, when the page is asked for the first time.
type apiDoc struct {
	get func(*http.Request) ([]byte, error) // returns the description

	mu   sync.Mutex
	page *apiPage // nil: the description has not been read yet
}

// addAPI adds the page that describes the API.
func (w *Web) addAPI() {
	doc := &apiDoc{get: func(r *http.Request) ([]byte, error) {
		// The description is the same for everybody, and must not be lost with the first
		// reader's connection.
		a, err := w.call(r.WithContext(context.WithoutCancel(r.Context())), http.MethodGet, "/openapi.yaml", nil, nil)
		if err != nil {
			return nil, err
		}
		return a.body, a.read(nil)
	}}
	w.routes = append(w.routes, route{pattern: "/api", handle: doc.answer})
}

func (d *apiDoc) answer(r *http.Request) (answer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.page == nil {
		text, err := d.get(r)
		if err != nil {
			return answer{}, err
		}
		if d.page, err = readOpenAPI(text); err != nil {
			return answer{}, err
		}
	}
	return answer{page: "api", data: page{Name: "api", Title: "API", Body: apiBody{d.page, curlHost(r.Host)}}}, nil
}

// apiBody is what the template gets.
type apiBody struct {
	*apiPage
	Host string // of the node, for the commands
}

var plainHost = regexp.MustCompile(`^[A-Za-z0-9.\-]+(:[0-9]{1,5})?$`)

// curlHost returns the host for commands that a reader may paste into a shell: that of the
// request, if it is nothing but a name and a port.
func curlHost(host string) string {
	if plainHost.MatchString(host) {
		return host
	}
	return "localhost:8000"
}

// apiPage is the description of the API, in the order in which it is written.
type apiPage struct {
	Title      string
	Intro      []textBlock
	Operations []apiOperation
	Schemas    []apiSchema
}

// apiOperation is a method of a path.
type apiOperation struct {
	Method, Path string
	Anchor       string // id of its section in the page
	Summary      string
	Description  []textBlock
	Token        bool // needs the node's token, if it has one
	Params       []apiField
	Body         *apiShape // of the request; nil: none
	Answers      []apiAnswer
	Curl         []string // arguments of a curl command that calls it, but for the address
	Example      string   // path of that command
}

// apiAnswer is an answer with one status.
type apiAnswer struct {
	Status      string // such as 200, or "other"
	Description []textBlock
	Headers     []apiField
	Shapes      []apiShape
}

// apiShape is what a body looks like.
type apiShape struct {
	Media  string     // the content type
	Schema string     // the name of the schema that describes it; "": Type and Fields do
	List   bool       // it is a list of what the schema describes
	Type   string     // of the whole
	Fields []apiField // of an object
}

// apiField is a field of an object, a parameter or a header.
type apiField struct {
	Name        string
	In          string // of a parameter: query, path or header
	Type        string
	Schema      string // the name of the schema that describes it; "": none
	Required    bool
	Description []textBlock
	Fields      []apiField // of an object in the field
}

// apiSchema is a schema with a name.
type apiSchema struct {
	Name        string
	Anchor      string
	Type        string
	Description []textBlock
	Fields      []apiField
}

// readOpenAPI reads a description. It understands the part of OpenAPI 3.0 that
// openapi.yaml uses; a test makes sure that nothing in it is left out.
func readOpenAPI(text []byte) (*apiPage, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("the description of the API: %w", err)
	}
	if len(root.Content) != 1 {
		return nil, fmt.Errorf("the description of the API has no content")
	}
	s := spec{root: root.Content[0]}
	top := s.at(s.root)
	p := &apiPage{Title: top.get("info").text("title"), Intro: textBlocks(top.get("info").text("description"))}
	for path, item := range top.get("paths").members() {
		for method, operation := range item.members() {
			p.Operations = append(p.Operations, s.operation(method, path, operation))
		}
	}
	for name, schema := range top.get("components").get("schemas").members() {
		shape := s.shape("", schema)
		p.Schemas = append(p.Schemas, apiSchema{
			Name: name, Anchor: "schema-" + name, Type: shape.Type, Description: textBlocks(schema.text("description")), Fields: shape.Fields,
		})
	}
	return p, nil
}
