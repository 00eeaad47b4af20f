package assemble

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// scratch is the configuration of an image of no files.
func scratch(platform string) *v1.ConfigFile {
	parts := strings.Split(platform, "/")
	made := &v1.ConfigFile{OS: parts[0], Architecture: parts[1], RootFS: v1.RootFS{Type: "layers"}}
	if len(parts) > 2 {
		made.Variant = parts[2]
	}
	made.Config.WorkingDir = "/"
	return made
}

// configure carries out an instruction that changes the configuration only.
func (s *stage) configure(command instructions.Command) error {
	config := &s.config.Config
	switch c := command.(type) {
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			config.Env = setEnv(config.Env, pair.Key, pair.Value)
		}
	case *instructions.LabelCommand:
		config.Labels = orNew(config.Labels)
		for _, pair := range c.Labels {
			config.Labels[pair.Key] = pair.Value
		}
	case *instructions.ExposeCommand:
		return s.expose(c.Ports)
	case *instructions.UserCommand:
		config.User = c.User
	case *instructions.CmdCommand:
		config.Cmd, s.hasCommand = s.commandLine(c.ShellDependantCmdLine), true
	case *instructions.EntrypointCommand:
		config.Entrypoint = s.commandLine(c.ShellDependantCmdLine)
		if !s.hasCommand {
			config.Cmd = nil // of the base image, made for another entry point
		}
	case *instructions.VolumeCommand:
		config.Volumes = orNew(config.Volumes)
		for _, at := range c.Volumes {
			config.Volumes[at] = struct{}{}
		}
	case *instructions.StopSignalCommand:
		if !isSignal(c.Signal) {
			return obstacle(0, "%s is no signal", c.Signal)
		}
		config.StopSignal = c.Signal
	case *instructions.HealthCheckCommand:
		return s.healthCheck(c)
	case *instructions.ShellCommand:
		config.Shell = c.Shell
	case *instructions.MaintainerCommand:
		s.config.Author = c.Maintainer
	}
	return nil
}

func orNew[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// setEnv sets a variable where it stands, or at the end.
func setEnv(env []string, key, value string) []string {
	for i, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); name == key {
			env[i] = key + "=" + value
			return env
		}
	}
	return append(env, key+"="+value)
}

// commandLine returns the words of CMD or ENTRYPOINT, behind a shell where they are one
// text.
func (s *stage) commandLine(line instructions.ShellDependantCmdLine) []string {
	if !line.PrependShell {
		return line.CmdLine
	}
	shell := s.config.Config.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	return append(slices.Clone(shell), strings.Join(line.CmdLine, " "))
}

// maxPorts bounds the ports that an image exposes, ranges written out.
const maxPorts = 1000

// expose adds ports: 80, 80/udp, or 8000-8010.
func (s *stage) expose(words []string) error {
	exposed := orNew(maps.Clone(s.config.Config.ExposedPorts))
	for _, word := range words {
		ports, protocol, has := strings.Cut(word, "/")
		if protocol = strings.ToLower(protocol); !has {
			protocol = "tcp"
		}
		first, last, isRange := strings.Cut(ports, "-")
		if !isRange {
			last = first
		}
		from, fromErr := strconv.ParseUint(first, 10, 16)
		to, toErr := strconv.ParseUint(last, 10, 16)
		if fromErr != nil || toErr != nil || from > to || !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
			return obstacle(0, "%s is no plain port", word)
		}
		if int(to-from)+len(exposed) >= maxPorts {
			return obstacle(0, "it exposes more than %d ports", maxPorts)
		}
		for port := from; port <= to; port++ {
			exposed[strconv.FormatUint(port, 10)+"/"+protocol] = struct{}{}
		}
	}
	s.config.Config.ExposedPorts = exposed
	return nil
}

// isSignal reports whether a word is a signal's number or name.
func isSignal(word string) bool {
	if value, is := number(word); is {
		return value > 0 && value < 65
	}
	name := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	return slices.Contains(strings.Fields("ABRT ALRM BUS CHLD CONT FPE HUP ILL INT IO KILL PIPE PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"), name)
}

func (s *stage) healthCheck(c *instructions.HealthCheckCommand) error {
	if c.Health.StartInterval != 0 {
		return obstacle(0, "HEALTHCHECK has --start-interval")
	}
	s.config.Config.Healthcheck = &v1.HealthConfig{
		Test: c.Health.Test, Interval: c.Health.Interval, Timeout: c.Health.Timeout, StartPeriod: c.Health.StartPeriod, Retries: c.Health.Retries,
	}
	return nil
}

// workdir changes the directory of later instructions, and makes it. It belongs to the
// user that instructions before have named.
func (s *stage) workdir(c *instructions.WorkdirCommand) error {
	dir := c.Path
	if !path.IsAbs(dir) {
		dir = path.Join("/", s.config.Config.WorkingDir, dir)
	}
	dir = path.Clean(dir)
	s.config.Config.WorkingDir = dir
	at, ok := s.fs.resolve(dir)
	if !ok {
		return obstacle(0, "links lead in circles on the way to %s", dir)
	}
	var by owner
	if user := s.config.Config.User; user != "" && s.fs.look(at).kind == nothing {
		if by, ok = s.fs.ownerOf(user); !ok {
			return obstacle(0, "the numbers of USER %s, who gets the directory, are not known for certain", user)
		}
	}
	if !s.fs.mkdirAll(at, by.uid, by.gid) {
		return obstacle(0, "something that is no directory is in the way of %s", dir)
	}
	return nil
}
