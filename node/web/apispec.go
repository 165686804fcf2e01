package web

import (
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// spec is a parsed description of an API.
type spec struct{ root *yaml.Node }

// specNode is a value in it. The zero node stands for a value that is missing; it has no
// members and no text.
type specNode struct {
	spec spec
	n    *yaml.Node
}

const refPrefix = "#/components/schemas/"

// at returns a value with its alias and its reference resolved.
func (s spec) at(n *yaml.Node) specNode {
	const deepest = 16 // a description whose references go round is wrong
	for range deepest {
		switch {
		case n == nil:
			return specNode{spec: s}
		case n.Kind == yaml.AliasNode:
			n = n.Alias
		default:
			path, ok := strings.CutPrefix(member(n, "$ref"), "#/")
			if !ok {
				return specNode{s, n}
			}
			target := specNode{s, s.root}
			for name := range strings.SplitSeq(path, "/") {
				target = specNode{s, child(target.n, name)}
			}
			n = target.n
		}
	}
	return specNode{spec: s}
}

// child returns the value of a member, as it is written; nil if there is none.
func child(n *yaml.Node, name string) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// member returns the text of a member; "" if there is none.
func member(n *yaml.Node, name string) string {
	if c := child(n, name); c != nil && c.Kind == yaml.ScalarNode {
		return c.Value
	}
	return ""
}

func (v specNode) get(name string) specNode { return v.spec.at(child(v.n, name)) }
func (v specNode) text(name string) string  { return member(v.n, name) }
func (v specNode) has(name string) bool     { return child(v.n, name) != nil }
func (v specNode) isTrue(name string) bool  { return member(v.n, name) == "true" }
func (v specNode) ref(name string) string   { return schemaName(child(v.n, name)) }
func (v specNode) strings(name string) (list []string) {
	for _, item := range v.get(name).items() {
		list = append(list, item.n.Value)
	}
	return list
}

// schemaName returns the name of the schema to which a value refers; "" if it is not a
// reference to one.
func schemaName(n *yaml.Node) string {
	name, ok := strings.CutPrefix(member(n, "$ref"), refPrefix)
	if !ok {
		return ""
	}
	return name
}

// members returns the members of a mapping in the order in which they are written.
func (v specNode) members() iter.Seq2[string, specNode] {
	return func(yield func(string, specNode) bool) {
		if v.n == nil || v.n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(v.n.Content); i += 2 {
			if !yield(v.n.Content[i].Value, v.spec.at(v.n.Content[i+1])) {
				return
			}
		}
	}
}

// items returns the items of a sequence.
func (v specNode) items() (list []specNode) {
	if v.n == nil || v.n.Kind != yaml.SequenceNode {
		return nil
	}
	for _, n := range v.n.Content {
		list = append(list, v.spec.at(n))
	}
	return list
}

func (s spec) operation(method, path string, v specNode) apiOperation {
	op := apiOperation{
		Method: strings.ToUpper(method), Path: path, Anchor: v.text("operationId"),
		Summary: v.text("summary"), Description: textBlocks(v.text("description")), Token: v.has("security"), Example: path,
	}
	for _, p := range v.get("parameters").items() {
		field := s.field(p.text("name"), child(p.n, "schema"), p.isTrue("required"))
		field.In = p.text("in")
		if d := p.text("description"); d != "" {
			field.Description = textBlocks(d)
		}
		op.Params = append(op.Params, field)
		if field.In == "path" {
			op.Example = strings.ReplaceAll(op.Example, "{"+field.Name+"}", strings.ToUpper(field.Name))
		}
	}
	if op.Method != http.MethodGet && !v.has("requestBody") {
		op.Curl = append(op.Curl, "-X", op.Method)
	}
	if op.Token {
		op.Curl = append(op.Curl, "-H", `'Authorization: Bearer TOKEN'`)
	}
	for media, content := range v.get("requestBody").get("content").members() {
		shape := s.shape(media, content.get("schema"))
		shape.Schema = content.ref("schema")
		op.Body = &shape
		op.Curl = append(op.Curl, "-H", "'Content-Type: "+media+"'", "-d", bodyArgument(content.get("schema")))
	}
	for status, a := range v.get("responses").members() {
		op.Answers = append(op.Answers, s.response(status, a))
	}
	return op
}

func (s spec) response(status string, v specNode) apiAnswer {
	a := apiAnswer{Status: status, Description: textBlocks(v.text("description"))}
	if status == "default" {
		a.Status = "other"
	}
	for name, h := range v.get("headers").members() {
		field := s.field(name, child(h.n, "schema"), false)
		field.Description = textBlocks(h.text("description"))
		a.Headers = append(a.Headers, field)
	}
	for media, content := range v.get("content").members() {
		schema := content.get("schema")
		shape := s.shape(media, schema)
		shape.Schema = content.ref("schema")
		if schema.text("type") == "array" {
			if name := schema.ref("items"); name != "" {
				shape.Schema, shape.List = name, true
			}
		}
		a.Shapes = append(a.Shapes, shape)
	}
	return a
}

func (s spec) shape(media string, schema specNode) apiShape {
	shape := apiShape{Media: media, Type: schemaType(schema)}
	shape.Fields = s.fields(schema)
	return shape
}

// fields returns the fields of an object, or of the objects in a list.
func (s spec) fields(schema specNode) (fields []apiField) {
	if schema.text("type") == "array" {
		return s.fields(schema.get("items"))
	}
	required := schema.strings("required")
	properties := schema.get("properties")
	if properties.n == nil {
		return nil
	}
	for i := 0; i+1 < len(properties.n.Content); i += 2 {
		name := properties.n.Content[i].Value
		fields = append(fields, s.field(name, properties.n.Content[i+1], slices.Contains(required, name)))
	}
	return fields
}

// field describes a field. Its schema is given as it is written, so that a reference can
// be shown as one.
func (s spec) field(name string, written *yaml.Node, required bool) apiField {
	schema := s.at(written)
	f := apiField{Name: name, Type: schemaType(schema), Schema: schemaName(written), Required: required}
	f.Description = textBlocks(schema.text("description"))
	if schema.text("type") == "array" && f.Schema == "" {
		f.Schema = schema.ref("items")
	}
	if f.Schema == "" {
		f.Fields = s.fields(schema)
	} else {
		f.Description = nil // the schema has it
	}
	return f
}

// schemaType describes in words what values a schema allows.
func schemaType(v specNode) string {
	kind := v.text("type")
	var more []string
	switch {
	case kind == "array":
		kind = "list of " + plural(v.get("items").text("type"))
		if most := v.text("maxItems"); most != "" {
			more = append(more, "at most "+most)
		}
	case v.has("enum"):
		more = append(more, strings.Join(v.strings("enum"), ", "))
	case v.has("pattern"):
		more = append(more, "matches "+v.text("pattern"))
	}
	least, most := v.text("minimum"), v.text("maximum")
	switch {
	case least != "" && most != "":
		more = append(more, least+" to "+most)
	case least != "":
		more = append(more, least+" or more")
	case most != "":
		more = append(more, "at most "+most)
	}
	if least, most := v.text("minLength"), v.text("maxLength"); most != "" {
		more = append(more, least+" to "+most+" characters")
	} else if least != "" && least != "0" {
		more = append(more, "not empty")
	}
	if d := v.text("default"); d != "" {
		more = append(more, "if missing: "+d)
	}
	if len(more) > 0 {
		kind += ": " + strings.Join(more, "; ")
	}
	return kind
}

func plural(kind string) string {
	if kind == "" {
		return "values"
	}
	return kind + "s"
}

// bodyArgument returns the argument of curl with which a body can be sent: a JSON object
// with the required fields of a schema, or the name of a file if there are many.
func bodyArgument(schema specNode) string {
	const most = 4
	required := schema.strings("required")
	if len(required) > most {
		return "@body.json"
	}
	var parts []string
	for name, property := range schema.get("properties").members() {
		if slices.Contains(required, name) {
			parts = append(parts, strconv.Quote(name)+":"+exampleValue(property))
		}
	}
	return "'{" + strings.Join(parts, ",") + "}'"
}

// exampleValue returns a value in JSON that a schema allows.
func exampleValue(property specNode) string {
	if text := property.text("example"); text != "" && !strings.Contains(text, "'") {
		if property.text("type") != "string" {
			return text
		}
		literal, err := json.Marshal(text)
		if err == nil {
			return string(literal)
		}
	}
	if options := property.strings("enum"); len(options) > 0 {
		return strconv.Quote(options[0])
	}
	switch property.text("type") {
	case "string":
		return `"text"`
	case "array":
		return "[]"
	case "object":
		return "{}"
	case "boolean":
		return "true"
	}
	return "0"
}

// URL returns the address of the example of an operation, for a link. It is "" if the
// operation changes something, or if its path has parameters.
func (op apiOperation) URL() string {
	if op.Method != http.MethodGet || op.Token || strings.Contains(op.Path, "{") || strings.HasSuffix(op.Path, "/events") {
		return ""
	}
	return (&url.URL{Path: op.Path}).String()
}
