package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// RunPlugin runs a policy pack. It waits for the engine to tell the stack before the pack is started, since a pack reads
// the stack from its environment.
func (h *host) RunPlugin(r *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer) error {
	if r.Kind != "analyzer" {
		return fmt.Errorf("this host runs programs and policy packs, not plugins of kind %q", r.Kind)
	}
	ctx, folder := server.Context(), r.Info.ProgramDirectory
	options, err := readRuntimeOptions(r.Info.Options)
	if err != nil {
		return err
	}
	script, err := runner(ctx, folder, "run-policy-pack")
	if err != nil {
		return err
	}
	streams, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	closed := sync.OnceValue(streams.Close)
	defer func() { _ = closed() }()
	proxy, stdout, err := sdk.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return err
	}
	env := append(r.Env, options.environment()...)
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return err
	}
	if stack != nil {
		config, err := json.Marshal(stack.Config)
		if err != nil {
			return err
		}
		env = append(env,
			"PULUMI_NODEJS_ORGANIZATION="+stack.Organization,
			"PULUMI_NODEJS_PROJECT="+stack.Project,
			"PULUMI_NODEJS_STACK="+stack.Stack,
			"PULUMI_NODEJS_DRY_RUN="+strconv.FormatBool(stack.DryRun),
			"PULUMI_CONFIG="+string(config))
	}
	// As in the official host, nodeargs stand behind the script, where Node.js doesn't see them: a pack that needs them
	// has to fail here as it fails there.
	args := append(append([]string{script}, options.nodeargs...), r.Args...)
	cmd := exec.CommandContext(ctx, "node", append(args, folder)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = folder, env, stdout, stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := proxy.Attach(ctx, cmd); err != nil {
		return err
	}
	return closed()
}
