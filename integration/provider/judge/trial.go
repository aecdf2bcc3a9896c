package main

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/hashicorp/go-cty/cty"
	"github.com/hashicorp/go-cty/cty/msgpack"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-provider-google/google/registry"
	"github.com/hashicorp/terraform-provider-google/google/transport"
	"golang.org/x/oauth2"
)

const (
	project = "example-project"
	region  = "us-central1"
	// A create that goes on to wait for what only a cloud can do is left after so long.
	patience = 6 * time.Second
)

// One resource before the provider.
type trial struct {
	name         string
	server       tfprotov5.ProviderServer
	config, none *tfprotov5.DynamicValue
	planned      *tfprotov5.PlanResourceChangeResponse
	recorder     *recorder
}

// Says which arguments the provider's schema doesn't take; false when nothing more can be asked.
func newTrial(name string, inputs map[string]any, say sayer) (*trial, bool) {
	recorder := &recorder{last: map[string]any{}}
	described := registry.Resource(name)
	arguments := terraformForm(inputs, described.SchemaMap(), "", func(at string) {
		say("schema", "the provider has no argument %s", at)
	})
	block := described.CoreConfigSchema()
	value, err := block.CoerceValue(toCty(arguments))
	if err != nil {
		say("schema", "%v", err)
		return nil, false
	}
	pack := func(value cty.Value) *tfprotov5.DynamicValue {
		packed, err := msgpack.Marshal(value, block.ImpliedType())
		must(err)
		return &tfprotov5.DynamicValue{MsgPack: packed}
	}
	return &trial{
		name: name, server: serve(name, described, recorder), recorder: recorder,
		config: pack(value), none: pack(cty.NullVal(block.ImpliedType())),
	}, true
}

func serve(name string, described *schema.Resource, recorder *recorder) tfprotov5.ProviderServer {
	provider := &schema.Provider{ResourcesMap: map[string]*schema.Resource{name: described}}
	config := &transport.Config{
		Project: project, Region: region, Zone: region + "-b", UniverseDomain: "googleapis.com",
		Client: recorder.client(), Context: context.Background(), UserAgent: "check", PollInterval: 10 * time.Millisecond,
		BatchingConfig:  &transport.BatchingConfig{SendAfter: time.Millisecond, EnableBatching: false},
		CustomEndpoints: map[string]string{}, TokenSource: noToken{},
	}
	config.RequestBatcherServiceUsage = transport.NewRequestBatcher("Service Usage", context.Background(), config.BatchingConfig)
	config.RequestBatcherIam = transport.NewRequestBatcher("IAM", context.Background(), config.BatchingConfig)
	provider.SetMeta(config)
	return schema.NewGRPCProviderServer(provider)
}

type noToken struct{}

func (noToken) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: "none"}, nil }

// Says what the provider's validators and its plan refuse; whether it could be planned.
func (t *trial) plan(say sayer) bool {
	ctx := context.Background()
	validated, err := t.server.ValidateResourceTypeConfig(ctx, &tfprotov5.ValidateResourceTypeConfigRequest{TypeName: t.name, Config: t.config})
	must(err)
	for _, text := range texts(validated.Diagnostics) {
		say("validate", "%s", text)
	}
	t.planned, err = t.server.PlanResourceChange(ctx, &tfprotov5.PlanResourceChangeRequest{
		TypeName: t.name, PriorState: t.none, ProposedNewState: t.config, Config: t.config,
	})
	must(err)
	for _, text := range texts(t.planned.Diagnostics) {
		say("plan", "%s", text)
	}
	return len(t.planned.Diagnostics) == 0
}

// Says what is wrong with the requests that a create sends; how many there were.
func (t *trial) create(say sayer) int {
	ended := make(chan []*tfprotov5.Diagnostic, 1)
	go func() { ended <- t.apply() }()
	var diagnostics []*tfprotov5.Diagnostic
	for end := time.Now().Add(patience); diagnostics == nil && time.Now().Before(end) && !t.recorder.quiet(); {
		select {
		case diagnostics = <-ended:
			end = time.Now()
		case <-time.After(50 * time.Millisecond):
		}
	}
	made := t.recorder.writes()
	if len(made) == 0 {
		say("create", "no request was made: %v", texts(diagnostics))
	}
	for _, request := range made {
		for _, fault := range request.faults() {
			say("request", "%s %s: %s", request.method, request.url, fault)
		}
	}
	return len(made)
}

// Its answer says nothing: reading back what only the cloud could have answered may fail in any way.
func (t *trial) apply() (diagnostics []*tfprotov5.Diagnostic) {
	defer func() {
		if fault := recover(); fault != nil {
			diagnostics = []*tfprotov5.Diagnostic{{Summary: fmt.Sprint(fault)}}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	response, err := t.server.ApplyResourceChange(ctx, &tfprotov5.ApplyResourceChangeRequest{
		TypeName: t.name, PriorState: t.none, PlannedState: t.planned.PlannedState, Config: t.config, PlannedPrivate: t.planned.PlannedPrivate,
	})
	if err != nil {
		return []*tfprotov5.Diagnostic{{Summary: err.Error()}}
	}
	return response.Diagnostics
}

func texts(diagnostics []*tfprotov5.Diagnostic) []string {
	var result []string
	for _, d := range diagnostics {
		text := d.Severity.String() + " " + d.Summary
		if d.Detail != "" {
			text += ": " + d.Detail
		}
		if d.Attribute != nil {
			text = d.Attribute.String() + ": " + text
		}
		result = append(result, text)
	}
	sort.Strings(result)
	return result
}
