package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
)

// A part of Google's description of an API (its discovery document).
type property struct {
	Ref                  string               `json:"$ref"`
	Type                 string               `json:"type"`
	Format               string               `json:"format"`
	Enum                 []string             `json:"enum"`
	Pattern              string               `json:"pattern"`
	Items                *property            `json:"items"`
	Properties           map[string]*property `json:"properties"`
	AdditionalProperties *property            `json:"additionalProperties"`
}

type method struct {
	HTTPMethod string               `json:"httpMethod"`
	Path       string               `json:"path"`
	FlatPath   string               `json:"flatPath"`
	Request    *property            `json:"request"`
	Parameters map[string]*property `json:"parameters"`
	// The document that it stands in, and the address that it has.
	of      *document
	address *regexp.Regexp
}

type node struct {
	Resources map[string]*node   `json:"resources"`
	Methods   map[string]*method `json:"methods"`
}

type document struct {
	node
	RootURL     string               `json:"rootUrl"`
	ServicePath string               `json:"servicePath"`
	Parameters  map[string]*property `json:"parameters"`
	Schemas     map[string]*property `json:"schemas"`
}

// The provider sends these beside what the documents have; none of it comes from the program.
var providersOwn = map[string]bool{"initialNatIps": true, "deleteBgpAlwaysCompareMed": true, "repository_id": true}

var (
	placeholder = regexp.MustCompile(`\\\{\\?\+?[^}]+\\\}`)
	// Hosts by which the provider calls an API, and the one in the document.
	otherHosts = regexp.MustCompile(`^https://(?:[a-z0-9-]+-)?(run|compute)\.googleapis\.com/`)
	number     = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
)

// Every method of the documents beside the program.
var methods = sync.OnceValue(func() []*method {
	program, err := os.Executable()
	must(err)
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(program), "documents", "*.json"))
	must(err)
	var result []*method
	for _, path := range paths {
		text, err := os.ReadFile(path)
		must(err)
		var d document
		must(json.Unmarshal(text, &d))
		d.each(func(m *method) {
			m.of, m.address = &d, d.addressOf(m)
			result = append(result, m)
		})
	}
	return result
})

func (n *node) each(visit func(*method)) {
	for _, m := range n.Methods {
		visit(m)
	}
	for _, inner := range n.Resources {
		inner.each(visit)
	}
}

func (d *document) addressOf(m *method) *regexp.Regexp {
	path := m.FlatPath
	if path == "" {
		path = m.Path
	}
	pattern := placeholder.ReplaceAllString(regexp.QuoteMeta(d.ServicePath+path), `[^/]+`)
	return regexp.MustCompile("^(?:" + regexp.QuoteMeta(d.RootURL) + "|https://www\\.googleapis\\.com/)" + pattern + "$")
}

// What Google's own description of its APIs says against a request.
func (s sent) faults() []string {
	target, err := url.Parse(s.url)
	if err != nil {
		return []string{err.Error()}
	}
	// As it is sent: a name may hold a slash, which then is %2F.
	address := target.Scheme + "://" + target.Host + target.EscapedPath()
	for _, m := range methods() {
		if m.HTTPMethod != s.method || !(m.address.MatchString(address) ||
			m.address.MatchString(otherHosts.ReplaceAllString(address, "https://$1.googleapis.com/"))) {
			continue
		}
		var faults []string
		for key := range target.Query() {
			if !providersOwn[key] && m.Parameters[key] == nil && m.of.Parameters[key] == nil {
				faults = append(faults, "the API has no parameter "+key)
			}
		}
		if m.Request != nil {
			faults = append(faults, m.of.against(s.body, m.Request, "")...)
		}
		sort.Strings(faults)
		return faults
	}
	return []string{"no method has this address in Google's documents that integration/provider/provider.ts lists"}
}

// What a part of a description says against a value.
func (d *document) against(value any, p *property, at string) []string {
	if value == nil {
		return nil
	}
	if p.Ref != "" {
		p = d.Schemas[p.Ref]
	}
	switch p.Type {
	case "object":
		if object, ok := value.(map[string]any); ok {
			return d.againstObject(object, p, at)
		}
		return fault(at, "wants an object, got %v", value)
	case "array":
		list, ok := value.([]any)
		if !ok {
			return fault(at, "wants an array, got %v", value)
		}
		var faults []string
		for i, inner := range list {
			faults = append(faults, d.against(inner, p.Items, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return faults
	case "string":
		return againstText(value, p, at)
	case "integer", "number":
		text, isText := value.(string)
		if _, ok := value.(float64); !ok && !(isText && number.MatchString(text)) {
			return fault(at, "wants a number, got %v", value)
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return fault(at, "wants true or false, got %v", value)
		}
	}
	return nil
}

func (d *document) againstObject(object map[string]any, p *property, at string) []string {
	var faults []string
	for key, inner := range object {
		switch {
		case inner == nil || providersOwn[key]:
		case p.Properties[key] != nil:
			faults = append(faults, d.against(inner, p.Properties[key], at+"."+key)...)
		case p.AdditionalProperties != nil:
			faults = append(faults, d.against(inner, p.AdditionalProperties, at+"."+key)...)
		default:
			faults = append(faults, fault(at+"."+key, "the API has no such field")...)
		}
	}
	return faults
}

func againstText(value any, p *property, at string) []string {
	text, ok := value.(string)
	if !ok {
		// The provider sends some long numbers as numbers.
		if n, isNumber := value.(float64); isNumber && (p.Format == "int64" || p.Format == "uint64") && n == math.Trunc(n) {
			return nil
		}
		return fault(at, "wants a string, got %v", value)
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, text) {
		return fault(at, "%q is none of %s", text, strings.Join(p.Enum, ", "))
	}
	if p.Pattern != "" && !regexp.MustCompile(p.Pattern).MatchString(text) {
		return fault(at, "%q doesn't match %s", text, p.Pattern)
	}
	return nil
}

func fault(at, format string, args ...any) []string {
	return []string{strings.TrimPrefix(at, ".") + ": " + fmt.Sprintf(format, args...)}
}
