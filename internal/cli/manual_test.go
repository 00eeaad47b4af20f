package cli_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slipway-dev/slipway/internal/cli"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// pages returns what people read, by its file: README and the like, docs and
// the manual.
func pages(t *testing.T) map[string]string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	manual := regexp.MustCompile(`(?m)^  (slipway .*?)  `).ReplaceAllString(tree().Long, "$1 # ") // explained on the same line
	all := map[string]string{"slipway --help": "```sh\n" + manual + "\n```\n"}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(text)
	}
	return all
}

func tree() *cobra.Command {
	return cli.New(stream.Standard(false), cli.Build{}, cli.Roles{})
}

// blocks returns the fenced blocks of a page in one language.
func blocks(page, language string) []string {
	var found []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(page, -1) {
		found = append(found, match[1])
	}
	return found
}

// parses reports what is wrong with a command line. One that stands in a
// sentence may leave out arguments.
func parses(line string, whole bool) error {
	line, _, _ = strings.Cut(line, "#")
	line, _, _ = strings.Cut(line, "|")
	var words []string
	for _, word := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1) {
		if bare, err := strconv.Unquote(word); err == nil {
			word = bare
		}
		words = append(words, word)
	}
	if len(words) > 1 && words[1] == strings.ToUpper(words[1]) { // any command
		return nil
	}
	command, rest, err := tree().Find(words[1:])
	if err != nil {
		return err
	}
	if err := command.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return err
	}
	args := command.Flags().Args()
	if !command.Runnable() && len(args) > 0 {
		return fmt.Errorf("%s has no command %s", command.CommandPath(), args[0])
	}
	if whole || len(args) > 0 {
		return command.ValidateArgs(args)
	}
	return nil
}

// What README, docs and manual tell people to type is understood.
func TestCommandsInDocs(t *testing.T) {
	seen := 0
	for file, page := range pages(t) {
		for _, block := range blocks(page, "sh") {
			for line := range strings.Lines(block) {
				if line = strings.TrimSpace(line); !strings.HasPrefix(line, "slipway ") {
					continue
				}
				seen++
				if err := parses(line, true); err != nil {
					t.Errorf("%s: %s: %v", file, line, err)
				}
			}
		}
		for _, match := range regexp.MustCompile("`(slipway [^`\n]+)`").FindAllStringSubmatch(page, -1) {
			seen++
			if err := parses(match[1], false); err != nil {
				t.Errorf("%s: %s: %v", file, match[1], err)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d command lines were found", seen)
	}
}

// A whole slipway.yaml that README or docs show is right.
func TestProjectFilesInDocs(t *testing.T) {
	seen := 0
	for file, page := range pages(t) {
		for _, block := range blocks(page, "yaml") {
			if !strings.HasPrefix(block, "version:") {
				continue
			}
			seen++
			if _, err := projectfile.Parse("slipway.yaml", []byte(block)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if seen < 2 {
		t.Errorf("only %d files were found", seen)
	}
}
