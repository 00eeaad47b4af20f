package grammar

import "regexp"

// Format is a set of strings. Patterns use only what Go and ECMAScript
// understand alike.
type Format struct {
	Noun    string // what a member is called: "a service name"
	Remedy  string
	Pattern *regexp.Regexp
	Not     *regexp.Regexp // must not match; nil: none
	Max     int            // characters
	// quiet keeps values out of messages, because they may be secret.
	quiet bool
}

// segment is a path's element other than "." and "..".
const segment = `([^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*|\.[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*|\.\.[^/\\\x00-\x1f\x7f]+)`

const hostLabel = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`

// The patterns of formats; those that several formats share have the name of
// the first.
var (
	projectNamePattern    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	stageNamePattern      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	stageNameNot          = regexp.MustCompile(`^pr(-|$)`)
	serviceNamePattern    = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	composeNamePattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	secretNamePattern     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	secretKeyPattern      = regexp.MustCompile(`^[A-Za-z0-9_][-._A-Za-z0-9]*$`)
	sealedValuePattern    = regexp.MustCompile(`^(YWdlLWVuY3J5cHRpb24ub3JnL3YxC[A-Za-z0-9+/]+={0,2}|-----BEGIN AGE ENCRYPTED FILE-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END AGE ENCRYPTED FILE-----\n?)$`)
	loginPattern          = regexp.MustCompile(`^[!-)+-~]+$`)
	emailPattern          = regexp.MustCompile(`^[!-)+-?A-~]+@[!-)+-?A-~]+$`)
	branchNamePattern     = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?\[\]\\]+$`)
	refNamePattern        = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?*\[\]\\]+$`)
	filePathPattern       = regexp.MustCompile(`^(\.|` + segment + `(/` + segment + `)*/?)$`)
	mountPathPattern      = regexp.MustCompile(`^(/` + segment + `)+$`)
	urlPathPattern        = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$`)
	hostPattern           = regexp.MustCompile(`^(` + hostLabel + `\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	imageReferencePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)
	repositoryURLPattern  = regexp.MustCompile(`^(https?://|ssh://([A-Za-z0-9._-]+@)?)[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)+/?$`)
	buildTargetPattern    = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]*)?$`)
	envNamePattern        = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	envValuePattern       = regexp.MustCompile(`^[^\x00]*$`)
	labelPattern          = regexp.MustCompile(`^[^\x00-\x1f\x7f]+$`)
	capabilityPattern     = regexp.MustCompile(`^[A-Z][A-Z_]*$`)
	cpuQuantityPattern    = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,3})?m?$`)
	byteQuantityPattern   = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,3})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$`)
	durationPattern       = regexp.MustCompile(`^([0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h))+$`)
	instantPattern        = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$`)
	hoursPattern          = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9] [A-Za-z][A-Za-z0-9_+/-]*$`)
	cronExpressionPattern = regexp.MustCompile(`^[0-9A-Za-z*,/-]+( +[0-9A-Za-z*,/-]+){4}$`)
)

func projectName() *Format {
	return &Format{Noun: "a project name", Remedy: "use at most 40 lower-case letters, digits and dashes, none at the ends",
		Pattern: projectNamePattern, Max: 40}
}

func stageName() *Format {
	return &Format{Noun: "a stage name", Remedy: "use at most 40 lower-case letters and digits with single dashes between them, starting with a letter and not with pr-, which previews have",
		Pattern: stageNamePattern, Not: stageNameNot, Max: 40}
}

func serviceName() *Format {
	return &Format{Noun: "a service name", Remedy: "use at most 40 lower-case letters, digits and dashes, starting with a letter and not ending with a dash",
		Pattern: serviceNamePattern, Max: 40}
}

func templateName() *Format {
	return &Format{Noun: "a template name", Remedy: "use lower-case letters, digits and dashes; slipway templates list shows what there is",
		Pattern: serviceNamePattern, Max: 40}
}

func volumeName() *Format {
	return &Format{Noun: "a volume name", Remedy: "use at most 40 lower-case letters, digits and dashes, starting with a letter",
		Pattern: serviceNamePattern, Max: 40}
}

func portName() *Format {
	return &Format{Noun: "a port name", Remedy: "use at most 15 lower-case letters, digits and dashes, starting with a letter",
		Pattern: serviceNamePattern, Max: 15}
}

func composeName() *Format {
	return &Format{Noun: "a Compose service name", Remedy: "use the name as it is in the Compose file",
		Pattern: composeNamePattern, Max: 63}
}

func secretName() *Format {
	return &Format{Noun: "a Secret's name", Remedy: "use lower-case letters, digits, dashes and dots; name the Secret, never its value",
		Pattern: secretNamePattern, Max: 253, quiet: true}
}

func secretKey() *Format {
	return &Format{Noun: "a key of a Secret", Remedy: "use letters, digits, underscores, dashes and dots, like API_KEY",
		Pattern: secretKeyPattern, Max: 253}
}

// sealedValue is an age file: its first line in base64, or its armor. What is
// none may be a secret in plain text and is never shown.
func sealedValue() *Format {
	return &Format{Noun: "sealed", Remedy: "seal it with slipway seal NAME KEY, and change the secret if its value has been in git",
		Pattern: sealedValuePattern, Max: 48 << 10, quiet: true}
}

func login() *Format {
	return &Format{Noun: "a name at the forge", Remedy: "use the login or group path, without spaces and without *: nobody has a role by a pattern", Pattern: loginPattern, Max: 128}
}

func email() *Format {
	return &Format{Noun: "an e-mail address", Remedy: "write name@domain", Pattern: emailPattern, Max: 254}
}

func branchPattern() *Format {
	return &Format{Noun: "a branch or tag name or pattern", Remedy: "use a name like main or a pattern like feature/* (* is any text without a slash, ** any text)",
		Pattern: branchNamePattern, Max: 250}
}

func refName() *Format {
	return &Format{Noun: "a branch or tag name", Remedy: "use a name like main, without patterns",
		Pattern: refNamePattern, Max: 250}
}

func filePath() *Format {
	return &Format{Noun: "a path in the repository", Remedy: "use a relative path with forward slashes and without . and .. elements",
		Pattern: filePathPattern, Max: 1024}
}

func mountPath() *Format {
	return &Format{Noun: "an absolute path in the container", Remedy: "use a path like /data, without . and .. elements",
		Pattern: mountPathPattern, Max: 1024}
}

func urlPath() *Format {
	return &Format{Noun: "a URL path", Remedy: "use a path like / or /api",
		Pattern: urlPathPattern, Max: 1024}
}

func host() *Format {
	return &Format{Noun: "a host name", Remedy: "use a full name in lower case, like shop.example.com",
		Pattern: hostPattern, Max: 253}
}

func imageReference() *Format {
	return &Format{Noun: "an image reference", Remedy: "write registry/name:tag, like redis:7.4",
		Pattern: imageReferencePattern, Max: 512}
}

func repositoryURL() *Format {
	return &Format{Noun: "a repository URL", Remedy: "write https://host/path or ssh://git@host/path; credentials belong to the Project",
		Pattern: repositoryURLPattern, Max: 1024, quiet: true}
}

func buildTarget() *Format {
	return &Format{Noun: "a build target", Remedy: "use the name of a stage of the Dockerfile",
		Pattern: buildTargetPattern, Max: 128}
}

func envName() *Format {
	return &Format{Noun: "a variable name", Remedy: "use letters, digits and underscores, not starting with a digit",
		Pattern: envNamePattern, Max: 256}
}

func envValue() *Format {
	return &Format{Noun: "text without NUL characters", Remedy: "remove the NUL character", Pattern: envValuePattern, Max: 32 << 10, quiet: true}
}

func argument() *Format {
	return &Format{Noun: "text without NUL characters", Remedy: "remove the NUL character", Pattern: envValuePattern, Max: 8 << 10, quiet: true}
}

func label() *Format {
	return &Format{Noun: "one line of text", Remedy: "write it in one line without control characters", Pattern: labelPattern, Max: 200}
}

func capability() *Format {
	return &Format{Noun: "a Linux capability", Remedy: "write it like NET_BIND_SERVICE", Pattern: capabilityPattern, Max: 40}
}

func cpuQuantity() *Format {
	return &Format{Noun: "an amount of CPU", Remedy: `write cores like "2" or thousandths like 250m`,
		Pattern: cpuQuantityPattern, Max: 16}
}

func byteQuantity() *Format {
	return &Format{Noun: "an amount of bytes", Remedy: "write it like 256Mi or 8Gi",
		Pattern: byteQuantityPattern, Max: 24}
}

func duration() *Format {
	return &Format{Noun: "a duration", Remedy: "write it like 90s, 30m or 72h",
		Pattern: durationPattern, Max: 32}
}

func instant() *Format {
	return &Format{Noun: "an instant", Remedy: "write it like 2030-12-24T00:00:00Z",
		Pattern: instantPattern, Max: 25}
}

func hours() *Format {
	return &Format{Noun: "a part of the day", Remedy: "write it like 20:00-07:00 Europe/Berlin",
		Pattern: hoursPattern, Max: 80}
}

func cronExpression() *Format {
	return &Format{Noun: "a schedule", Remedy: `write five fields: minute hour day month weekday, like "0 3 * * *"`,
		Pattern: cronExpressionPattern, Max: 100}
}
