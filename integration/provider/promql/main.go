// Parses queries as Prometheus does. Takes a JSON list of texts and answers a JSON list: what is wrong with each, or nothing.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	var queries []string
	must(json.NewDecoder(os.Stdin).Decode(&queries))
	faults := make([]string, len(queries))
	taken := parser.NewParser(parser.Options{})
	for i, query := range queries {
		if _, err := taken.ParseExpr(query); err != nil {
			faults[i] = err.Error()
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(faults))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
