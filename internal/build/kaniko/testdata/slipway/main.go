// Command slipway stands in for the program in end-to-end tests of builds: it
// has the two commands that a build's Job runs, and nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/push"
	"github.com/slipway-dev/slipway/internal/build/source"
	"github.com/slipway-dev/slipway/internal/fault"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "slipway:", fault.MessageOf(err))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("no command")
	}
	switch strings.Join(args[:2], " ") {
	case "source fetch":
		return fetch(ctx, args[2:])
	case "image push":
		return pushImage(ctx, args[2:])
	}
	return errors.New("unknown command")
}

func fetch(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("fetch", flag.ContinueOnError)
	url, file, to := flags.String("url", "", ""), flags.String("token-file", "", ""), flags.String("to", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	token, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	return source.Fetch(ctx, *url, string(token), *to, source.Limits{})
}

func pushImage(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("push", flag.ContinueOnError)
	archive, to, config := flags.String("tar", "", ""), flags.String("to", "", ""), flags.String("config", "", "")
	digestFile, insecure := flags.String("digest-file", "", ""), flags.Bool("insecure", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data, err := os.ReadFile(*config)
	if err != nil {
		return err
	}
	credentials, err := build.ParseCredentials(data)
	if err != nil {
		return err
	}
	_, err = push.Push(ctx, *archive, *to, push.Options{Credentials: credentials, Insecure: *insecure, DigestFile: *digestFile})
	return err
}
