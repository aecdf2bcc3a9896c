package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

const (
	// The SDK's runner ends with this when it has shown the program's error itself.
	shownAlready = 32
	// How long a program that was interrupted may take to end.
	patience = 5 * time.Second
)

// GetRequiredPackages names the providers whose packages stand in the program's node_modules.
func (h *host) GetRequiredPackages(_ context.Context, r *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	modules := filepath.Join(r.Info.ProgramDirectory, "node_modules")
	answer := &pulumirpc.GetRequiredPackagesResponse{}
	for _, pattern := range []string{"*/package.json", "@*/*/package.json"} {
		manifests, err := filepath.Glob(filepath.Join(modules, pattern))
		if err != nil {
			return nil, err
		}
		for _, manifest := range manifests {
			provider, err := providerOf(manifest)
			if err != nil {
				return nil, err
			}
			if provider != nil {
				answer.Packages = append(answer.Packages, provider)
			}
		}
	}
	return answer, nil
}

// providerOf reads what a package says of the provider that it belongs to; nil when there is none.
func providerOf(manifest string) (*pulumirpc.PackageDependency, error) {
	text, err := os.ReadFile(manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var p struct {
		Name, Version string
		Pulumi        *struct {
			Resource              bool
			Name, Version, Server string
		}
	}
	if err := json.Unmarshal(text, &p); err != nil || p.Pulumi == nil || !p.Pulumi.Resource {
		// Packages of all kinds stand here; one without this entry, or with another form of it, names no provider.
		return nil, nil
	}
	name, version := p.Pulumi.Name, p.Pulumi.Version
	if name == "" {
		name = strings.TrimPrefix(p.Name, "@pulumi/")
	}
	if version == "" {
		version = p.Version
	}
	return &pulumirpc.PackageDependency{
		Kind: "resource", Name: name, Version: "v" + strings.TrimPrefix(version, "v"), Server: p.Pulumi.Server,
	}, nil
}

// piped keeps os/exec from handing this process's own descriptors on: Node.js would make them non-blocking.
type piped struct{ io.Writer }

// Run runs a program to its end. What goes wrong in it is part of the answer and no error of the call.
func (h *host) Run(ctx context.Context, r *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	cmd, stop, err := h.program(ctx, r)
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	defer stop()
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == shownAlready:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with %s", exit)}, nil
	}
	return &pulumirpc.RunResponse{Error: err.Error()}, nil
}

// program is the command that runs a program; stop lets go of what it holds.
func (h *host) program(ctx context.Context, r *pulumirpc.RunRequest) (cmd *exec.Cmd, stop func(), err error) {
	options, err := readRuntimeOptions(r.Info.Options)
	if err != nil {
		return nil, nil, err
	}
	script, err := runner(ctx, r.Info.ProgramDirectory, "run")
	if err != nil {
		return nil, nil, err
	}
	settings, err := configEnvironment(r)
	if err != nil {
		return nil, nil, err
	}
	args := append(options.nodeargs, script)
	for _, flag := range [][2]string{
		{"--monitor", r.MonitorAddress},
		{"--engine", h.engine},
		{"--organization", r.Organization},
		{"--project", r.Project},
		{"--stack", r.Stack},
		{"--root-directory", r.Info.RootDirectory},
		{"--pwd", r.Info.ProgramDirectory},
		{"--parallel", strconv.Itoa(int(r.Parallel))},
	} {
		if flag[1] != "" {
			args = append(args, flag[0], flag[1])
		}
	}
	if r.DryRun {
		args = append(args, "--dry-run")
	}
	args = append(append(args, r.Info.EntryPoint), r.Args...)

	either, cancel := context.WithCancel(ctx)
	forget := context.AfterFunc(h.ended, cancel)
	cmd = exec.CommandContext(either, "node", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	cmd.Env = append(append(os.Environ(), options.environment()...), settings...)
	cmd.Stdout, cmd.Stderr = piped{os.Stdout}, piped{os.Stderr}
	return cmd, func() { forget(); cancel() }, nil
}

// configEnvironment is the stack's config as the SDK reads it.
func configEnvironment(r *pulumirpc.RunRequest) ([]string, error) {
	values := map[string]string{}
	for written, value := range r.Config {
		key, err := config.ParseKey(written)
		if err != nil {
			return nil, err
		}
		values[key.Namespace()+":"+key.Name()] = value
	}
	texts, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(append([]string{}, r.ConfigSecretKeys...))
	if err != nil {
		return nil, err
	}
	return []string{"PULUMI_CONFIG=" + string(texts), "PULUMI_CONFIG_SECRET_KEYS=" + string(secrets)}, nil
}
