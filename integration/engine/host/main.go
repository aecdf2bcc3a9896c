// Command host lets the Pulumi engine run programs and policy packs that are written for Node.js.
//
// It stands in for the official pulumi-language-nodejs, which isn't published as a Go module, where the engine is built
// from source for this repository's tests. It starts the runners that the SDK brings along (@pulumi/pulumi/cmd/run and
// cmd/run-policy-pack) with what the engine told it, and nothing else: it installs nothing and answers no questions
// about a project's dependencies beyond which providers they name.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// How long the engine may be silent before this process ends by itself.
const engineSilence = 2 * time.Second

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
	ended  context.Context
	end    context.CancelFunc
}

func main() {
	// The engine passes these to every plugin. The SDK's logger has defined its own two (-logtostderr, -v).
	flag.Bool("logflow", false, "")
	flag.String("tracing", "", "")
	flag.Parse()
	if err := serve(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-nodejs:", err)
		os.Exit(1)
	}
}

// serve answers the engine until it is told to end or the engine is gone. The first line printed is the port.
func serve(engine string) error {
	ended, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer end()
	if engine != "" {
		if err := rpcutil.Healthcheck(ended, engine, engineSilence, end); err != nil {
			return err
		}
	}
	cancel := make(chan bool)
	context.AfterFunc(ended, func() { close(cancel) })
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(s, &host{engine: engine, ended: ended, end: end})
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Println(server.Port)
	return <-server.Done
}

func (h *host) Handshake(_ context.Context, r *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = r.EngineAddress
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.end()
	return &emptypb.Empty{}, nil
}
