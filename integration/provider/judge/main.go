// Asks the google provider itself, which @pulumi/gcp wraps, what it thinks of each resource of golden files: its schema and
// validators, its plan and, with -requests, what its create would send, held against Google's own description of its APIs.
// Nothing leaves the machine. Writes findings and, after each file, what was looked at; a JSON object a line.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-provider-google/google/registry"
)

// Creates mostly wait for a cloud that isn't there, so many go side by side.
const sideBySide = 16

// A resource as a golden file shows it.
type resource struct {
	At     string         `json:"at"`
	Type   string         `json:"type"`
	Inputs map[string]any `json:"inputs"`
}

type finding struct {
	File  string `json:"file"`
	At    string `json:"at"`
	Type  string `json:"type"`
	Stage string `json:"stage"`
	Text  string `json:"text"`
}

// What was looked at in a file.
type summary struct {
	File      string `json:"file"`
	Resources int    `json:"resources"`
	Requests  int    `json:"requests"`
}

// Takes what is found of one resource, and in which stage.
type sayer func(stage, format string, args ...any)

func main() {
	requests := flag.Bool("requests", false, "also make the create requests and hold them against Google's description of its APIs")
	flag.Parse()
	log.SetOutput(io.Discard) // the provider's own
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, path := range flag.Args() {
		text, err := os.ReadFile(path)
		must(err)
		var golden struct {
			Resources []resource `json:"resources"`
		}
		must(json.Unmarshal(text, &golden))
		findings, seen := judgeAll(path, golden.Resources, *requests)
		for _, found := range findings {
			must(out.Encode(found))
		}
		must(out.Encode(seen))
	}
}

func judgeAll(path string, all []resource, requests bool) ([]finding, summary) {
	found := make([][]finding, len(all))
	seen := summary{File: path}
	var waiting sync.WaitGroup
	var mutex sync.Mutex
	slots := make(chan struct{}, sideBySide)
	for i, one := range all {
		if !strings.HasPrefix(one.Type, "gcp:") {
			continue
		}
		waiting.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; waiting.Done() }()
			made := judge(one, requests, func(stage, format string, args ...any) {
				found[i] = append(found[i], finding{path, one.At, one.Type, stage, fmt.Sprintf(format, args...)})
			})
			mutex.Lock()
			defer mutex.Unlock()
			seen.Resources++
			seen.Requests += made
		}()
	}
	waiting.Wait()
	var findings []finding
	for _, of := range found {
		findings = append(findings, of...)
	}
	return findings, seen
}

// Says what is wrong with a resource; how many requests its create made.
func judge(one resource, requests bool, say sayer) int {
	name, known := types[one.Type]
	if !known {
		say("type", "isn't known to this check: add the line\n\t%q: %q,\nto integration/provider/judge/types.go", one.Type, guessed(one.Type))
		return 0
	}
	if registry.ResourceMap()[name] == nil {
		say("type", "the provider's packages that types.go imports have no %s: import the one that has", name)
		return 0
	}
	trial, ok := newTrial(name, one.Inputs, say)
	if !ok || !trial.plan(say) || !requests {
		return 0
	}
	return trial.create(say)
}

var humps = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// The provider's name of a type, by the rule that most of them follow.
func guessed(pulumiType string) string {
	parts := strings.Split(pulumiType, ":")
	module, _, _ := strings.Cut(parts[1], "/")
	return "google_" + module + "_" + strings.ToLower(humps.ReplaceAllString(parts[len(parts)-1], "${1}_$2"))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
