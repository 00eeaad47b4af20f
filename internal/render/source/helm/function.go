package helm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// functions replaces those of Helm's template functions whose result is not
// decided by their arguments alone, of whatever type those are. What is in no
// list, because a newer library brings it, is refused.
func (g *generator) functions() template.FuncMap {
	replaced := template.FuncMap{
		"keys":   sortedKeys,
		"values": sortedValues,
		"printf": printf,
	}
	maps.Copy(replaced, g.random())
	maps.Copy(replaced, g.timely())
	known := sprig.TxtFuncMap()
	maps.DeleteFunc(known, func(name string, _ any) bool { return slices.Contains(absent(), name) })
	for name := range known {
		if _, ours := replaced[name]; !ours && !slices.Contains(decided(), name) {
			replaced[name] = refusal(name)
		}
	}
	return replaced
}

// absent are functions of Sprig that Helm itself takes away.
func absent() []string { return []string{"env", "expandenv"} }

// refusal stands for a function that nobody has judged.
func refusal(name string) func(...any) (string, error) {
	return func(...any) (string, error) {
		return "", fmt.Errorf("the function %s is not known to give the same result each time; give the value explicitly", name)
	}
}

// decided are the functions whose arguments alone decide what they give: those of
// Sprig, of Helm and of Go's templates that charts may call as they are. Not in
// it are those that use a clock, the machine's time zone, randomness, the
// environment or the network.
func decided() []string {
	return slices.Concat(
		[]string{"and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "println", "slice", "urlquery"},
		[]string{"fail", "include", "lookup", "required", "tpl"}, // lookup finds nothing: there is no cluster
		[]string{"fromJson", "fromJsonArray", "fromToml", "fromYaml", "fromYamlArray", "mustToJson", "mustToToml", "mustToYaml", "toJson", "toToml", "toYaml", "toYamlPretty"},
		[]string{
			"durationDays", "durationHours", "durationMicroseconds", "durationMilliseconds", "durationMinutes", "durationNanoseconds",
			"durationRoundTo", "durationSeconds", "durationTruncateTo", "durationWeeks", "mustToDuration",
		},
		sprigDecided(),
	)
}

func sprigDecided() []string {
	return strings.Fields(`
		abbrev abbrevboth add add1 add1f addf adler32sum all any append atoi b32dec b32enc b64dec b64enc base biggest buildCustomCert
		camelcase cat ceil chunk clean coalesce compact concat contains dateModify date_modify decryptAES deepCopy deepEqual default
		derivePassword dict dig dir div divf duration empty ext first float64 floor get has hasKey hasPrefix hasSuffix hello indent
		initial initials int int64 isAbs join kebabcase kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul
		mulf mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas mustInitial mustLast
		mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll
		mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustToPrettyJson mustToRawJson mustUniq mustWithout
		must_date_modify nindent nospace omit osBase osClean osDir osExt osIsAbs pick pluck plural prepend push quote regexFind
		regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat replace rest reverse round
		semver semverCompare seq set sha1sum sha256sum sha512sum snakecase sortAlpha split splitList splitn squote sub subf substr
		swapcase ternary title toDecimal toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix trimSuffix trimall trunc
		tuple typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper urlJoin urlParse without wrap wrapWith`)
}

// printf is the usual one without the verb for addresses in memory.
func printf(format string, arguments ...any) (string, error) {
	for rest := format; ; {
		at := strings.IndexByte(rest, '%')
		if at < 0 {
			return fmt.Sprintf(format, arguments...), nil
		}
		verb := strings.TrimLeft(rest[at+1:], "+-# 0123456789.[]*")
		if strings.HasPrefix(verb, "p") {
			return "", fmt.Errorf("printf %q: the verb %%p prints where a value is in memory, which is elsewhere each time; use %%v", format)
		}
		rest = verb[min(1, len(verb)):]
	}
}

// sortedKeys is Sprig's keys in a fixed order.
func sortedKeys(dicts ...map[string]any) []string {
	var all []string
	for _, dict := range dicts {
		all = append(all, slices.Sorted(maps.Keys(dict))...)
	}
	return all
}

// sortedValues is Sprig's values in the order of their keys.
func sortedValues(dict map[string]any) []any {
	all := make([]any, 0, len(dict))
	for _, key := range slices.Sorted(maps.Keys(dict)) {
		all = append(all, dict[key])
	}
	return all
}
