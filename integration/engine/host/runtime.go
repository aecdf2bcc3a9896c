package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/google/shlex"
	"google.golang.org/protobuf/types/known/structpb"
)

// runtimeOptions are what Pulumi.yaml and PulumiPolicy.yaml may say under runtime.options.
type runtimeOptions struct {
	typescript bool
	tsconfig   string
	nodeargs   []string
}

// readRuntimeOptions knows the options that matter here; others, such as packagemanager, are for installing.
func readRuntimeOptions(given *structpb.Struct) (runtimeOptions, error) {
	o := runtimeOptions{typescript: true}
	wrong := func(key string, value any) error {
		return fmt.Errorf("runtime option %s can't be %v", key, value)
	}
	for key, value := range given.AsMap() {
		switch key {
		case "typescript":
			is, ok := value.(bool)
			if !ok {
				return o, wrong(key, value)
			}
			o.typescript = is
		case "tsconfig":
			path, ok := value.(string)
			if !ok {
				return o, wrong(key, value)
			}
			o.tsconfig = path
		case "nodeargs":
			line, ok := value.(string)
			if !ok {
				return o, wrong(key, value)
			}
			words, err := shlex.Split(line)
			if err != nil {
				return o, fmt.Errorf("runtime option nodeargs: %w", err)
			}
			o.nodeargs = words
		}
	}
	return o, nil
}

// environment is how the SDK's runners are told about TypeScript.
func (o runtimeOptions) environment() []string {
	var env []string
	if o.typescript {
		env = append(env, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if o.tsconfig != "" {
		env = append(env, "PULUMI_NODEJS_TSCONFIG_PATH="+o.tsconfig)
	}
	return env
}

// runner finds one of the SDK's runners as Node.js sees it from a folder.
func runner(ctx context.Context, folder, name string) (string, error) {
	module := "@pulumi/pulumi/cmd/" + name
	cmd := exec.CommandContext(ctx, "node", "--print", "require.resolve(process.argv[1])", module)
	cmd.Dir = folder
	found, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s isn't installed for %s (npm ci): %w", module, folder, err)
	}
	return strings.TrimSpace(string(found)), nil
}
