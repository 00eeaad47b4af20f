// Command field tries what people have: it renders every Compose file, Kustomize
// directory and chart of the repositories in a directory as it is, makes a project
// file of each repository as init does, and says which are accepted, and why the
// others are not. What kustomize or helm refuse too does not count.
//
// Usage: field DIRECTORY, which holds one repository in each of its folders.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	only := flag.String("only", "", "try one kind only: compose, kustomize, charts or init")
	reasons := flag.Bool("reasons", false, "print every reason and every warning, not only the first reason")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: field [-reasons] [-only KIND] DIRECTORY; it holds one repository in each of its folders")
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0), *only, *reasons); err != nil {
		fmt.Fprintln(os.Stderr, "field:", err)
		os.Exit(1)
	}
}

// run tries all kinds of sources and prints one line for each that it finds,
// and the totals.
func run(ctx context.Context, corpus, only string, reasons bool) error {
	for _, k := range kinds() {
		if !strings.HasPrefix(strings.ToLower(k.name), only) {
			continue
		}
		found, err := k.find(corpus)
		if err != nil {
			return err
		}
		totals := map[string]*total{}
		for _, candidate := range found {
			if err := refusedByOriginal(candidate); err != nil {
				fmt.Printf("no case   %s/%s: %s\n", candidate.repository, candidate.name, err)
				continue
			}
			outcome := try(ctx, candidate)
			outcome.print(candidate, reasons)
			for _, name := range []string{"all", candidate.repository} {
				if totals[name] == nil {
					totals[name] = &total{}
				}
				totals[name].add(outcome)
			}
		}
		printTotals(k.name, totals)
	}
	return nil
}
