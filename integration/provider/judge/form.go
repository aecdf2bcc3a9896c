package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/go-cty/cty"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// Pulumi's form of arguments as Terraform's: names by the rule of Pulumi's bridge, single blocks as lists of one.
func terraformForm(inputs map[string]any, fields map[string]*schema.Schema, at string, unknown func(at string)) map[string]any {
	byPulumi := map[string]string{}
	for name, field := range fields {
		for _, candidate := range pulumiNames(name, field) {
			if _, taken := byPulumi[candidate]; !taken || candidate == camel(name) {
				byPulumi[candidate] = name
			}
		}
	}
	result := map[string]any{}
	for key, raw := range inputs {
		name, ok := byPulumi[key]
		if !ok {
			unknown(at + key)
			continue
		}
		result[name] = terraformValue(whole(raw), fields[name], at+key, unknown)
	}
	return result
}

func terraformValue(value any, field *schema.Schema, at string, unknown func(at string)) any {
	inner := func(item any, at string) any {
		switch elem := field.Elem.(type) {
		case *schema.Resource:
			if object, ok := item.(map[string]any); ok {
				return terraformForm(object, elem.SchemaMap(), at+".", unknown)
			}
		case *schema.Schema:
			return terraformValue(item, elem, at, unknown)
		}
		return item
	}
	if field.Type != schema.TypeList && field.Type != schema.TypeSet {
		return value
	}
	if list, ok := value.([]any); ok {
		result := make([]any, len(list))
		for i, item := range list {
			result[i] = inner(item, fmt.Sprintf("%s[%d]", at, i))
		}
		return result
	}
	if field.MaxItems == 1 {
		return []any{inner(value, at)}
	}
	return value
}

// The golden files show texts of JSON as what they hold, and texts of several lines as their lines.
func whole(value any) any {
	switch v := value.(type) {
	case []any:
		result := make([]any, len(v))
		for i, item := range v {
			result[i] = whole(item)
		}
		return result
	case map[string]any:
		if lines, ok := v["$lines"].([]any); ok {
			texts := make([]string, len(lines))
			for i, line := range lines {
				texts[i] = line.(string)
			}
			return strings.Join(texts, "\n")
		}
		if shown, ok := v["$json"]; ok {
			text, err := json.Marshal(whole(shown))
			must(err)
			return string(text)
		}
		result := map[string]any{}
		for key, item := range v {
			result[key] = whole(item)
		}
		return result
	}
	return value
}

func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, part := range parts {
		if i > 0 && part != "" {
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "")
}

func pulumiNames(name string, field *schema.Schema) []string {
	base := camel(name)
	names := []string{base}
	if (field.Type == schema.TypeList || field.Type == schema.TypeSet) && field.MaxItems != 1 {
		names = append(names, base+"s", base+"es")
		if strings.HasSuffix(base, "y") {
			names = append(names, base[:len(base)-1]+"ies")
		}
	} else if strings.HasSuffix(base, "s") {
		names = append(names, strings.TrimSuffix(base, "s"))
	}
	return names
}

func toCty(value any) cty.Value {
	switch v := value.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType)
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case float64:
		return cty.NumberFloatVal(v)
	case []any:
		items := make([]cty.Value, len(v))
		for i, item := range v {
			items[i] = toCty(item)
		}
		return cty.TupleVal(items)
	case map[string]any:
		items := map[string]cty.Value{}
		for key, item := range v {
			items[key] = toCty(item)
		}
		return cty.ObjectVal(items)
	}
	panic(fmt.Sprintf("%T isn't of JSON", value))
}
