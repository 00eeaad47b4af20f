package kaniko

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Limits of what a message repeats.
const (
	maxInstructionBytes = 120
	maxErrorBytes       = 300
	maxOutputBytes      = 500
	keptOutputLines     = 5
)

// Explain returns a failed build's state with a message that names the failing
// instruction and its line, found in the end of the executor's log. A state
// that doesn't blame the Dockerfile stays as it is. It is pure.
func Explain(state build.State, log []byte, r build.Request) build.State {
	if state.Phase != build.Failed || state.Cause != build.CauseDockerfile {
		return state
	}
	name := r.DockerfileName
	if name == "" {
		name = "Dockerfile"
	}
	file, err := build.ParseDockerfile(name, r.DockerfileText)
	if err != nil {
		file = nil // an executor may understand what the parser doesn't
	}
	d := diagnose(string(log), file)
	if d.problem == "" {
		return state
	}
	state.Line = d.line
	state.Message = printable.Excerpt(d.message(name), maxMessageBytes)
	if d.killed {
		state.Cause = build.CauseMemory
		state.Message = printable.Excerpt(fmt.Sprintf("%s; most likely it used up the build's memory: make it need less, or raise the memory limit of builds", d.subject(name)), maxMessageBytes)
	}
	return state
}

// diagnosis is what the executor's log says of a failure.
type diagnosis struct {
	instruction string // text of the failing instruction, when known
	line        int    // its line, 0 when not known
	problem     string // the executor's error, without its prefixes
	output      string // the last lines that the instruction printed
	killed      bool   // by a signal
}

// message is: file:line: instruction: problem: output.
func (d diagnosis) message(name string) string {
	text := d.subject(name) + ": " + cmp.Or(d.problem, "the build failed")
	if d.output != "" {
		text += ": " + d.output
	}
	return text
}

func (d diagnosis) subject(name string) string {
	text := name
	if d.line > 0 {
		text += ":" + strconv.Itoa(d.line)
	}
	if d.instruction != "" {
		text += ": " + printable.Excerpt(d.instruction, maxInstructionBytes)
	}
	return text
}

// The forms of the executor's own log lines; everything else was printed by an
// instruction.
var (
	ownLine     = regexp.MustCompile(`^(?:INFO|WARN|ERRO|DEBU|TRAC)\[\d+\] (.*)$`)
	stageLine   = regexp.MustCompile(`^Building stage '.*' \[idx: '(\d+)', `)
	problemLine = regexp.MustCompile(`^(?:FATA\[\d+\] |Error: )?(error (?:building image|resolving|pushing image|checking push).*)$`)
	prefix      = regexp.MustCompile(`^(?:error building image|error building stage|failed to execute command|waiting for process to exit|failed to optimize instructions|failed to get files used from context|resolving src|parsing dockerfile|dockerfile parse error on line \d+|unable to complete operation after \d+ attempts, last error): `)
	parseLine   = regexp.MustCompile(`parse error on line (\d{1,6})\b`)
)

// neverLogged is part of the error of an instruction that the executor hasn't
// named yet: it looks for the files of COPY and ADD first.
const neverLogged = "failed to get files used from context"

// diagnose reads the log from its beginning, following the instructions. A
// nil file leaves lines unknown.
func diagnose(log string, file *build.Dockerfile) diagnosis {
	reader := logReader{stage: -1, at: -1}
	if file != nil {
		reader.instructions = file.Instructions()
	}
	for line := range strings.Lines(printable.Lines(log)) {
		reader.read(strings.TrimRight(line, " \n"))
	}
	return reader.found
}

// logReader follows a build through its log.
type logReader struct {
	instructions []build.Instruction
	stage        int // index, -1 while not known
	at           int // index of the running instruction, -1 before the first
	output       []string
	found        diagnosis
}

func (l *logReader) read(line string) {
	if own := ownLine.FindStringSubmatch(line); own != nil {
		l.own(own[1])
		return
	}
	if problem := problemLine.FindStringSubmatch(line); problem != nil {
		l.fail(problem[1])
		return
	}
	if strings.TrimSpace(line) == "" {
		return
	}
	l.output = append(l.output, strings.TrimSpace(line))
	if len(l.output) > keptOutputLines {
		l.output = l.output[1:]
	}
}

// own handles a line of the executor itself: the beginning of a stage or of
// an instruction, or nothing of interest.
func (l *logReader) own(text string) {
	if stage := stageLine.FindStringSubmatch(text); stage != nil {
		index, err := strconv.Atoi(stage[1])
		if err == nil {
			l.stage, l.output = index, nil
		}
		return
	}
	text = printable.Excerpt(text, len(text))
	for i := l.at + 1; i < len(l.instructions); i++ {
		next := l.instructions[i]
		if l.stage >= 0 && next.Stage != l.stage {
			continue
		}
		if printable.Excerpt(next.Text, len(next.Text)) == text {
			l.at, l.output = i, nil
			return
		}
	}
}

func (l *logReader) fail(problem string) {
	d := diagnosis{output: printable.Excerpt(strings.Join(l.output, " | "), maxOutputBytes)}
	unnamed := strings.Contains(problem, neverLogged)
	if parse := parseLine.FindStringSubmatch(problem); parse != nil {
		if line, err := strconv.Atoi(parse[1]); err == nil {
			d.line = line
		}
	}
	if failing := l.failing(unnamed); failing != nil {
		d.instruction, d.line = failing.Text, failing.Line
	}
	if unnamed {
		d.output = ""
	}
	for prefix.MatchString(problem) {
		problem = prefix.ReplaceAllString(problem, "")
	}
	d.killed = strings.Contains(problem, "signal: killed")
	d.problem = printable.Excerpt(strings.ReplaceAll(problem, sourceDir+"/", ""), maxErrorBytes)
	l.found = d
}

// failing returns the instruction that was running, or the next one that
// copies files when the executor hadn't come to name it.
func (l *logReader) failing(unnamed bool) *build.Instruction {
	if !unnamed {
		if l.at < 0 || l.stage >= 0 && l.instructions[l.at].Stage != l.stage {
			return nil
		}
		return &l.instructions[l.at]
	}
	for i := l.at + 1; i < len(l.instructions); i++ {
		next := &l.instructions[i]
		if l.stage >= 0 && next.Stage != l.stage {
			continue
		}
		word, _, _ := strings.Cut(next.Text, " ")
		if strings.EqualFold(word, "COPY") || strings.EqualFold(word, "ADD") {
			return next
		}
	}
	return nil
}
