// Command googlesql analyses SQL with GoogleSQL's own analyzer, the one that BigQuery has: it finds unknown tables and
// columns, wrong types and signatures, and parameters that aren't declared.
//
// Standard input is one JSON object:
//
//	{"tables": {"project.dataset.table": [["column", "TYPE"], …]},
//	 "statements": [{"name": "…", "sql": "…; …", "parameters": {"chunks": "ARRAY<STRUCT<slot INT64>>"}}]}
//
// Each statement's text may be a script. Standard output has one JSON object a refused statement: {"name": …, "error": …}.
// The exit code is 2 when the input can't be read, else 0. BigQuery takes a little less than GoogleSQL knows: what passes here
// may still be refused there, what is refused here is refused there.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	gsql "github.com/goccy/go-googlesql"
)

type statement struct {
	Name       string            `json:"name"`
	SQL        string            `json:"sql"`
	Parameters map[string]string `json:"parameters"`
}

type input struct {
	Tables     map[string][][2]string `json:"tables"`
	Statements []statement            `json:"statements"`
}

type refusal struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

func main() {
	var given input
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		fail("input: %v", err)
	}
	analyzer := newAnalyzer(given.Tables)
	output := json.NewEncoder(os.Stdout)
	for _, each := range given.Statements {
		if err := analyzer.analyze(each); err != nil {
			message := strings.ReplaceAll(err.Error(), "\n", " ")
			unwrap(0, output.Encode(refusal{each.Name, message}))
		}
	}
}

type analyzer struct {
	language *gsql.LanguageOptions
	types    *gsql.TypeFactory
	catalog  *gsql.SimpleCatalog
}

func newAnalyzer(tables map[string][][2]string) *analyzer {
	unwrap(0, gsql.Init())
	language := unwrap(gsql.NewLanguageOptions())
	unwrap(0, language.EnableMaximumLanguageFeatures())
	unwrap(0, language.SetSupportsAllStatementKinds())
	unwrap(0, language.SetProductMode(gsql.ProductModeProductExternal))
	made := &analyzer{language, unwrap(gsql.NewTypeFactory()), unwrap(gsql.NewSimpleCatalog("bigquery", nil))}
	builtin := &gsql.BuiltinFunctionOptions{LanguageOptions: language}
	unwrap(0, made.catalog.AddBuiltinFunctionsAndTypes(builtin))
	for name, columns := range tables {
		table := unwrap(gsql.NewSimpleTable(name, 0))
		for _, column := range columns {
			typed := unwrap(gsql.NewSimpleColumn(name, column[0], made.typeOf(column[1]), false, true))
			unwrap(0, table.AddColumn2(typed, false))
		}
		unwrap(0, made.catalog.AddTable(table))
	}
	return made
}

// analyze looks at each statement of a script in turn.
func (a *analyzer) analyze(script statement) error {
	options := unwrap(gsql.NewAnalyzerOptions2())
	unwrap(0, options.SetLanguage(a.language))
	for name, kind := range script.Parameters {
		unwrap(0, options.AddQueryParameter(name, a.typeOf(kind)))
	}
	text := strings.TrimRight(strings.TrimSpace(script.SQL), ";")
	if text == "" {
		return fmt.Errorf("no statement")
	}
	at := unwrap(gsql.NewParseResumeLocationFromString(text))
	for {
		before := unwrap(at.BytePosition())
		if int(before) >= len(text) {
			return nil
		}
		if _, err := gsql.AnalyzeNextStatement(at, options, a.catalog, a.types); err != nil {
			return err
		}
		if unwrap(at.BytePosition()) == before {
			return fmt.Errorf("stuck at byte %d", before)
		}
	}
}

// typeOf reads a scalar type's name, ARRAY<type> or STRUCT<name type, …>.
func (a *analyzer) typeOf(text string) gsql.Googlesql_TypeNode {
	text = strings.TrimSpace(text)
	if inner, is := within(text, "ARRAY"); is {
		return unwrap(a.types.MakeArrayType2(a.typeOf(inner)))
	}
	if inner, is := within(text, "STRUCT"); is {
		var fields []*gsql.StructField
		for _, field := range parts(inner) {
			name, kind, _ := strings.Cut(strings.TrimSpace(field), " ")
			fields = append(fields, &gsql.StructField{Name: name, Type_: a.typeOf(kind)})
		}
		return unwrap(a.types.MakeStructType2(fields))
	}
	switch text {
	case "STRING":
		return unwrap(a.types.GetString())
	case "INT64", "INTEGER":
		return unwrap(a.types.GetInt64())
	case "NUMERIC":
		return unwrap(a.types.GetNumeric())
	case "TIMESTAMP":
		return unwrap(a.types.GetTimestamp())
	case "BOOL", "BOOLEAN":
		return unwrap(a.types.GetBool())
	case "FLOAT64", "FLOAT":
		return unwrap(a.types.GetDouble())
	}
	fail("input: no type of these tables: %q", text)
	return nil
}

func within(text, kind string) (string, bool) {
	inner, is := strings.CutPrefix(text, kind+"<")
	return strings.TrimSuffix(inner, ">"), is
}

// parts cuts at the commas that aren't inside angle brackets.
func parts(text string) []string {
	var cut []string
	depth, start := 0, 0
	for i, r := range text {
		switch {
		case r == '<':
			depth++
		case r == '>':
			depth--
		case r == ',' && depth == 0:
			cut, start = append(cut, text[start:i]), i+1
		}
	}
	return append(cut, text[start:])
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(2)
}

// unwrap ends the program where the analyzer's library itself fails, which is no fault of the SQL.
func unwrap[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}
